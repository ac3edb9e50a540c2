//! Each error has its place, its word and its way out.

use super::{SOUND, complaint, load, says};

#[test]
fn unknown_model_is_shown_as_promised() {
    let text = SOUND.replace("model = \"chord\"", "model = \"chrod\"");
    assert_eq!(
        complaint(&text),
        "\
error: unknown topology model `chrod`
 --> test.toml:9:9
  |
9 | model = \"chrod\"
  |         ^^^^^^^ did you mean `chord`?
  |
  = help: `sim list topologies` shows all of them
"
    );
}

#[test]
fn unknown_key_names_the_nearest_and_the_known() {
    let text = SOUND.replace("successors = 8", "sucessors = 8");
    let complaint = complaint(&text);
    says(
        &complaint,
        &[
            "error: unknown key `sucessors` in `[[topology]]`",
            "  --> test.toml:11:1",
            "11 | sucessors = 8",
            "   | ^^^^^^^^^ did you mean `successors`?",
        ],
    );
    assert!(complaint.contains("= help: known here: `model`, `name`, `identifier_bits`, `successors`, `virtual_nodes`"), "{complaint}");
}

#[test]
fn peers_of_a_host_that_cannot_be_told_apart_are_found_where_they_are_said() {
    let text = SOUND.replace("successors = 8", "virtual_nodes = 200\nsuccessors = 8");
    let many = text.replace("count = 100\n", "count = 100000000\n");
    assert_ne!(many, text, "{text}");
    says(
        &complaint(&many),
        &[
            "error: 100000000 hosts with 200 peers each are more than can be told apart (200 take 256 seats, and there are 2^31)",
            "  --> test.toml:11:17",
            "   = help: at most 16 with so many hosts",
        ],
    );
    let none = text.replace("virtual_nodes = 200", "virtual_nodes = 0");
    says(&complaint(&none), &["error: a host runs 1 to 256 peers, not 0", "  --> test.toml:11:17"]);
}

#[test]
fn unknown_key_of_the_root_is_found() {
    says(
        &complaint(&format!("repetition = 5\n{SOUND}")),
        &["error: unknown key `repetition` in the scenario", "  | ^^^^^^^^^^ did you mean `repetitions`?"],
    );
}

#[test]
fn everything_is_reported_at_once_and_in_order() {
    let text = format!(
        "{SOUND}\ntimeout = 60\ntargt = \"key\"\n[churn]\ncrash_share = 2.0\nidentity = \"old\"\n[time]\nduration = \"1 parsec\"\n"
    );
    let complaint = complaint(&text);
    says(
        &complaint,
        &[
            "error: `timeout` cannot be an integer",
            "error: unknown key `targt` in `[lookups]`",
            "error: unknown value for `identity`: `old`",
            "error: `1 parsec` is not a duration: unknown time unit \"parsec\", supported units: ns, us/µs, ms, sec, min, hours, days, weeks, months, years (and few variations)",
        ],
    );
    assert!(complaint.contains("= help: say of what unit: \"60 s\""), "{complaint}");
}

#[test]
fn sound_sections_are_checked_beside_broken_ones() {
    let text = format!("{SOUND}\ntargt = \"key\"\n[churn]\ncrash_share = 2.0\n");
    says(
        &complaint(&text),
        &[
            "error: unknown key `targt` in `[lookups]`",
            "error: a share lies between 0 and 1, not at 2",
            "21 | crash_share = 2.0",
            "   |               ^^^",
        ],
    );
}

#[test]
fn wrong_type_says_what_is_expected() {
    let text = SOUND.replace("count = 100", "count = \"many\"");
    says(&complaint(&text), &["error: `count` cannot be a string", "3 | count = \"many\"", "  |         ^^^^^^ expected an integer"]);
    let text = SOUND.replace("count = 100", "count = -3");
    says(&complaint(&text), &["error: `count` cannot be -3", "  |         ^^ expected 0 or more"]);
    let text = SOUND.replace("[[topology]]\nmodel = \"flooding\"", "").replace("[[topology]]", "[topology]");
    says(
        &complaint(&text),
        &["error: `topology` cannot be a table", "  = help: a list of tables has headers in double brackets: `[[topology]]`"],
    );
}

