//! Nothing is destroyed by accident; what is done stays done; the same runs give the same bytes.

use crate::synthetic::{Recipe, performance};
use peerlab_report::{
    directory::{DirectoryError, Manifest, Performance, Session, Standing, Start, scenario_sha256, standing},
    tables::{Aggregate, Lookup, Reader},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

fn small() -> Recipe {
    Recipe { repetitions: 2, lookups: 20, topologies: vec!["chord", "flooding"], ..Recipe::default() }
}

fn session(out: &Path, start: Start) -> Session {
    Session::open(out, small().plan(), start).unwrap()
}

fn finish_run(session: &Session, index: usize) {
    small().write_run(session.part(index).unwrap(), index as u64 / 2);
}

fn staging(out: &Path) -> PathBuf {
    out.with_file_name(format!(".{}.partial", out.file_name().unwrap().to_str().unwrap()))
}

#[test]
fn results_hold_every_file_with_one_header_and_runs_in_plan_order() {
    let place = tempfile::tempdir().unwrap();
    let out = small().write(&place.path().join("deep/results"));
    for (file, columns) in [
        ("summary.csv", "run,topology,repetition,metric,unit,value"),
        ("aggregate.csv", "topology,metric,unit,mean,ci95_low,ci95_high,sd,min,median,max,n"),
        (
            "lookups.csv",
            "run,topology,repetition,lookup,time_s,origin,target,outcome,hops,rounds,messages,bytes,timeouts,latency_ms,results,recall",
        ),
        ("hops.csv", "run,topology,repetition,hops,lookups,share,cumulative"),
        (
            "messages.csv",
            "run,topology,repetition,kind,cause,sent,delivered,dropped_offline,dropped_loss,dropped_queue,dropped_partition,in_flight,bytes",
        ),
        ("timeseries.csv", "run,topology,repetition,time_s,metric,unit,value"),
        (
            "peers.csv",
            "run,topology,repetition,peer,class,role,online_s,messages_in,messages_out,bytes_in,bytes_out,lookups_served,items,state_bytes,records",
        ),
        ("events.csv", "run,topology,repetition,time_s,action,peers,note,recovery_time_s,dip,repair_bytes"),
    ] {
        let text = fs::read_to_string(out.join(file)).unwrap();
        assert_eq!(text.lines().next(), Some(columns), "{file}");
        assert_eq!(text.lines().filter(|line| line.starts_with(&columns[..8])).count(), 1, "{file}");
        assert!(!text.contains('\r') && text.ends_with('\n'), "{file}");
    }
    let mut reader = Reader::<Lookup>::open(&out).unwrap();
    let mut runs: Vec<String> = Vec::new();
    while let Some((label, _)) = reader.next_row().unwrap() {
        if runs.last() != Some(&label.run) {
            runs.push(label.run.clone());
        }
    }
    assert_eq!(runs, ["chord/1", "chord/2", "flooding/1", "flooding/2"]);
    assert!(!staging(&out).exists());
}

#[test]
fn manifest_knows_every_file_by_digest_and_rows() {
    let place = tempfile::tempdir().unwrap();
    let out = small().write(&place.path().join("results"));
    let manifest = Manifest::read(&out).unwrap();
    assert_eq!((manifest.tool.as_str(), manifest.seed, manifest.runs.len()), ("peerlab", 42, 4));
    assert_eq!(manifest.runs[2].run, "flooding/1");
    assert_eq!(manifest.files["lookups.csv"].rows, Some(80));
    assert_eq!(manifest.files["scenario.toml"].sha256, manifest.scenario_sha256);
    for (file, entry) in &manifest.files {
        let text = fs::read_to_string(out.join(file)).unwrap();
        // The same hash by another way.
        assert_eq!(scenario_sha256(&text), entry.sha256, "{file}");
        if let Some(rows) = entry.rows {
            assert_eq!(text.lines().count() as u64, rows + 1, "{file}");
        }
    }
    let in_place: Vec<_> = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(in_place.len(), manifest.files.len() + 2, "{in_place:?}");
    let performance = Performance::read(&out).unwrap();
    assert_eq!((performance.runs.len(), performance.threads), (4, 2));
    let run = &performance.runs[0];
    assert_eq!(run.events_per_s, run.events as f64 / 2.0);
}

#[test]
fn known_sha256_is_reproduced() {
    assert_eq!(scenario_sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

#[test]
fn order_in_which_runs_finish_cannot_be_seen() {
    let place = tempfile::tempdir().unwrap();
    let (first, second) = (place.path().join("first"), place.path().join("second"));
    for (out, order) in [(&first, [0, 1, 2, 3]), (&second, [3, 1, 0, 2])] {
        let session = session(out, Start::Fresh);
        for index in order {
            finish_run(&session, index);
        }
        session.assemble(performance()).unwrap().publish().unwrap();
    }
    for file in Manifest::read(&first).unwrap().files.keys().map(String::as_str).chain(["manifest.json"]) {
        assert_eq!(fs::read(first.join(file)).unwrap(), fs::read(second.join(file)).unwrap(), "{file}");
    }
}

#[test]
fn aggregate_is_over_the_repetitions() {
    let place = tempfile::tempdir().unwrap();
    let out = small().write(&place.path().join("results"));
    let mut reader = Reader::<Aggregate>::open(&out).unwrap();
    let (label, row) = reader.next_row().unwrap().unwrap();
    assert_eq!((label.topology.as_str(), row.metric.as_str(), row.n), ("chord", "lookup_success_ratio", 2));
    let summary = fs::read_to_string(out.join("summary.csv")).unwrap();
    let value = |run: &str| -> f64 {
        let line = summary.lines().find(|line| line.starts_with(&format!("{run},chord,")) && line.contains(",lookup_success_ratio,"));
        line.unwrap().rsplit(',').next().unwrap().parse().unwrap()
    };
    let (first, second) = (value("chord/1"), value("chord/2"));
    assert!((row.mean.unwrap() - f64::midpoint(first, second)).abs() < 1e-12);
    assert_eq!((row.min, row.max), (Some(first.min(second)), Some(first.max(second))));
}

#[test]
fn foreign_directories_and_files_are_refused_and_left_alone() {
    let place = tempfile::tempdir().unwrap();
    let (directory, file) = (place.path().join("thesis"), place.path().join("thesis.txt"));
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("chapter.tex"), "years of work").unwrap();
    fs::write(directory.join("manifest.json"), r#"{"tool": "another"}"#).unwrap();
    fs::write(&file, "more work").unwrap();
    for out in [&directory, &file] {
        for start in [Start::Fresh, Start::Resume] {
            let error = Session::open(out, small().plan(), start).err().unwrap();
            assert!(matches!(&error, DirectoryError::Foreign { path } if path.ends_with(out.file_name().unwrap())), "{error}");
        }
        assert!(Session::check(out).is_err());
    }
    assert_eq!(fs::read_to_string(directory.join("chapter.tex")).unwrap(), "years of work");
    assert_eq!(fs::read_to_string(&file).unwrap(), "more work");
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 2, "something was written beside them");
}

#[test]
fn foreign_directory_that_has_the_name_of_our_staging_is_left_alone() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("results");
    fs::create_dir(staging(&out)).unwrap();
    fs::write(staging(&out).join("precious"), "x").unwrap();
    let error = Session::open(&out, small().plan(), Start::Fresh).err().unwrap();
    assert!(matches!(error, DirectoryError::Foreign { .. }), "{error}");
    assert!(staging(&out).join("precious").exists());
}

#[test]
fn directory_that_turned_foreign_meanwhile_is_refused_at_the_last_moment() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("results");
    let session = session(&out, Start::Fresh);
    (0..4).for_each(|index| finish_run(&session, index));
    fs::create_dir(&out).unwrap();
    fs::write(out.join("precious"), "x").unwrap();
    let error = session.assemble(performance()).unwrap().publish().unwrap_err();
    assert!(matches!(error, DirectoryError::Foreign { .. }), "{error}");
    assert!(out.join("precious").exists());
}

