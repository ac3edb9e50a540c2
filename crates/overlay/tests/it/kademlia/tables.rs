//! Tables: those of a converged start, those that joins grow, their size.

use std::mem::size_of;

use peerlab_model::{Issues, Keywords, LookupId, Message, Overlay, OverlayConfig, Time, Token, Wire, Word};
use peerlab_overlay::structured::contacts::Contacts;
use peerlab_overlay::structured::kademlia::{
    Ask, BucketChoice, Eviction, KademliaMessage, KademliaTimer, Pending, Preset, Query, Routing, WriteToken,
};

use super::*;

/// Contacts of each group (first differing bit) of every member, and how many members there are to choose from.
fn groups(world: &World<Kademlia>, seat: u32) -> Vec<(usize, usize)> {
    let numbering = world.setting.numbering;
    let own = numbering.key(world.id(seat));
    let group = |id: PeerId| (numbering.key(id).0 ^ own.0).leading_zeros() as usize;
    let mut counts = vec![(0, 0); 64];
    for other in world.online().into_iter().filter(|&other| other != seat) {
        counts[group(world.id(other))].1 += 1;
    }
    for contact in world.contacts(seat) {
        counts[group(contact)].0 += 1;
    }
    counts
}

/// Each group holds k contacts, or everybody there is.
fn assert_tables_are_full(world: &World<Kademlia>, k: usize) {
    for seat in world.online() {
        for (known, there) in groups(world, seat) {
            assert!(known >= there.min(k), "seat {seat} knows {known} of {there}");
        }
    }
}

#[test]
fn converged_tables_are_full_and_hold_living_members_alone() {
    for (k, b) in [(1, 1), (4, 1), (4, 3), (20, 1), (8, 5)] {
        for population in [1, 2, 3, 9, 300, 3000] {
            let config = KademliaConfig { b, ..config(k) };
            let mut world = world(&config, population, u64::from(population));
            world.start_converged(0..population);
            assert_tables_are_full(&world, usize::from(k));
            assert_homes_are_complete(&world, usize::from(k));
        }
    }
}

/// Goal: the converged start is what joins lead to. Method: peers join through random contacts; after some turns of every bucket all
/// homes are complete and all buckets are as full as those of the converged start.
#[test]
fn joins_lead_to_tables_like_the_converged_ones() {
    for (k, b) in [(4, 1), (8, 1), (4, 2)] {
        let config = KademliaConfig { b, ..config(k) };
        let mut world = world(&config, 120, 3);
        world.start_empty();
        for seat in 0..120 {
            world.join(seat);
            world.run_for(Span::from_secs(1));
        }
        world.run_for(MINUTE.times(20));
        assert!((0..120).all(|seat| world.joined(seat)));
        assert_homes_are_complete(&world, usize::from(k));
        assert_tables_are_full(&world, usize::from(k));
    }
}

#[test]
fn states_and_messages_are_small() {
    assert!(size_of::<KademliaMessage>() <= 40, "{}", size_of::<KademliaMessage>());
    assert!(size_of::<KademliaTimer>() <= 8, "{}", size_of::<KademliaTimer>());
    let config = KademliaConfig::default();
    let mut world = world(&config, 1 << 12, 5);
    world.start_converged(0..1 << 12);
    world.run_for(MINUTE);
    let bytes: usize = (0..1 << 12).map(|seat| world.model.state_bytes(world.peer(seat).expect("online"))).sum();
    // 7 to 8 buckets of 29 words and a home of about 30 contacts, two words each.
    assert!(bytes / (1 << 12) <= 1300, "{} bytes a peer", bytes / (1 << 12));
}