#[test]
fn wrong_unit_is_pointed_at() {
    let text = SOUND.replace("\"50 ms\"", "\"50 KiB\"");
    let complaint = complaint(&text);
    says(
        &complaint,
        &[
            "error: `50 KiB` is not a duration: unknown time unit \"KiB\", supported units: ns, us/µs, ms, sec, min, hours, days, weeks, months, years (and few variations)",
        ],
    );
    assert!(complaint.contains("test.toml:6:43"), "{complaint}");
    assert!(complaint.contains("= help: write for example \"50 ms\" or \"1 h 30 min\""), "{complaint}");
}

#[test]
fn tagged_table_is_judged_by_its_tag() {
    let wrong = |latency: &str| complaint(&SOUND.replace("{ model = \"constant\", one_way = \"50 ms\" }", latency));
    says(
        &wrong("{ model = \"constnat\" }"),
        &["error: unknown latency model `constnat`", "  |                     ^^^^^^^^^^ did you mean `constant`?"],
    );
    says(&wrong("{ model = \"uniform\", min = \"1 ms\" }"), &["error: `[network.latency]` lacks the key `max`"]);
    says(
        &wrong("{ model = \"uniform\", min = \"1 ms\", max = \"2 ms\", mean = \"3 ms\" }"),
        &["error: unknown key `mean` in `[network.latency]`"],
    );
    says(&wrong("{ one_way = \"50 ms\" }"), &["error: `[network.latency]` lacks the key `model`"]);
    says(
        &wrong("{ model = \"transit-stub\", stubs = 0 }"),
        &["error: at least 1: hosts live at the routers of stub domains, and these at transit routers"],
    );
}

#[test]
fn missing_parts_are_named() {
    says(&complaint(""), &["error: the scenario lacks the key `peers`", "error: the scenario lacks the key `topology`"]);
    says(&complaint("topology = []\n[peers]\n"), &["error: `topology` is empty", "error: `[peers]` lacks the key `count`"]);
}

#[test]
fn downloads_that_cannot_work_are_refused() {
    let refused = |text: &str, what: &str| {
        let complaint = complaint(text);
        assert!(complaint.contains(what), "nothing of `{what}` in\n{complaint}");
    };
    for (table, what) in [
        ("piece = \"100 KiB\"", "error: a piece of 100 KiB is no whole number of blocks of 16 KiB\n  --> test.toml:20:9"),
        ("piece = \"1 GiB\"", "error: a piece of 1 GiB is larger than an item of 100 MiB"),
        ("model = \"client-server\"\nservers = 0", "error: a download from servers alone needs one\n  --> test.toml:21:11"),
        ("slots = 50", "error: 50 slots are more than 40 connections can fill"),
        ("seed_for = \"soon\"", "or \"forever\", or a ratio such as 1.5"),
        ("model = \"swam\"", "did you mean `swarm`?"),
        ("server_slots = 0", "`server_slots` cannot be 0"),
        (
            "model = \"peer-assisted\"\nsuper_seeding = true",
            "error: only the servers of a swarm give one piece at a time\n  --> test.toml:21:17",
        ),
        ("arrivals = \"trace\"", "there is no file that says who wants something when"),
        ("arrivals = \"poisson\"\ntrace = \"a.txt\"", "error: nobody asks the trace when to want something\n  --> test.toml:21:9"),
        ("arrivals = \"trace\"\ntrace = \"nowhere.txt\"", "cannot read the file `nowhere.txt`"),
    ] {
        refused(&format!("{SOUND}\n[download]\n{table}\n"), what);
    }
    let nobody = format!("{SOUND}\n[content]\ncopies = 0\n\n[download]\nservers = 0\n");
    refused(&nobody, "error: nobody holds anything: there is no server, and `content.copies` is 0");
    let peers = SOUND.replace("model = \"flooding\"", "model = \"central-index\"");
    refused(&format!("{peers}target = \"peer\"\n\n[download]\n"), "no lookup for content turns into a download");
}

