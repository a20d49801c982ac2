//! Appends to one table: every commit is decided on the version it lands on, and confirmed by reading back.
//! APP-1: a commit whose answer was lost is recognised by its mark in the snapshots and not made again.
//! APP-2: marks never fall; each commit carries all of them forward, so that expired snapshots take none along.
//! Does not wait between attempts: losing to another writer means that writer made progress.

use std::collections::{BTreeMap, HashMap};

use arrow_array::RecordBatch;
use iceberg::spec::DataFile;
use iceberg::table::Table;
use iceberg::transaction::{ApplyTransactionAction, Transaction};
use iceberg::util::snapshot::ancestors_of;
use iceberg::{ErrorKind, TableIdent};
use uuid::Uuid;

use crate::catalog::Pinned;
use crate::error::{Context, LakeError};
use crate::lake::Lake;
use crate::write::DataWriter;

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

/// What one commit added to one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitReport {
    pub table: TableIdent,
    pub file_count: u64,
    pub row_count: u64,
    /// The newest snapshot after the commit; none while the table is empty.
    pub snapshot_id: Option<i64>,
}

/// Files to append, with the properties that make the append recognisable.
pub(crate) struct Append {
    pub(crate) files: Vec<DataFile>,
    pub(crate) properties: HashMap<String, String>,
}

/// The highest recorded value of every mark in the table's history.
pub(crate) fn marks(table: &Table) -> BTreeMap<String, u64> {
    let mut marks = BTreeMap::new();
    for properties in history(table) {
        for (key, value) in properties {
            if !MARK_PREFIXES.iter().any(|prefix| key.starts_with(prefix)) {
                continue;
            }
            if let Ok(value) = value.parse::<u64>() {
                let mark = marks.entry(key).or_insert(value);
                *mark = value.max(*mark);
            }
        }
    }
    marks
}

fn history(table: &Table) -> impl Iterator<Item = HashMap<String, String>> {
    let metadata = table.metadata_ref();
    let newest = metadata.current_snapshot_id();
    newest.into_iter().flat_map(move |id| {
        ancestors_of(&metadata, id).map(|snapshot| snapshot.summary().additional_properties.clone()).collect::<Vec<_>>()
    })
}

/// What the commits of this id added, as the snapshots tell it.
fn report(table: &Table, commit_id: &str) -> CommitReport {
    let mut report = CommitReport {
        table: table.identifier().clone(),
        file_count: 0,
        row_count: 0,
        snapshot_id: table.metadata().current_snapshot_id(),
    };
    let number = |snapshot: &HashMap<String, String>, key| -> u64 {
        snapshot.get(key).and_then(|value| value.parse().ok()).unwrap_or(0)
    };
    for snapshot in history(table).filter(|snapshot| snapshot.get(COMMIT_ID).is_some_and(|id| id == commit_id)) {
        report.file_count += number(&snapshot, "added-data-files");
        report.row_count += number(&snapshot, "added-records");
    }
    report
}

impl Lake {
    /// Appends the rows in one commit, once, also where the catalog's answer is lost. Calling it again appends again.
    pub async fn append_batches(
        &self,
        table: &TableIdent,
        batches: Vec<RecordBatch>,
        properties: HashMap<String, String>,
    ) -> Result<CommitReport, LakeError> {
        let files = self.write_batches(table, &batches).await?;
        self.append_files(table, files, properties).await
    }

    /// Commits files of a [`DataWriter`] of this table.
    pub async fn append_files(
        &self,
        table: &TableIdent,
        files: Vec<DataFile>,
        mut properties: HashMap<String, String>,
    ) -> Result<CommitReport, LakeError> {
        let id = Uuid::new_v4().to_string();
        properties.insert(APPEND_ID.to_owned(), id.clone());
        self.append_decided(table, |table| {
            let is_there = history(table).any(|snapshot| snapshot.get(APPEND_ID) == Some(&id));
            let is_needed = !files.is_empty() && !is_there;
            Ok(is_needed.then(|| Append { files: files.clone(), properties: properties.clone() }))
        })
        .await
    }

