//! Appends to one table: every commit is decided on the version it lands on, and confirmed by reading back.
//! APP-1: a commit whose answer was lost is recognised by its mark in the snapshots and not made again.
//! APP-2: marks never fall; each commit carries all of them forward, so that expired snapshots take none along.
//! Does not wait between attempts: losing to another writer means that writer made progress.

use std::collections::{BTreeMap, HashMap};

use arrow_array::RecordBatch;
use iceberg::TableIdent;
use iceberg::spec::DataFile;
use uuid::Uuid;

use crate::error::LakeError;
use crate::lake::Lake;
use crate::port::{Append, Refusal, Tables};

/// Lost races before a commit gives up.
const CONFLICTS_MAX: usize = 32;
/// Attempts of unknown outcome, not confirmed by reading back, before a commit gives up.
const DOUBTS_MAX: usize = 3;
/// Snapshot properties of this prefix hold numbers that only grow, see [`marks`].
const MARK_PREFIXES: [&str; 2] = ["touchline.chain.", "touchline.feed."];
const FEED_PREFIX: &str = "touchline.feed.";
/// Snapshot property: which call of `append_files` made it.
const APPEND_ID: &str = "touchline.append";
/// Snapshot property: which commit made it; tells a landed commit from somebody else's.
const COMMIT_ID: &str = "touchline.commit";

/// Snapshot properties that every implementation tells: files and rows that a commit added.
pub(crate) const ADDED_FILES: &str = "added-data-files";
pub(crate) const ADDED_ROWS: &str = "added-records";

/// What one commit added to one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitReport {
    pub table: TableIdent,
    pub file_count: u64,
    pub row_count: u64,
    /// The newest snapshot after the commit; none while the table is empty.
    pub snapshot_id: Option<i64>,
}

/// The highest recorded value of every mark in the table's history.
pub(crate) fn marks(history: &[&HashMap<String, String>]) -> BTreeMap<String, u64> {
    let mut marks = BTreeMap::new();
    for (key, value) in history.iter().copied().flatten() {
        if !MARK_PREFIXES.iter().any(|prefix| key.starts_with(prefix)) {
            continue;
        }
        if let Ok(value) = value.parse::<u64>() {
            let mark = marks.entry(key.clone()).or_insert(value);
            *mark = value.max(*mark);
        }
    }
    marks
}

/// What the commits of this id added, as the snapshots tell it.
fn report<L: Tables>(table: &TableIdent, version: &L::Version, commit_id: &str) -> CommitReport {
    let mut report =
        CommitReport { table: table.clone(), file_count: 0, row_count: 0, snapshot_id: L::snapshot_id(version) };
    let number = |snapshot: &HashMap<String, String>, key| -> u64 {
        snapshot.get(key).and_then(|value| value.parse().ok()).unwrap_or(0)
    };
    let is_own = |snapshot: &&HashMap<String, String>| snapshot.get(COMMIT_ID).is_some_and(|id| id == commit_id);
    for snapshot in L::history(version).into_iter().filter(is_own) {
        report.file_count += number(snapshot, ADDED_FILES);
        report.row_count += number(snapshot, ADDED_ROWS);
    }
    report
}

/// See [`Tables::append_rows_once`].
pub(crate) async fn append_rows_once<L: Tables>(
    lake: &L,
    table: &TableIdent,
    batches: Vec<RecordBatch>,
    key: &str,
    sequence: u64,
) -> Result<bool, LakeError> {
    let mark = format!("{FEED_PREFIX}{key}");
    if recorded_sequence(lake, table, key).await?.is_some_and(|recorded| recorded >= sequence) {
        return Ok(false);
    }
    let files = lake.write_rows(table, &batches).await?;
    let report = append_decided(lake, table, |version| {
        let is_there = marks(&L::history(version)).get(&mark).is_some_and(|recorded| *recorded >= sequence);
        let properties = HashMap::from([(mark.clone(), sequence.to_string())]);
        Ok((!is_there).then(|| Append { files: files.clone(), properties }))
    })
    .await?;
    Ok(files.is_empty() || report.file_count > 0)
}

/// See [`Tables::recorded_sequence`].
pub(crate) async fn recorded_sequence<L: Tables>(
    lake: &L,
    table: &TableIdent,
    key: &str,
) -> Result<Option<u64>, LakeError> {
    let version = lake.version(table).await?;
    Ok(marks(&L::history(&version)).get(&format!("{FEED_PREFIX}{key}")).copied())
}

/// Asks `decide` what the table, as it is now, still lacks, and commits that against exactly this version;
/// again until `decide` finds nothing lacking. So a commit is believed only when it is read back.
pub(crate) async fn append_decided<L: Tables>(
    lake: &L,
    table: &TableIdent,
    mut decide: impl FnMut(&L::Version) -> Result<Option<Append<L::File>>, LakeError> + Send,
) -> Result<CommitReport, LakeError> {
    let commit_id = Uuid::new_v4().to_string();
    let (mut conflicts, mut doubts) = (0, 0);
    let mut last_error = None;
    loop {
        let version = lake.version(table).await?;
        let Some(mut append) = decide(&version)? else { return Ok(report::<L>(table, &version, &commit_id)) };
        if conflicts >= CONFLICTS_MAX {
            return Err(LakeError::Contended { subject: format!("table {table}"), attempts: conflicts });
        }
        if doubts >= DOUBTS_MAX {
            return Err(last_error.unwrap_or_else(|| LakeError::Unconfirmed { table: table.to_string() }));
        }
        for (mark, value) in marks(&L::history(&version)) {
            append.properties.entry(mark).or_insert_with(|| value.to_string());
        }
        append.properties.insert(COMMIT_ID.to_owned(), commit_id.clone());
        match lake.commit(&version, append, conflicts + doubts > 0).await {
            Err(Refusal::Conflict) => conflicts += 1,
            // Said to have landed, or not known: the next decision, on the table as it then is, tells.
            Err(Refusal::Doubt(error)) => {
                doubts += 1;
                last_error = Some(error);
            }
            Ok(()) => {
                doubts += 1;
                last_error = None;
            }
        }
    }
}

impl Lake {
    /// Appends the rows in one commit, once, also where the catalog's answer is lost. Calling it again appends again.
    pub async fn append_batches(
        &self,
        table: &TableIdent,
        batches: Vec<RecordBatch>,
        properties: HashMap<String, String>,
    ) -> Result<CommitReport, LakeError> {
        let files = self.write_rows(table, &batches).await?;
        self.append_files(table, files, properties).await
    }

    /// Commits files of a [`crate::DataWriter`] of this table.
    pub async fn append_files(
        &self,
        table: &TableIdent,
        files: Vec<DataFile>,
        mut properties: HashMap<String, String>,
    ) -> Result<CommitReport, LakeError> {
        let id = Uuid::new_v4().to_string();
        properties.insert(APPEND_ID.to_owned(), id.clone());
        self.append_decided(table, |version| {
            let is_there = Self::history(version).iter().any(|snapshot| snapshot.get(APPEND_ID) == Some(&id));
            let is_needed = !files.is_empty() && !is_there;
            Ok(is_needed.then(|| Append { files: files.clone(), properties: properties.clone() }))
        })
        .await
    }
}