#[test]
fn sizes_that_no_item_can_have_are_refused() {
    let refused = |text: &str, what: &str| {
        let complaint = complaint(text);
        assert!(complaint.contains(what), "nothing of `{what}` in\n{complaint}");
    };
    for (size, what) in [
        ("\"0 B\"", "error: an item has a byte at least\n  --> test.toml:20:8"),
        ("\"4 apples\"", "test.toml:20:8"),
        ("4", "say of what unit"),
        ("{ distribution = \"lognormal\", median = \"4 MiB\" }", "`[content.size]` lacks the key `sigma`\n  --> test.toml:20:8"),
        ("{ distribution = \"pareto\", mean = \"4 MiB\", minimum = \"1 MiB\", shape = 2.0 }", "takes `mean` or `minimum`, not both"),
        (
            "{ distribution = \"pareto\", mean = \"4 MiB\", shape = 0.9 }",
            "a Pareto shape is above 1, else there is no mean; 0.9 is not\n  --> test.toml:20:59",
        ),
        ("{ distribution = \"exponential\", mean = \"0 B\" }", "what has no byte cannot be downloaded: it must be above zero"),
        ("{ distribution = \"lognormal\", mean = \"4 min\", sigma = 1.0 }", "test.toml:20:"),
        ("{ distribution = \"zipf\", exponent = 1.0 }", "test.toml:20:"),
    ] {
        refused(&format!("{SOUND}\n[content]\nsize = {size}\n"), what);
    }
}

#[test]
fn streams_that_cannot_be_watched_are_said_so() {
    let complains = |text: &str, what: &str| {
        let complaint = complaint(text);
        assert!(complaint.contains(what), "nothing of `{what}` in\n{complaint}");
    };
    let stream = |more: &str| format!("{SOUND}\n[download]\n\n[stream]\nbitrate = \"2 Mbit/s\"\n{more}\n");
    complains(&format!("{SOUND}\n[stream]\nbitrate = \"2 Mbit/s\"\n"), "error: nothing is downloaded, so there is nothing to watch\n");
    complains(&format!("{SOUND}\n[download]\n[stream]\n"), "error: `[stream]` lacks the key `bitrate`");
    complains(&stream("window = \"0 s\""), "error: it lasts longer than nothing\n  --> test.toml:23:10");
    complains(&stream("p = 1.5"), "error: a share lies between 0 and 1, not at 1.5");
    complains(&stream("bufer = \"1 s\""), "did you mean `buffer`?");
    let warns = |text: &str, what: &str| {
        let warnings = load(text).warnings.render(false);
        assert!(warnings.contains(what), "nothing of `{what}` in\n{warnings}");
    };
    warns(&stream("buffer = \"1 h\""), "warning: an item of 100 MiB plays for 419.4304 s: playing starts only when all of it is there");
    warns(&stream("window = \"1 s\""), "warning: playing waits for pieces beyond the window");
    let narrow = "[[peers.class]]\nname = \"dsl\"\nshare = 1.0\ndownload = \"1 Mbit/s\"\n";
    let stalls = "what plays for 419 s takes 839 s to arrive, and playing stands still for 50 % of them\n  --> test.toml:";
    let text = format!("{}\n{narrow}", stream(""));
    warns(&text, &format!("warning: a downlink of 1 Mbit/s (class `dsl`) does not carry 2 Mbit/s: {stalls}22:11"));
    let server = stream("").replace("[download]", "[download]\nmodel = \"client-server\"\nserver_upload = \"1 Mbit/s\"");
    warns(&server, &format!("even for one viewer alone {stalls}24:11"));
}

#[test]
fn syntax_errors_have_a_place() {
    let complaint = complaint("[peers]\ncount = \nname = broken\n");
    assert!(complaint.starts_with("error: this is not TOML\n --> test.toml:2:"), "{complaint}");
    says(&complaint, &["3 | name = broken"]);
}

#[test]
fn question_that_a_topology_cannot_answer_is_refused() {
    let text = format!("{SOUND}\ntarget = \"key\"\n");
    let complaint = complaint(&text);
    says(&complaint, &["error: `flooding` cannot answer lookups with target = \"key\"", "14 | model = \"flooding\""]);
    assert!(complaint.contains("`content`"), "{complaint}");
}

#[test]
fn labels_are_unique() {
    let text = SOUND.replace("model = \"flooding\"", "model = \"chord\"\nname = \"chord-8\"");
    says(
        &complaint(&text),
        &["error: there are two topologies labelled `chord-8`", "15 | name = \"chord-8\"", "   = help: give each a `name` of its own"],
    );
    let text = SOUND.replace("name = \"chord-8\"", "name = \"a/b\"");
    says(&complaint(&text), &["error: `a/b` cannot be a label: labels are parts of the names of runs"]);
}

#[test]
fn event_outside_the_run_is_refused() {
    let text = format!("{SOUND}\n[[event]]\nat = \"2 h\"\naction = \"crash\"\nshare = 0.3\n");
    says(&complaint(&text), &["error: 2h lies outside the run, which ends after 1h"]);
}

