//! Charts exist, are XML, are not blank, are the same bytes again, and survive results without data.

use crate::synthetic::Recipe;
use peerlab_report::charts::draw_all;
use resvg::{tiny_skia::Pixmap, usvg};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

fn names(paths: &[PathBuf]) -> BTreeSet<String> {
    let svgs = paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "svg"));
    svgs.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect()
}

fn expected(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(ToString::to_string).collect()
}

const WITHOUT_SWEEP: [&str; 7] =
    ["hops-distribution", "hops-cdf", "latency-cdf", "messages-per-lookup", "success-over-time", "peers-online", "load-lorenz"];

const LONG_NAMES: [&str; 8] = [
    "chord-recursive-8-successors",
    "kademlia-k20-alpha3",
    "flooding-ttl-7-random-regular",
    "random-walk-32-walkers",
    "super-peer-2-levels",
    "central-index",
    "pastry-b4-leafset-32",
    "gia-with-one-hop-replication",
];

/// Texts of an SVG, without their markup.
fn texts(svg: &str) -> String {
    let document = usvg::roxmltree::Document::parse(svg).unwrap();
    document.descendants().filter_map(|node| node.text()).collect::<Vec<_>>().join("\n")
}

fn read(directory: &Path, name: &str) -> String {
    fs::read_to_string(directory.join("charts").join(name)).unwrap()
}

/// Share of the pixels that are not white.
fn ink(png: &Path) -> f64 {
    let pixels = Pixmap::load_png(png).unwrap();
    let inked = pixels.pixels().iter().filter(|pixel| (pixel.red(), pixel.green(), pixel.blue()) != (255, 255, 255));
    inked.count() as f64 / pixels.pixels().len() as f64
}

#[test]
fn every_chart_is_drawn_as_valid_svg_and_as_png_with_ink() {
    let place = tempfile::tempdir().unwrap();
    let results = Recipe::default().write(&place.path().join("plain"));
    let paths = draw_all(&results).unwrap();
    assert_eq!(names(&paths), expected(&WITHOUT_SWEEP));
    assert_eq!(paths.len(), 2 * WITHOUT_SWEEP.len());
    for path in &paths {
        if path.extension().unwrap() == "svg" {
            let svg = fs::read_to_string(path).unwrap();
            usvg::Tree::from_str(&svg, &usvg::Options::default()).unwrap();
            let said = texts(&svg);
            for topology in ["chord-8", "flooding", "central-index"] {
                assert!(said.contains(topology), "{} does not name {topology}", path.display());
            }
            assert!(said.contains("5 repetitions"), "{} does not say of how many runs it is", path.display());
        } else {
            let share = ink(path);
            assert!((0.01..0.9).contains(&share), "{}: {share} of the pixels are inked", path.display());
        }
    }
}

#[test]
fn text_in_the_png_comes_from_the_font_of_the_crate() {
    let place = tempfile::tempdir().unwrap();
    let results = Recipe { found: false, ..Recipe::default() }.write(&place.path().join("empty"));
    draw_all(&results).unwrap();
    let pixels = Pixmap::load_png(results.join("charts/hops-cdf.png")).unwrap();
    // The title's dark ink, in the upper left corner.
    let dark = |x: u32, y: u32| pixels.pixel(x, y).is_some_and(|pixel| pixel.red() < 80);
    let count = (40..600).flat_map(|x| (20..80).map(move |y| (x, y))).filter(|&(x, y)| dark(x, y)).count();
    assert!(count > 300, "only {count} dark pixels where the title stands");
}

#[test]
fn same_rows_give_same_bytes() {
    let place = tempfile::tempdir().unwrap();
    let recipe = Recipe { repetitions: 2, lookups: 300, peers: vec![100, 200, 400], ..Recipe::default() };
    let (first, second) = (recipe.write(&place.path().join("first")), recipe.write(&place.path().join("second")));
    let (first, second) = (draw_all(&first).unwrap(), draw_all(&second).unwrap());
    assert_eq!(first.len(), second.len());
    for (first, second) in first.iter().zip(&second) {
        assert!(fs::read(first).unwrap() == fs::read(second).unwrap(), "{} differs", first.display());
    }
}

#[test]
fn sweep_gives_charts_against_the_parameter_and_the_others_show_its_last_point() {
    let place = tempfile::tempdir().unwrap();
    let recipe = Recipe { repetitions: 3, lookups: 500, peers: vec![1000, 2000, 4000, 8000], ..Recipe::default() };
    let results = recipe.write(&place.path().join("sweep"));
    let drawn = names(&draw_all(&results).unwrap());
    for stem in ["hops", "success", "latency", "messages"] {
        assert!(drawn.contains(&format!("{stem}-vs-peers.count")), "no chart of {stem}: {drawn:?}");
    }
    let svg = read(&results, "hops-vs-peers.count.svg");
    for label in ["1000", "2000", "4000", "8000", "peers.count (log scale)"] {
        assert!(texts(&svg).contains(label), "no label {label}");
    }
    assert!(texts(&read(&results, "hops-cdf.svg")).contains("peers.count = 8000"));
}

