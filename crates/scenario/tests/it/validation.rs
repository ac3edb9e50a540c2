//! `[validation]`: what a figure is compared at, and what is refused.

use peerlab_scenario::{Figure, Loader, data_files};
use peerlab_world::Registry;

use super::{SOUND, load};

const SWEPT: &str = r#"
[[topology]]
name = "other"
model = "central-index"

[sweep]
"peers.count" = [40, 50]
"topology.other.retries" = [1, 2]

[validation]
title = "t"
source = "s"
convention = "c"
"#;

fn complaint(figure: &str) -> String {
    let text = format!("{SOUND}{SWEPT}[[validation.figure]]\nquantity = \"hops_mean\"\n{figure}");
    Loader::new(&Registry::builtin()).load_text("test.toml", "test", &text).expect_err("it is wrong").to_string()
}

#[test]
fn figure_has_a_value_at_each_point_that_concerns_its_topology() {
    let figure = |topology: &str, values: &str| {
        format!("[[validation.figure]]\nquantity = \"hops_mean\"\ntopology = \"{topology}\"\nindependent = {values}\n")
    };
    let scenario = load(&format!("{SOUND}{SWEPT}{}{}", figure("chord-8", "[1, 2]"), figure("other", "[1, 2, 3, 4]")));
    let validation = scenario.validation.as_ref().expect("it has one");
    let spots = |index: usize| validation.spots(&validation.figure[index], &scenario.axes, &scenario.points);
    let names: Vec<String> = spots(0).into_iter().map(|spot| spot.name).collect();
    assert_eq!(names, ["peers.count=40", "peers.count=50"]);
    assert_eq!(spots(0)[1].swept, ["50", ""]);
    assert_eq!(spots(1)[2].name, "peers.count=50, topology.other.retries=1");
    let relative = Figure { relative_to: Some("peers.count=50".to_owned()), ..validation.figure[0].clone() };
    assert_eq!(validation.base(&relative, &scenario.axes, &scenario.points), Some(spots(0)[1].clone()));
    let again = load(scenario.resolved());
    assert_eq!(again.validation, scenario.validation, "the resolved copy is the same case");
}

#[test]
fn figure_that_cannot_be_compared_is_refused() {
    let chord = "topology = \"chord-8\"\n";
    assert!(complaint(&format!("{chord}independent = [1]")).contains("the number of values is 1, but 2 would fit"));
    assert!(complaint("independent = [1, 2]").contains("which topology is this about?"));
    assert!(complaint(&format!("{chord}published = [1, 2]")).contains("where do these values come from?"));
    assert!(complaint(&format!("{chord}independent = [1, 2]\nleeway = 0.5")).contains("a leeway needs a reason"));
    assert!(complaint(&format!("{chord}independent = [1]\nat = [\"peers.count=4\"]")).contains("did you mean `peers.count=40`?"));
    assert!(complaint(&format!("{chord}independent = [1, 2]\nrelative_to = \"peers.count=4\"")).contains("did you mean `peers.count=40`?"));
    assert!(complaint(&format!("{chord}independent = [1, 2]\nmark = \"digest\"")).contains("unknown value for `mark`"));
    assert!(complaint(&format!("{chord}independnt = [1, 2]")).contains("did you mean `independent`?"));
    assert!(complaint(chord).contains("with what is this compared?"));
}

#[test]
fn data_files_are_named_by_their_keys() {
    let text = r#"
        [[topology]]
        model = "flooding"
        graph = { model = "file", file = "edges.txt" }
        [validation]
        data = ["topology.flooding.graph.file", "topology.flooding.graph.absent"]
    "#;
    assert_eq!(data_files(text), [("topology.flooding.graph.file".to_owned(), "edges.txt".to_owned())]);
    assert_eq!(data_files("this is = no [TOML"), []);
}