#[test]
fn issue_with_a_default_names_the_key() {
    let text = SOUND.replace("count = 100", "count = 4").replace("successors = 8", "successors = 2\nreplicas = 200");
    let complaint = complaint(&text);
    // flooding's default graph has degree 4, which four peers cannot have.
    says(
        &complaint,
        &[
            "error: an owner knows 2 successors, too few for 200 copies",
            "error: `topology.flooding.graph.degree`: with 4 peers a degree lies between 1 and 3, not at 4",
        ],
    );
}

#[test]
fn missing_file_is_pointed_at() {
    let text = SOUND.replace("model = \"flooding\"", "model = \"flooding\"\ngraph = { model = \"file\", file = \"no/such/file.txt\" }");
    says(
        &complaint(&text),
        &["error: cannot read the file `no/such/file.txt`", "   = help: paths are relative to the directory in which `sim` runs"],
    );
    let text = SOUND.replace("model = \"flooding\"", "model = \"flooding\"\ngraph = { model = \"file\", file = \"\" }");
    says(&complaint(&text), &["   = help: give it on the command line: --set topology.flooding.graph.file=PATH"]);
}

#[test]
fn warnings_do_not_stop() {
    let scenario = load(&SOUND.replace("50 ms", "100 us"));
    assert_eq!(scenario.warnings.problems().len(), 1, "{}", scenario.warnings);
    assert!(scenario.warnings.render(false).starts_with("warning: "), "{}", scenario.warnings);
}

#[test]
fn unknown_preset_names_the_nearest() {
    let text = SOUND.replace("model = \"chord\"", "model = \"kademlia\"\npreset = \"mainlin\"").replace("successors = 8\n", "");
    says(
        &complaint(&text),
        &["error: unknown value for `preset`: `mainlin`", "10 | preset = \"mainlin\"", "   |          ^^^^^^^^^ did you mean `mainline`?"],
    );
}

/// `[storage]` and questions for values go together, with a model that keeps some.
#[test]
fn storage_that_cannot_work_is_refused() {
    let kept = SOUND.replace("[[topology]]\nmodel = \"flooding\"\n", "");
    load(&format!("{kept}target = \"value\"\n[storage]\nitems = 10\n"));
    let complained = complaint(&format!("{SOUND}target = \"value\"\n[storage]\nitems = 10\n"));
    says(&complained, &["error: `flooding` keeps no values", "14 | model = \"flooding\""]);
    let complained = complaint(&format!("{kept}target = \"value\"\n"));
    says(
        &complained,
        &[
            "error: there are no values to ask for",
            "   = help: add a table `[storage]`: it says how many values there are, and how large they are",
        ],
    );
    let complained = complaint(&format!("{kept}target = \"content\"\n[storage]\nitems = 10\n"));
    says(&complained, &["error: peers that keep values themselves do not keep the names of holders"]);
    let complained = complaint(&format!("{kept}[storage]\nsize = \"1 MiB\"\n"));
    assert!(complained.contains("a value has between 1 byte and 64 KiB"), "{complained}");
}

/// `[rumours]` goes with models that pass them on; a model that does nothing else answers no lookups.
#[test]
fn rumours_that_cannot_work_are_refused() {
    let flooded = SOUND.replace("[[topology]]\nmodel = \"chord\"\nname = \"chord-8\"\nsuccessors = 8\n", "");
    load(&format!("{flooded}\n[rumours]\ncount = 3\n"));
    let complained = complaint(&format!("{SOUND}\n[rumours]\ncount = 3\n"));
    says(
        &complained,
        &["error: `chord-8` does not pass rumours on", "  = help: models that do: `epidemic` and `flooding`; or leave `[rumours]` out"],
    );
    let complained = complaint(&format!("{}\n[rumours]\n", flooded.replace("\"flooding\"", "\"gia\"")));
    says(
        &complained,
        &[
            "error: `gia` does not pass rumours on",
            "   = help: `epidemic` would be the nearest that does; of all models `epidemic` and `flooding` do; or leave `[rumours]` out",
        ],
    );
    let complained = complaint(&format!("{flooded}\n[rumours]\ncount = 1000\nsize = \"1 MiB\"\ntimeout = \"0 s\"\n"));
    says(
        &complained,
        &[
            "error: `rumours.every`: the last of 1000 rumours starts after the end of the run, which lasts 1h",
            "error: a rumour has between 1 byte and 64 KiB: it travels in one message, and 1 MiB does not",
            "error: nobody can hear a rumour in no time",
        ],
    );
    let complained = complaint(&flooded.replace("\"flooding\"", "\"epidemic\""));
    says(
        &complained,
        &["error: `epidemic` answers no lookups", "   = help: it only passes rumours on: leave `[lookups]` or this topology out"],
    );
}

