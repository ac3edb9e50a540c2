//! The parts, put together in plan order: the final files, with their statistics, manifest and performance.
//!
//! # Cost
//! Each part is copied once through a buffer and hashed on the way; `summary.csv` is read back for the aggregate.
//! Memory does not grow with the rows of any file but `summary.csv`.
//!
//! # Not here
//! Charts and page: the caller draws them into [`Assembled::path`] before it publishes.

use super::{
    DirectoryError, FileEntry, Manifest, Performance, Published, RunEntry, RunPerformance, Session, SessionPerformance, failed, ownership,
    part, publish,
    session::{hexadecimal, remove_tree},
    write_json,
};
use crate::{
    aggregate,
    tables::{Aggregate, Download, Event, Hops, Lookup, Message, Peer, Row, Rumour, Sample, Summary, TableError, Writer, header},
};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

/// Whole results that are not in their place yet. Dropped, they are made again by the next session.
#[derive(Debug)]
pub struct Assembled {
    session: Session,
    path: PathBuf,
}

/// A file that is made of the runs' parts: its name and its header.
type Kind = (&'static str, fn(&[String]) -> csv::ByteRecord);

const PARTS: [Kind; 9] = [
    (Summary::FILE, header::<Summary>),
    (Lookup::FILE, header::<Lookup>),
    (Hops::FILE, header::<Hops>),
    (Message::FILE, header::<Message>),
    (Sample::FILE, header::<Sample>),
    (Peer::FILE, header::<Peer>),
    (Event::FILE, header::<Event>),
    (Rumour::FILE, header::<Rumour>),
    (Download::FILE, header::<Download>),
];

/// Files that there are only if some run has written such a file: they belong to a part of the scenario that most have not.
const OPTIONAL: [&str; 2] = [Rumour::FILE, Download::FILE];

impl Assembled {
    pub(super) fn from_session(session: Session, performance: SessionPerformance) -> Result<Self, DirectoryError> {
        let parts = done_parts(&session)?;
        let path = session.staging.join("final");
        remove_tree(&path)?;
        fs::create_dir(&path).map_err(failed("create", &path))?;
        let mut files = BTreeMap::new();
        let is_there = |name: &str| !OPTIONAL.contains(&name) || parts.iter().any(|part| part.rows.contains_key(name));
        for kind in PARTS.into_iter().filter(|(name, _)| is_there(name)) {
            files.insert(kind.0.to_owned(), concatenate(&session, &parts, &path, kind)?);
        }
        files.insert(Aggregate::FILE.to_owned(), write_aggregate(&path, &session.plan.swept)?);
        files.insert("scenario.toml".to_owned(), write_scenario(&path, &session)?);
        write_json(&path.join(Performance::FILE), &performance_of(&parts, performance))?;
        // The manifest comes last: it is what makes the directory one of ours.
        write_json(&path.join(Manifest::FILE), &manifest_of(&session, &parts, files))?;
        Ok(Self { session, path })
    }

    /// Where the results are for now: complete but for charts and page.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Moves the results to their place. What stood there, if it was ours, is replaced only now; files in it that `sim` did not
    /// write are carried over.
    ///
    /// # Errors
    /// On any error the old results are in their place, and the new ones are kept for the next session.
    pub fn publish(self) -> Result<Published, DirectoryError> {
        publish::publish(self.session, &self.path)
    }
}

/// The done-markers in plan order; an error if a run is not done.
fn done_parts(session: &Session) -> Result<Vec<part::Done>, DirectoryError> {
    let runs = &session.plan.runs;
    let completed = session.completed()?;
    if completed.len() < runs.len() {
        let first = (0..runs.len()).find(|index| completed.binary_search(index).is_err()).unwrap_or_default();
        let (missing, planned) = (runs.len() - completed.len(), runs.len());
        return Err(DirectoryError::Incomplete { missing, planned, first: runs[first].run.clone() });
    }
    completed.iter().map(|&index| part::done(&session.part_path(index))).collect()
}

fn concatenate(session: &Session, parts: &[part::Done], directory: &Path, (name, header): Kind) -> Result<FileEntry, DirectoryError> {
    let path = directory.join(name);
    let mut target = Hashed::create(&path)?;
    write_record(&mut target, &header(&session.plan.swept), &path)?;
    let mut rows = 0;
    for (index, part) in parts.iter().enumerate() {
        // A run that wrote no such file has no such rows.
        let Some(part_rows) = part.rows.get(name) else { continue };
        rows += part_rows;
        let source = session.part_path(index).join(name);
        let mut reader = File::open(&source).map_err(failed("read", &source))?;
        target.append(&mut reader).map_err(failed("write", &path))?;
    }
    target.close(&path, Some(rows))
}

fn write_record(target: &mut impl Write, record: &csv::ByteRecord, path: &Path) -> Result<(), DirectoryError> {
    let mut writer = csv::Writer::from_writer(target);
    let written = writer.write_byte_record(record).and_then(|()| Ok(writer.flush()?));
    Ok(written.map_err(|error| TableError::of_csv(path, error))?)
}

fn write_aggregate(directory: &Path, swept: &[String]) -> Result<FileEntry, DirectoryError> {
    let path = directory.join(Aggregate::FILE);
    let mut writer = Writer::<Aggregate, _>::with_header(Hashed::create(&path)?, &path, swept)?;
    for (label, row) in aggregate::of_summary(directory)? {
        writer.label(&label);
        writer.row(&row)?;
    }
    let (target, rows) = writer.finish()?;
    target.close(&path, Some(rows))
}

fn write_scenario(directory: &Path, session: &Session) -> Result<FileEntry, DirectoryError> {
    let path = directory.join("scenario.toml");
    let mut target = Hashed::create(&path)?;
    target.write_all(session.plan.scenario_toml.as_bytes()).map_err(failed("write", &path))?;
    target.close(&path, None)
}

fn performance_of(parts: &[part::Done], session: SessionPerformance) -> Performance {
    let SessionPerformance { wall_s, peak_memory_bytes, threads, machine } = session;
    let runs = parts.iter().map(|part::Done { label, measure, .. }| {
        let busy_s = measure.wall_s - measure.setup_s;
        RunPerformance {
            run: label.run.clone(),
            topology: label.topology.clone(),
            repetition: label.repetition,
            peers: measure.peers,
            events: measure.events,
            messages: measure.messages,
            setup_s: measure.setup_s,
            wall_s: measure.wall_s,
            events_per_s: if busy_s > 0.0 { measure.events as f64 / busy_s } else { 0.0 },
        }
    });
    Performance { wall_s, peak_memory_bytes, threads, machine, runs: runs.collect() }
}

fn manifest_of(session: &Session, parts: &[part::Done], files: BTreeMap<String, FileEntry>) -> Manifest {
    let plan = &session.plan;
    let runs = parts.iter().map(|part::Done { label, measure, .. }| RunEntry {
        run: label.run.clone(),
        topology: label.topology.clone(),
        repetition: label.repetition,
        sweep: label.sweep.clone(),
        trace_digest: measure.trace_digest.clone(),
    });
    Manifest {
        tool: ownership::TOOL.to_owned(),
        version: plan.version.clone(),
        model_revision: plan.model_revision,
        scenario: plan.scenario.clone(),
        scenario_sha256: session.scenario_sha256.clone(),
        seed: plan.seed,
        swept: plan.swept.clone(),
        runs: runs.collect(),
        files,
    }
}

/// A file that is hashed while it is written.
struct Hashed {
    file: BufWriter<File>,
    sha256: Sha256,
}

impl Hashed {
    fn create(path: &Path) -> Result<Self, DirectoryError> {
        let file = File::create(path).map_err(failed("create", path))?;
        Ok(Self { file: BufWriter::new(file), sha256: Sha256::new() })
    }

    fn append(&mut self, source: &mut impl Read) -> io::Result<()> {
        io::copy(&mut BufReader::with_capacity(1 << 17, source), self).map(drop)
    }

    /// Brings the file to the disk: what replaces whole results must be whole after a power cut as well.
    fn close(mut self, path: &Path, rows: Option<u64>) -> Result<FileEntry, DirectoryError> {
        self.file.flush().and_then(|()| self.file.get_ref().sync_all()).map_err(failed("write", path))?;
        Ok(FileEntry { sha256: hexadecimal(&self.sha256.finalize()), rows })
    }
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.sha256.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