#[test]
fn timeline_is_marked_and_explained() {
    let place = tempfile::tempdir().unwrap();
    let results = Recipe { repetitions: 2, ..Recipe::default() }.write(&place.path().join("events"));
    draw_all(&results).unwrap();
    let said = texts(&read(&results, "success-over-time.svg"));
    assert!(said.contains("A: 30 min crash, 300 peers"), "{said}");
    assert!(said.contains("B: 40 min heal"), "{said}");
}

#[test]
fn results_without_a_found_lookup_say_so() {
    let place = tempfile::tempdir().unwrap();
    let results = Recipe { found: false, lookups: 100, ..Recipe::default() }.write(&place.path().join("none"));
    assert_eq!(names(&draw_all(&results).unwrap()), expected(&WITHOUT_SWEEP));
    for chart in ["hops-distribution.svg", "hops-cdf.svg", "latency-cdf.svg"] {
        assert!(texts(&read(&results, chart)).contains("no data: no lookup was found"), "{chart}");
    }
}

#[test]
fn results_without_lookups_have_no_charts_of_lookups() {
    let place = tempfile::tempdir().unwrap();
    let results = Recipe { lookups: 0, repetitions: 1, ..Recipe::default() }.write(&place.path().join("quiet"));
    let drawn = names(&draw_all(&results).unwrap());
    assert!(!drawn.contains("latency-cdf") && !drawn.contains("messages-per-lookup"), "{drawn:?}");
    assert!(drawn.contains("peers-online"), "{drawn:?}");
}

#[test]
fn gini_in_the_legend_is_that_of_the_counts() {
    // Four peers that handled 0, 0, 0 and 1: Gini = 3/4; the server's million counts for nothing.
    let place = tempfile::tempdir().unwrap();
    let results = Recipe { lookups: 10, repetitions: 1, topologies: vec!["one"], ..Recipe::default() };
    let results = results.write(&place.path().join("gini"));
    let header = "run,topology,repetition,peer,class,role,online_s,messages_in,messages_out,bytes_in,bytes_out,lookups_served,items,state_bytes,records\n";
    let row = |peer: u32, role: &str, messages: u32| format!("one/1,one,1,{peer},,{role},1,{messages},0,0,0,0,0,0,0\n");
    let rows: String = [0, 0, 1, 0].iter().zip(0..).map(|(&messages, peer)| row(peer, "peer", messages)).collect();
    fs::write(results.join("peers.csv"), format!("{header}{rows}{}", row(4, "index", 1_000_000))).unwrap();
    draw_all(&results).unwrap();
    assert!(texts(&read(&results, "load-lorenz.svg")).contains("one (Gini 0.75)"));
}

#[test]
fn median_in_the_legend_is_that_of_the_found_lookups() {
    // Latencies of 100, 200 and 40 000 ms: the median is 200; the lookup that was not found has none.
    let place = tempfile::tempdir().unwrap();
    let results = Recipe { lookups: 10, repetitions: 1, topologies: vec!["one"], ..Recipe::default() };
    let results = results.write(&place.path().join("median"));
    let header =
        "run,topology,repetition,lookup,time_s,origin,target,outcome,hops,rounds,messages,bytes,timeouts,latency_ms,results,recall\n";
    let row = |outcome: &str, latency: &str| format!("one/1,one,1,0,0,1,x,{outcome},1,,7,1,0,{latency},1,\n");
    let rows = [row("found", "40000"), row("found", "100"), row("timeout", ""), row("found", "200")].concat();
    fs::write(results.join("lookups.csv"), header.to_owned() + &rows).unwrap();
    draw_all(&results).unwrap();
    let said = texts(&read(&results, "latency-cdf.svg"));
    assert!(said.contains("one (median 200 ms)"), "{said}");
}

#[test]
fn eight_topologies_with_long_names_are_all_named_in_full() {
    let place = tempfile::tempdir().unwrap();
    let recipe = Recipe { topologies: LONG_NAMES.to_vec(), repetitions: 2, lookups: 400, ..Recipe::default() };
    let results = recipe.write(&place.path().join("many"));
    let paths = draw_all(&results).unwrap();
    for path in paths.iter().filter(|path| path.extension().unwrap() == "svg") {
        let said = texts(&fs::read_to_string(path).unwrap());
        for topology in LONG_NAMES {
            assert!(said.contains(topology), "{} does not name {topology}", path.display());
        }
    }
}

/// For looking at: the charts are kept in the target directory, under `tmp/charts/`.
#[test]
fn charts_of_realistic_results_are_drawn() {
    let at = Path::new(env!("CARGO_TARGET_TMPDIR")).join("charts");
    let plain = Recipe::default().write(&at.join("plain"));
    let sweep = Recipe { peers: vec![500, 1000, 2000, 4000, 8000], lookups: 500, repetitions: 3, ..Recipe::default() };
    let sweep = sweep.write(&at.join("sweep"));
    let many = Recipe { topologies: LONG_NAMES.to_vec(), repetitions: 3, lookups: 1000, ..Recipe::default() };
    let many = many.write(&at.join("many"));
    for results in [plain, sweep, many] {
        assert!(draw_all(&results).unwrap().len() >= 2 * WITHOUT_SWEEP.len());
    }
}