#[test]
fn more_copies_than_peers_are_refused_where_they_are_written() {
    let few = SOUND.replace("count = 100", "count = 6").replace("[[topology]]\nmodel = \"flooding\"\n", "");
    says(
        &complaint(&few.replace("successors = 8", "successors = 8\nreplicas = 7")),
        &["error: 7 copies need as many peers, and there are 6", "12 | replicas = 7", "   = help: at most 6, or more peers"],
    );
    for model in ["kademlia", "pastry", "bamboo", "koorde"] {
        let text = few.replace("\"chord\"", &format!("\"{model}\"")).replace("successors = 8", "replicas = 7");
        let text = text
            .replace("replicas = 7", if model == "pastry" || model == "bamboo" { "replicas = 7\nleaf_set = 16" } else { "replicas = 7" });
        says(&complaint(&text), &["error: 7 copies need as many peers, and there are 6", "11 | replicas = 7"]);
    }
}

#[test]
fn classes_without_capacity_are_refused_where_they_are_written() {
    let with = |peers: &str| SOUND.replace("count = 100\n", &format!("count = 100\n{peers}\n"));
    let none = with("[[peers.class]]\nname = \"idle\"\nshare = 1.0\ncapacity = 0");
    let lines =
        ["error: a capacity lies above 0 and at most at 10^9 messages per second, not at 0", " --> test.toml:7:12", "7 | capacity = 0"];
    says(&complaint(&none), &lines);
    let unit = with("classes = { model = \"gia\", unit = 0 }");
    says(
        &complaint(&unit),
        &["error: level 1x lies above 0 and at most at 10^5 messages per second, not at 0", "4 | classes = { model = \"gia\", unit = 0 }"],
    );
    let both = with("classes = { model = \"gia\" }\n[[peers.class]]\nname = \"all\"\nshare = 1.0");
    says(
        &complaint(&both),
        &["error: the peers have classes of their own as well", "  = help: write one of the two: `classes` stands for a whole list"],
    );
}

#[test]
fn a_schedule_of_floods_that_shrinks_is_refused_where_it_is_written() {
    let text = SOUND.replace("model = \"flooding\"", "model = \"expanding-ring\"\nttl_schedule = [1, 5, 3]");
    let lines = ["error: a flood of TTL 3 after one of TTL 5 finds nobody new: the numbers must grow", "15 | ttl_schedule = [1, 5, 3]"];
    says(&complaint(&text), &lines);
}

#[test]
fn more_walkers_than_neighbours_are_nothing_odd() {
    let text =
        SOUND.replace("model = \"flooding\"", "model = \"random-walk\"\nwalkers = 64\ngraph = { model = \"random-regular\", degree = 4 }");
    assert_eq!(load(&text).warnings.to_string(), "");
}