#[test]
fn empty_directory_is_taken() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("results");
    fs::create_dir(&out).unwrap();
    small().write(&out);
    assert_eq!(standing(&out).unwrap(), Standing::Ours);
}

#[test]
fn old_results_stand_until_the_new_ones_are_whole() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("results");
    small().write(&out);
    let before = fs::read(out.join("manifest.json")).unwrap();
    let plan = Recipe { repetitions: 1, ..small() }.plan();
    let session = Session::open(&out, plan, Start::Fresh).unwrap();
    assert_eq!(fs::read(out.join("manifest.json")).unwrap(), before);
    (0..2).for_each(|index| small().write_run(session.part(index).unwrap(), 0));
    let assembled = session.assemble(performance()).unwrap();
    assert_eq!(fs::read(out.join("manifest.json")).unwrap(), before);
    fs::write(assembled.path().join("report.html"), "<html>").unwrap();
    let published = assembled.publish().unwrap();
    assert_eq!(published.leftover, None);
    assert_eq!(Manifest::read(&out).unwrap().runs.len(), 2);
    assert!(out.join("report.html").exists());
}

#[test]
fn files_that_the_user_put_into_results_are_carried_over() {
    let place = tempfile::tempdir().unwrap();
    let out = small().write(&place.path().join("results"));
    fs::write(out.join("notes.md"), "mine").unwrap();
    fs::create_dir(out.join("charts")).unwrap();
    fs::write(out.join("charts/old.svg"), "stale").unwrap();
    fs::write(out.join("charts/plot.py"), "mine too").unwrap();
    small().write(&out);
    assert_eq!(fs::read_to_string(out.join("notes.md")).unwrap(), "mine");
    assert_eq!(fs::read_to_string(out.join("charts/plot.py")).unwrap(), "mine too");
    assert!(!out.join("charts/old.svg").exists());
}

