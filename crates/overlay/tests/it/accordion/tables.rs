//! The book of contacts: its density, its size, what both starts lead to, eviction.

use peerlab_model::{Issues, Overlay, OverlayConfig};

use super::*;

/// Contacts by the power of two of their distance, in shares of the whole, farthest octave first.
fn octaves(world: &World<Accordion>) -> Vec<f64> {
    let mut counts = vec![0_u32; 64];
    let numbering = world.setting.numbering;
    for seat in world.online() {
        let this = numbering.key(world.id(seat));
        for contact in world.peer(seat).expect("online").contacts() {
            counts[this.to(numbering.key(contact)).leading_zeros() as usize] += 1;
        }
    }
    let all: u32 = counts.iter().sum();
    counts.iter().map(|&count| f64::from(count) / f64::from(all)).collect()
}

/// Goal: a density of about 1/x, in which each doubling of the distance holds as many contacts. Method: 2000 peers whose books hold a small part
/// of the others, after ten minutes of exploration without lookups; octaves that are neither short of peers nor the farthest one, where
/// the peers lie that have asked this one. A uniform choice among all peers would halve the share from octave to octave.
#[test]
fn contacts_lie_at_a_density_of_about_one_over_x() {
    let config = AccordionConfig { r_avg: 30, b_burst: 3000, w_max: 1, start_age: Duration::secs(900), ..config() };
    let mut world = world(&config, 2000, 3);
    world.start_converged(0..2000);
    world.run_for(MINUTE.times(10));
    let octaves = octaves(&world);
    println!("{:.1} contacts; by octave {:.3?}", mean_contacts(&world), &octaves[..10]);
    assert!(octaves[1] / octaves[5] < 5.0, "{octaves:?}; uniform would be 16");
}

/// Goal: the converged start is what joins lead to: the same ring, and books of about the same size and density. Method: an hour
/// after the joins, and another quarter, ages of both are the same.
#[test]
fn joins_lead_to_books_like_the_converged_ones() {
    let config = AccordionConfig { r_avg: 50, b_burst: 5000, ..config() };
    let population = 150;
    let mut converged = world(&config, population, 5);
    converged.start_converged(0..population);
    let at_start = mean_contacts(&converged);
    let mut joined = world(&config, population, 5);
    joined.start_empty();
    for seat in 0..population {
        joined.join(seat);
        joined.run_for(Span::from_secs(1));
    }
    joined.run_for(MINUTE.times(75));
    converged.run_for(MINUTE.times(15));
    assert_eq!(ring_is_whole(&joined), Ok(()));
    joined.check();
    let (of_joins, of_start) = (mean_contacts(&joined), mean_contacts(&converged));
    println!("contacts: {at_start:.1} at the start, {of_start:.1} a quarter of an hour later; {of_joins:.1} five quarters after joining");
    assert!((0.6..1.67).contains(&(of_joins / of_start)), "{of_joins} and {of_start}");
    let (a, b) = (octaves(&joined), octaves(&converged));
    for octave in 0..4 {
        assert!((a[octave] - b[octave]).abs() < 0.1, "octave {octave}: {} and {}", a[octave], b[octave]);
    }
}

/// The budget sets the size of the table: twice the budget, more contacts; shorter lives, fewer.
#[test]
fn tables_grow_with_the_budget() {
    let mut sizes = Vec::new();
    for r_avg in [20, 60, 180] {
        let config = AccordionConfig { r_avg, b_burst: 100 * r_avg, start_age: Duration::secs(900), ..config() };
        let mut world = world(&config, 300, 6);
        world.start_converged(0..300);
        world.run_for(MINUTE.times(10));
        sizes.push(mean_contacts(&world));
    }
    println!("contacts with 20, 60 and 180 bytes per second: {sizes:.1?}");
    assert!(sizes[0] < sizes[1] && sizes[1] < sizes[2], "{sizes:?}");
}

/// Contacts that nobody has heard from for a ninth of their age are dropped (p_thresh = 0.9).
#[test]
fn the_silent_are_evicted_by_and_by() {
    let config = AccordionConfig { start_age: Duration::secs(900), w_max: 1, ..config() };
    let mut world = world(&config, 100, 7);
    world.start_converged(0..100);
    world.run_for(MINUTE);
    let dead: Vec<PeerId> = (50..100).map(|seat| world.id(seat)).collect();
    for seat in 50..100 {
        world.crash(seat);
    }
    world.run_for(MINUTE.times(10));
    for seat in 0..50 {
        assert!(world.peer(seat).expect("online").contacts().all(|contact| !dead.contains(&contact)), "seat {seat}");
    }
    assert_eq!(ring_is_whole(&world), Ok(()));
}

#[test]
fn state_is_about_what_is_expected() {
    let config = AccordionConfig::default();
    let mut world = world(&config, 1000, 5);
    world.start_converged(0..1000);
    let bytes = mean((0..1000).map(|seat| world.model.state_bytes(world.peer(seat).expect("online")) as f64));
    let expected = config.expected_bytes(1000) as f64;
    println!("{bytes:.0} bytes, expected {expected}, {:.1} contacts", mean_contacts(&world));
    assert!(bytes < 2.5 * expected && expected < 2.5 * bytes, "{bytes} and {expected}");
}

#[test]
fn parameters_that_cannot_work_are_refused() {
    let issues = |config: &AccordionConfig| {
        let mut issues = Issues::new();
        config.check(100, &mut issues);
        issues.into_list().into_iter().map(|issue| issue.path).collect::<Vec<_>>()
    };
    assert_eq!(issues(&AccordionConfig::default()), Vec::<String>::new());
    assert_eq!(issues(&AccordionConfig { r_avg: 0, ..config() }), ["r_avg"]);
    assert_eq!(issues(&AccordionConfig { b_burst: 10, ..config() }), ["b_burst"]);
    assert_eq!(issues(&AccordionConfig { w_max: 9, ..config() }), ["w_max"]);
    assert_eq!(issues(&AccordionConfig { learn_num: 0, ..config() }), ["learn_num"]);
    for p_thresh in [0.0, 1.0, f64::NAN] {
        assert_eq!(issues(&AccordionConfig { p_thresh, ..config() }), ["p_thresh"]);
    }
    assert_eq!(issues(&AccordionConfig { t_inc: Duration::secs(0), ..config() }), ["t_inc"]);
    assert!(toml::from_str::<AccordionConfig>("ravg = 4").is_err());
}