#[test]
fn events_and_adversaries_that_cannot_work_are_refused() {
    let refused = |more: &str, what: &str| {
        let complaint = complaint(&format!("{SOUND}\n{more}\n"));
        assert!(complaint.contains(what), "nothing of `{what}` in\n{complaint}");
    };
    for (event, what) in [
        ("action = \"crash\"\ncount = 1", "error: when does this happen?"),
        ("at = \"1 min\"\naction = \"freze\"\ncount = 1", "did you mean `freeze`?"),
        ("at = \"1 min\"\naction = \"takedown\"\nitem = 5000", "error: there is no item 5000: they are numbered from 0 to 999"),
        ("at = \"1 min\"\naction = \"bandwidth\"", "error: by how much do rates change?"),
        ("at = \"1 min\"\naction = \"bandwidth\"", "warning: no peer's link has a limit: there is nothing to change"),
        ("at = \"1 min\"\nevery = \"1 min\"\nrate = 3.0\naction = \"crash\"\ncount = 1", "keep one of them"),
    ] {
        refused(&format!("[[event]]\n{event}"), what);
    }
    for (adversary, what) in [
        ("behaviour = \"drop\"", "error: who does that?"),
        ("behaviour = \"dorp\"\nshare = 0.1", "did you mean `drop`?"),
        ("behaviour = \"sybil\"\nshare = 0.1", "many peers on one machine are `identities = 20` beside it"),
        ("behaviour = \"drop\"\nshare = 1.5", "share"),
        ("behaviour = \"drop\"\nshare = 0.1\ncount = 3", "keep one of them"),
        ("behaviour = \"drop\"\nshare = 0.1\nitem = 3", "error: `item` means nothing to `drop`"),
        ("behaviour = \"drop\"\npeers = [100]", "error: there is no peer 100: they are numbered from 0 to 99"),
        ("behaviour = \"flood\"\nshare = 0.1\npeer = 100", "error: there is no peer 100: they are numbered from 0 to 99"),
        ("behaviour = \"flood\"\npeers = [3, 17]\npeer = 17", "error: peer 17 would attack itself"),
        ("behaviour = \"drop\"\nshare = 0.1\npeer = 17", "error: `peer` means nothing to `drop`"),
        ("behaviour = \"drop\"\nshare = 0.1\nidentities = 2000", "error: a machine has 1 to 1024 identities, not 2000"),
        ("behaviour = \"drop\"\npeers = [3]\nidentities = 20", "are the last of the population: say how many"),
        (
            "behaviour = \"drop\"\ncount = 1\nidentities = 20\n[[adversary]]\nbehaviour = \"lie\"\ncount = 1\nidentities = 30",
            "error: one table of adversaries may lie around an item or have many identities",
        ),
        ("behaviour = \"poison\"\nshare = 0.1", "error: `poison` is about what is downloaded, and nobody downloads anything here"),
        ("behaviour = \"lie\"\nshare = 0.1\nservers = true", "error: servers can only `censor`"),
        ("behaviour = \"lie\"\nshare = 0.1\nfrom = \"30 days\"", "lies outside the run"),
        (
            "behaviour = \"lie\"\nshare = 0.6\n[[adversary]]\nbehaviour = \"drop\"\nshare = 0.6",
            "error: there are 120 adversaries among 100 peers",
        ),
    ] {
        refused(&format!("[[adversary]]\n{adversary}"), what);
    }
}

#[test]
fn topologies_that_an_attack_does_not_touch_are_named() {
    let of = |adversary: &str, topology: &str| {
        let asks = "interval = \"1 min\"\ntarget = \"content\"";
        let text = SOUND.replace("interval = \"1 min\"", asks).replace("model = \"flooding\"", &format!("model = \"{topology}\""));
        load(&format!("{text}\n[[adversary]]\nshare = 0.1\n{adversary}\n")).warnings.render(false)
    };
    let sybil = "behaviour = \"drop\"\nidentities = 20";
    assert_eq!(of(sybil, "flooding"), "");
    let told = of(sybil, "central-index");
    assert!(told.starts_with("warning: in `central-index` a server answers") && told.contains("identities = 20"), "{told}");
    let flood = "behaviour = \"flood\"\npeer = 17";
    assert_eq!(of(flood, "flooding"), "");
    let told = of(flood, "client-server");
    assert!(told.starts_with("warning: in `client-server` nobody can be asked for") && told.contains("peer = 17"), "{told}");
}

#[test]
fn claims_that_cannot_be_judged_are_refused() {
    let claim = "[claim]\nclaim = \"it works\"\nmetric = \"hops_mean\"\nsentence = \"it takes {a} hops\"\n";
    let refused = |more: &str, what: &str| {
        let complaint = complaint(&format!("{SOUND}\n{claim}{more}\n"));
        assert!(complaint.contains(what), "nothing of `{what}` in\n{complaint}");
    };
    for (figure, what) in [
        ("name = \"b\"\ntopology = \"chord-8\"\nabove = 1.0", "error: there is no figure `a`"),
        ("name = \"a\"\nabove = 1.0", "error: which topology is this about?"),
        ("name = \"a\"\ntopology = \"chord-9\"\nabove = 1.0", "error: the scenario has no topology `chord-9`; did you mean `chord-8`?"),
        ("name = \"a\"\ntopology = \"chord-8\"", "error: when does the claim hold?"),
        ("name = \"a\"\ntopology = \"chord-8\"\nat = \"there\"\nabove = 1.0", "error: the sweep has no point `there` for `chord-8`"),
        ("name = \"a\"\ntopology = \"chord-8\"\nagainst = \"c\"\nabove = 1.0", "error: `c` is no earlier figure of one topology"),
    ] {
        refused(&format!("[[claim.figure]]\n{figure}"), what);
    }
}
