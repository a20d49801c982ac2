//! Data files in the warehouse that nothing refers to: left by lost swaps, crashes and replaced tables.
//! ORP-1: files are listed before chains and chains before snapshots, the order in which a file moves; so a file
//! under way is never taken for an orphan, unless it is not on a chain yet: a sweep must spare the young.
//! Removes nothing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use iceberg::TableIdent;
use touchline_store::ItemStore;

use crate::chain;
use crate::error::{Context, LakeError};
use crate::lake::{Lake, local_path};
use crate::swap::PREVIOUS_LOCATION;

/// A file that no chain, snapshot or kept generation refers to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Orphan {
    pub path: PathBuf,
    pub byte_count: u64,
    /// UTC ms; what is younger than the longest batch may still be on its way to a chain.
    pub modified_at_ms: i64,
}

impl Lake {
    /// The orphans among the warehouse's data files, in order of path, given the epochs whose chains count.
    pub async fn orphans(&self, store: &dyn ItemStore, epochs: &[&str]) -> Result<Vec<Orphan>, LakeError> {
        let mut files = Vec::new();
        list_parquet(&self.warehouse, &mut files)?;
        let mut known: BTreeSet<PathBuf> = BTreeSet::new();
        for epoch in epochs {
            for stored in chain::list(store, epoch).await? {
                known.extend(stored.chain.files.iter().map(|file| local_path(&file.entry.path)));
            }
        }
        let mut kept_folders = Vec::new();
        for table in self.list_tables().await? {
            self.collect_files(&table, &mut known, &mut kept_folders).await?;
        }
        files.retain(|file| {
            !known.contains(&file.path) && !kept_folders.iter().any(|folder| file.path.starts_with(folder))
        });
        files.sort();
        Ok(files)
    }

    /// Every data file of every snapshot, and the folder of the generation before.
    async fn collect_files(
        &self,
        ident: &TableIdent,
        known: &mut BTreeSet<PathBuf>,
        kept_folders: &mut Vec<PathBuf>,
    ) -> Result<(), LakeError> {
        let table = self.load(ident).await?;
        let metadata = table.metadata();
        kept_folders.extend(metadata.properties().get(PREVIOUS_LOCATION).map(|location| local_path(location)));
        let mut manifests_seen = BTreeSet::new();
        for snapshot in metadata.snapshots() {
            let list = table.manifest_list_reader(snapshot).load().await.context("read manifest list of", ident)?;
            for entry in list.entries() {
                if !manifests_seen.insert(entry.manifest_path.clone()) {
                    continue;
                }
                let manifest = entry.load_manifest(table.file_io()).await.context("read manifest of", ident)?;
                known.extend(manifest.entries().iter().map(|entry| local_path(entry.file_path())));
            }
        }
        Ok(())
    }
}

fn list_parquet(folder: &Path, files: &mut Vec<Orphan>) -> Result<(), LakeError> {
    for entry in std::fs::read_dir(folder).context("list folder", folder.display())? {
        let entry = entry.context("list folder", folder.display())?;
        let path = entry.path();
        let metadata = match entry.metadata() {
            Ok(metadata) => metadata,
            // Removed while we were listing.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error).context("inspect file", path.display()),
        };
        if metadata.is_dir() {
            list_parquet(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "parquet") {
            let modified = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
            let modified_at_ms = modified.map_or(0, |at| i64::try_from(at.as_millis()).unwrap_or(i64::MAX));
            files.push(Orphan { path, byte_count: metadata.len(), modified_at_ms });
        }
    }
    Ok(())
}