    /// Appends the rows unless the table already recorded `sequence` or a higher one under `key`. False where it had.
    /// Sequences of one key must grow from call to call; a repeated call after a crash is harmless.
    pub async fn append_rows_once(
        &self,
        table: &TableIdent,
        batches: Vec<RecordBatch>,
        key: &str,
        sequence: u64,
    ) -> Result<bool, LakeError> {
        let mark = format!("{FEED_PREFIX}{key}");
        if self.recorded_sequence(table, key).await?.is_some_and(|recorded| recorded >= sequence) {
            return Ok(false);
        }
        let files = self.write_batches(table, &batches).await?;
        let report = self
            .append_decided(table, |table| {
                let is_there = marks(table).get(&mark).is_some_and(|recorded| *recorded >= sequence);
                let properties = HashMap::from([(mark.clone(), sequence.to_string())]);
                Ok((!is_there).then(|| Append { files: files.clone(), properties }))
            })
            .await?;
        Ok(files.is_empty() || report.file_count > 0)
    }

    /// The highest sequence that [`Lake::append_rows_once`] recorded under `key`.
    pub async fn recorded_sequence(&self, table: &TableIdent, key: &str) -> Result<Option<u64>, LakeError> {
        Ok(marks(&self.load(table).await?).get(&format!("{FEED_PREFIX}{key}")).copied())
    }

    async fn write_batches(&self, table: &TableIdent, batches: &[RecordBatch]) -> Result<Vec<DataFile>, LakeError> {
        let mut writer = DataWriter::new(&self.load(table).await?)?;
        for batch in batches {
            writer.write(batch).await?;
        }
        writer.close().await
    }

    /// Asks `decide` what the table, as it is now, still lacks, and commits that against exactly this version;
    /// again until `decide` finds nothing lacking. So a commit is believed only when it is read back.
    pub(crate) async fn append_decided(
        &self,
        ident: &TableIdent,
        mut decide: impl FnMut(&Table) -> Result<Option<Append>, LakeError>,
    ) -> Result<CommitReport, LakeError> {
        let commit_id = Uuid::new_v4().to_string();
        let (mut conflicts, mut doubts) = (0, 0);
        let mut last_error = None;
        loop {
            let table = self.load(ident).await?;
            let Some(mut append) = decide(&table)? else { return Ok(report(&table, &commit_id)) };
            if conflicts >= CONFLICTS_MAX {
                return Err(LakeError::Contended { subject: format!("table {ident}"), attempts: conflicts });
            }
            if doubts >= DOUBTS_MAX {
                let unconfirmed = LakeError::Unconfirmed { table: ident.to_string() };
                return last_error.map_or(Err(unconfirmed), |error| Err(error).context("commit", ident));
            }
            append.properties.insert(COMMIT_ID.to_owned(), commit_id.clone());
            match self.commit_on(&table, append, conflicts + doubts > 0).await {
                Err(error) if error.kind() == ErrorKind::CatalogCommitConflicts => conflicts += 1,
                // Said to have landed, or not known: the next decision, on the table as it then is, tells.
                outcome => {
                    doubts += 1;
                    last_error = outcome.err();
                }
            }
        }
    }

    /// The search for doubles reads every manifest of the table, so it runs only after a commit that went wrong.
    async fn commit_on(&self, table: &Table, append: Append, is_doubtful: bool) -> Result<(), iceberg::Error> {
        let mut properties: HashMap<String, String> =
            marks(table).into_iter().map(|(key, value)| (key, value.to_string())).collect();
        properties.extend(append.properties);
        let pinned =
            Pinned { inner: self.catalog(), metadata_location: table.metadata_location().map(ToOwned::to_owned) };
        let transaction = Transaction::new(table);
        let action = transaction
            .fast_append()
            .with_check_duplicate(is_doubtful)
            .add_data_files(append.files)
            .set_snapshot_properties(properties);
        action.apply(transaction)?.commit(&pinned).await.map(|_| ())
    }
}
