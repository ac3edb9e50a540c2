//! The table for people: digits that mean something, and a width that fits.

use crate::synthetic::Recipe;
use peerlab_report::human::summary_table;
use std::fs;

const HEADER: &str = "metric,unit,mean,ci95_low,ci95_high,sd,min,median,max,n\n";

fn table(swept: &str, rows: &str, width: Option<usize>) -> String {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("aggregate.csv"), format!("topology,{swept}{HEADER}{rows}")).unwrap();
    summary_table(place.path(), width).unwrap()
}

#[test]
fn mean_is_rounded_to_the_place_of_its_interval() {
    let rows = "chord,lookup_success_ratio,1,0.98765,0.98535,0.98995,0,0,0,0,5\n\
        chord,hops_mean,hops,5.4321,5.4,5.4642,0,0,0,0,5\n\
        chord,messages_per_lookup_mean,messages,123456.7,121000,125913.4,0,0,0,0,5\n\
        chord,load_gini,1,0.5,0.5,0.5,0,0,0,0,5\n";
    let table = table("", rows, None);
    for cell in ["98.77 ± 0.23", "5.432 ± 0.032", "123500 ± 2500", "0.5 ± 0"] {
        assert!(table.contains(cell), "no `{cell}` in\n{table}");
    }
    assert!(!table.contains("latency"), "a metric that no run has is shown:\n{table}");
}

#[test]
fn one_repetition_has_four_digits_and_no_interval() {
    let rows = "chord,hops_mean,hops,5.43219,,,,0,0,0,1\nchord,lookup_latency_p50,ms,,,,,,,,0\nchord,lookup_latency_p95,ms,812345.6,,,,0,0,0,1\n\
        flooding,lookup_latency_p50,ms,80,,,,0,0,0,1\n";
    let table = table("", rows, None);
    for cell in ["5.432", "812346", " 80", "–"] {
        assert!(table.contains(cell), "no `{cell}` in\n{table}");
    }
    assert!(!table.contains('±'), "{table}");
}

#[test]
fn each_sweep_point_has_its_line() {
    let rows = "chord,1000,hops_mean,hops,5,,,,5,5,5,1\nchord,2000,hops_mean,hops,6,,,,6,6,6,1\n";
    let table = table("peers.count,", rows, None);
    assert!(table.contains("peers.count") && table.contains("1000") && table.contains("2000"), "{table}");
    assert_eq!(table.lines().filter(|line| line.contains("chord")).count(), 2);
}

#[test]
fn table_fits_the_terminal() {
    let place = tempfile::tempdir().unwrap();
    let results = Recipe { lookups: 500, ..Recipe::default() }.write(&place.path().join("results"));
    let [wide, narrow, turned] = [None, Some(110), Some(80)].map(|width| summary_table(&results, width).unwrap());
    let width = |table: &str| table.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(width(&narrow) <= 110 && width(&narrow) < width(&wide), "{narrow}\n{wide}");
    assert!(wide.contains(" ± ") && !narrow.contains(" ± "), "each ± below its mean:\n{narrow}");
    assert!(width(&turned) <= 80, "{turned}");
    let metric = turned.lines().find(|line| line.contains("success %")).unwrap();
    assert_eq!(metric.matches(" ± ").count(), 3, "a column per topology:\n{turned}");
}