#[test]
fn sizes_on_the_wire_are_those_of_the_page() {
    let mut world = world(&config(8), 4, 1);
    world.start_converged(0..4);
    let contacts = Contacts::new(&[PeerId(1), PeerId(2), PeerId(3)]);
    let cache = KademliaMessage::Cache { key: Key(1), holders: contacts, lives: Span::from_secs(1) };
    assert_eq!(cache.wire_bytes(Wire::Udp), 28 + 5 + 20 + 3 * 26);
    assert_eq!(cache.wire_bytes(Wire::P2psim), 20 + 4 * 4);
    assert_eq!(KademliaMessage::Leave.wire_bytes(Wire::Udp), 29);
    assert!(KademliaMessage::KINDS.len() == 21 && KademliaMessage::Leave.kind() == 12);
    let write = WriteToken(1);
    let token = cx_token(&mut world);
    assert_eq!(KademliaMessage::Store { key: Key(1), token }.wire_bytes(Wire::Udp), 28 + 5 + 20);
    assert_eq!(KademliaMessage::StoreWith { key: Key(1), token, write }.wire_bytes(Wire::Udp), 28 + 13 + 20);
    let query = Query { key: Key(1), lookup: LookupId { origin: 0, number: 0 }, direct: Some((PeerId(1), token)), item: false, hops: 1 };
    assert_eq!(KademliaMessage::Route { hop: token, query }.wire_bytes(Wire::Udp), 28 + 10 + 20 + 26);
    let query = Query { direct: None, ..query };
    assert_eq!(KademliaMessage::Route { hop: token, query }.wire_bytes(Wire::Udp), 28 + 6 + 20);
    let ask = Ask { key: Key(1), lookup: LookupId { origin: 0, number: 0 }, token, upkeep: false };
    let two = Keywords::new(&[Word(3), Word(4)]);
    assert_eq!(KademliaMessage::FindPostings(ask, two).wire_bytes(Wire::Udp), 28 + 5 + 20 + 2 * 7);
    assert!(size_of::<Pending>() <= 16, "{}", size_of::<Pending>());
    let _: fn(Token) -> KademliaTimer = KademliaTimer::Search;
}

/// A token of some request.
fn cx_token(world: &mut World<Kademlia>) -> Token {
    let mut token = None;
    world.handle(0, |_, _, cx| token = Some(cx.open(Pending::Ping { to: PeerId(1), instead: None })));
    token.expect("a request was opened")
}

#[test]
fn parameters_have_the_literature_s_names_and_wrong_ones_are_refused() {
    let config: KademliaConfig = toml::from_str("k = 8\nalpha = 5\nb = 2\neviction = \"ping\"").expect("it can be read");
    assert!(config.k == 8 && config.alpha == 5 && config.b == 2 && config.eviction == Eviction::Ping && config.copies() == 8);
    assert!(toml::from_str::<KademliaConfig>("kk = 4").is_err());
    let issues = |config: &KademliaConfig| {
        let mut issues = Issues::new();
        config.check(100, &mut issues);
        issues.into_list()
    };
    let paths = |config: &KademliaConfig| issues(config).into_iter().map(|issue| issue.path).collect::<Vec<_>>();
    assert_eq!(paths(&KademliaConfig::default()), Vec::<String>::new());
    let wrong = KademliaConfig {
        k: 0,
        b: 6,
        alpha: 0,
        request_timeout: Duration::millis(0),
        replicas: Some(1),
        lookup_width: Some(1),
        ..config.clone()
    };
    assert_eq!(paths(&wrong), ["k", "alpha", "b", "request_timeout"]);
    assert_eq!(paths(&KademliaConfig { k: 8, replicas: Some(9), lookup_width: Some(0), ..config.clone() }), ["lookup_width", "replicas"]);
    let routed: KademliaConfig = toml::from_str("routing = \"semi-recursive\"\nbucket_choice = \"nearest\"").expect("it can be read");
    assert!(routed.routing == Routing::SemiRecursive && routed.bucket_choice == BucketChoice::Nearest && paths(&routed).is_empty());
    assert!(toml::from_str::<KademliaConfig>("routing = \"random\"").is_err());
    let wrong = KademliaConfig {
        disjoint_paths: 2,
        lookup_width: Some(1),
        retry_after: Duration::secs(0),
        timeout_margin: Duration::secs(0),
        ..routed
    };
    assert_eq!(paths(&wrong), ["timeout_margin", "retry_after", "disjoint_paths", "lookup_width"]);
    let paths_of = |disjoint_paths| issues(&KademliaConfig { disjoint_paths, ..config.clone() });
    assert!(paths_of(8).is_empty());
    assert_eq!(paths_of(0)[0].message, "paths, to begin with one of the k nearest each: 1 to 8, not 0");
    assert_eq!((paths_of(9)[0].path.as_str(), paths_of(9).len()), ("disjoint_paths", 1));
    assert_eq!(issues(&KademliaConfig { b: 9, ..config })[0].message, "bits that a hop gains: 1 to 5, not 9");
}