#[test]
fn interrupted_session_is_resumed_where_it_stopped() {
    let place = tempfile::tempdir().unwrap();
    let (out, other) = (place.path().join("results"), place.path().join("other"));
    {
        let session = session(&out, Start::Fresh);
        finish_run(&session, 0);
        finish_run(&session, 3);
        // Under way when the session died.
        drop(session.part(1).unwrap());
    }
    assert_eq!(standing(&out).unwrap(), Standing::Absent);
    let resumed = session(&out, Start::Resume);
    assert_eq!(resumed.completed().unwrap(), [0, 3]);
    for index in [1, 2] {
        finish_run(&resumed, index);
    }
    resumed.assemble(performance()).unwrap().publish().unwrap();
    small().write(&other);
    assert_eq!(fs::read(out.join("manifest.json")).unwrap(), fs::read(other.join("manifest.json")).unwrap());
}

#[test]
fn fresh_start_throws_an_interrupted_session_away() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("results");
    finish_run(&session(&out, Start::Fresh), 0);
    assert!(session(&out, Start::Fresh).completed().unwrap().is_empty());
}

#[test]
fn session_of_another_scenario_revision_or_version_is_not_resumed() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("results");
    finish_run(&session(&out, Start::Fresh), 0);
    let refused = |change: &dyn Fn(&mut peerlab_report::directory::Plan)| {
        let mut plan = small().plan();
        change(&mut plan);
        match Session::open(&out, plan, Start::Resume) {
            Err(DirectoryError::OtherSession { what, .. }) => what,
            other => panic!("not refused: {other:?}"),
        }
    };
    assert_eq!(refused(&|plan| plan.scenario_toml.push('#')), "scenario");
    assert_eq!(refused(&|plan| plan.model_revision += 1), "model revision");
    assert_eq!(refused(&|plan| plan.version.push('1')), "version of the tool");
    assert_eq!(session(&out, Start::Resume).completed().unwrap(), [0]);
}

#[test]
fn results_are_not_assembled_before_all_runs_are_done() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("results");
    let session = session(&out, Start::Fresh);
    finish_run(&session, 0);
    let error = session.assemble(performance()).unwrap_err();
    assert!(matches!(&error, DirectoryError::Incomplete { missing: 3, planned: 4, first } if first == "chord/2"), "{error}");
    assert!(!out.exists());
}

#[test]
fn two_sessions_cannot_write_one_place() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("results");
    let first = session(&out, Start::Fresh);
    finish_run(&first, 0);
    let error = Session::open(&out, small().plan(), Start::Fresh).err().unwrap();
    assert!(matches!(error, DirectoryError::Busy { .. }), "{error}");
    assert_eq!(first.completed().unwrap(), [0]);
}

#[test]
fn session_that_died_between_the_two_renames_is_mended() {
    let place = tempfile::tempdir().unwrap();
    let out = small().write(&place.path().join("results"));
    let before = fs::read(out.join("manifest.json")).unwrap();
    drop(session(&out, Start::Fresh));
    fs::rename(&out, staging(&out).join("old")).unwrap();
    drop(session(&out, Start::Fresh));
    assert_eq!(fs::read(out.join("manifest.json")).unwrap(), before);
}

#[test]
fn place_that_cannot_be_written_is_named() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("file"), "x").unwrap();
    let error = Session::open(&place.path().join("file/results"), small().plan(), Start::Fresh).err().unwrap();
    assert!(matches!(&error, DirectoryError::Io { .. }), "{error:?}");
    assert!(error.to_string().contains("file"), "{error}");
    let error = Session::check(Path::new("/")).unwrap_err();
    assert!(matches!(error, DirectoryError::Foreign { .. } | DirectoryError::NoName { .. }), "{error}");
}

#[test]
#[cfg(unix)]
fn results_behind_a_link_are_replaced_where_they_are() {
    let place = tempfile::tempdir().unwrap();
    let (disk, link) = (place.path().join("disk"), place.path().join("link"));
    fs::create_dir(&disk).unwrap();
    small().write(&disk.join("results"));
    std::os::unix::fs::symlink(disk.join("results"), &link).unwrap();
    small().write(&link);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(standing(&disk.join("results")).unwrap(), Standing::Ours);
}