#[test]
fn presets_are_sound_and_what_their_sources_say() {
    let presets = KademliaConfig::presets();
    for (name, config) in &presets {
        let mut issues = Issues::new();
        config.check(100, &mut issues);
        assert_eq!(issues.into_list().len(), 0, "{name}");
        let written: KademliaConfig = toml::from_str(&format!("preset = \"{name}\"")).expect("it can be read");
        assert_eq!(written.preset, config.preset);
    }
    let (mainline, ipfs) = (&presets[0].1, &presets[1].1);
    assert!(mainline.preset == Some(Preset::Mainline) && mainline.k == 8 && mainline.tokens && !mainline.caching);
    assert_eq!(mainline.refresh_interval, Duration::secs(15 * 60));
    assert!(ipfs.preset == Some(Preset::Ipfs) && ipfs.k == 20 && ipfs.alpha == 10 && !ipfs.tokens);
    assert_eq!((ipfs.republish_interval, ipfs.record_expiry), (Duration::secs(22 * 3600), Duration::secs(48 * 3600)));
    // Two ways to say that others store, and a rule that says they do not.
    let mut issues = Issues::new();
    KademliaConfig { tokens: true, ..KademliaConfig::default() }.check(100, &mut issues);
    assert_eq!(issues.into_list().into_iter().map(|issue| issue.path).collect::<Vec<_>>(), ["caching", "hand_over"]);
}

/// Goal: with either preset a network keeps its tables whole under churn, a cache of no candidates included.
#[test]
fn presets_keep_homes_complete() {
    for (name, config) in KademliaConfig::presets() {
        let k = usize::from(config.k);
        let mut world = world(&KademliaConfig { refresh_interval: Duration::secs(60), ..config }, 150, 2);
        world.start_converged(0..100);
        for seat in 0..50 {
            world.crash(seat);
            world.join(seat + 100);
            world.run_for(Span::from_secs(10));
        }
        world.run_for(MINUTE.times(20));
        println!("{name}: {} messages", world.handled());
        assert_homes_are_complete(&world, k);
    }
}

/// Goal: who has been there for long stays (paper, section 2.2). Method: full buckets, then as many newcomers again; with either kind of
/// eviction no living contact of an outer bucket gives way.
#[test]
fn living_contacts_never_give_way_to_newcomers() {
    for eviction in [Eviction::Lazy, Eviction::Ping] {
        let config = KademliaConfig { eviction, ..config(4) };
        let mut world = world(&config, 200, 4);
        world.start_converged(0..100);
        let far = |world: &World<Kademlia>, seat: u32| {
            let home: Vec<PeerId> = world.model.home(world.peer(seat).expect("online")).collect();
            world.contacts(seat).into_iter().filter(|contact| !home.contains(contact)).collect::<Vec<_>>()
        };
        let before: Vec<Vec<PeerId>> = (0..100).map(|seat| far(&world, seat)).collect();
        for seat in 100..200 {
            world.join(seat);
            world.run_for(Span::from_secs(1));
        }
        world.run_for(MINUTE.times(5));
        for (seat, before) in (0..100).zip(before) {
            let now = world.contacts(seat);
            assert!(before.iter().all(|contact| now.contains(contact)), "seat {seat}, {eviction:?}");
        }
        assert_eq!(world.sent("ping") > 0, eviction == Eviction::Ping);
        assert!(world.now() > Time::ZERO);
    }
}

/// A contact that crashed gives way: to a candidate after `stale_after` requests, or, with pings, to the next newcomer.
#[test]
fn dead_contacts_are_replaced() {
    for (eviction, stale_after) in [(Eviction::Lazy, 1), (Eviction::Lazy, 3), (Eviction::Ping, 5)] {
        let config = KademliaConfig { eviction, stale_after, ..config(4) };
        let mut world = world(&config, 200, 4);
        world.start_converged(0..200);
        for seat in 0..60 {
            world.crash(seat);
        }
        world.run_for(MINUTE.times(40));
        let dead: Vec<PeerId> = (0..60).map(|seat| world.id(seat)).collect();
        let (mut stale, mut all) = (0, 0);
        for seat in 60..200 {
            let contacts = world.contacts(seat);
            stale += contacts.iter().filter(|contact| dead.contains(contact)).count();
            all += contacts.len();
        }
        println!("{eviction:?}, stale after {stale_after}: {stale} of {all} contacts are dead");
        assert!(stale * 20 < all, "{eviction:?}, stale after {stale_after}: {stale} of {all} contacts are dead");
        assert_homes_are_complete(&world, 4);
    }
}
