//! What became of every event, per source, summed from the items themselves (P12).
//! ACC-1: offered = applied + duplicate + rejected + quarantined + late + after-seal; the offered side is the stream's to say.

use std::collections::BTreeMap;

use touchline_metric::{Family, FamilyState};
use touchline_window::{PaneKey, PaneState};

use super::{late, quarantine, walk};
use crate::records::{LateLedger, directory, panes};
use crate::{ItemStore, StoreError};

/// Where a source's events went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct SourceAccount {
    pub applied: u64,
    pub duplicate: u64,
    /// Refused by a parser: never in the stream.
    pub rejected: u64,
    /// Refused by a stream consumer.
    pub quarantined: u64,
    pub late: u64,
    pub after_seal: u64,
}

impl SourceAccount {
    /// Everything accounted for.
    pub fn total(&self) -> u64 {
        self.applied + self.duplicate + self.rejected + self.quarantined + self.late + self.after_seal
    }
}

/// The accounts of the given sources.
pub async fn read(store: &dyn ItemStore, sources: &[&str]) -> Result<BTreeMap<String, SourceAccount>, StoreError> {
    let mut accounts: BTreeMap<String, SourceAccount> =
        sources.iter().map(|source| ((*source).to_owned(), SourceAccount::default())).collect();
    for family in Family::ALL {
        for entity in directory::list(store, family).await? {
            let source = entity.split(':').next().unwrap_or_default();
            let account = accounts.entry(source.to_owned()).or_default();
            let pk = PaneKey::partition(panes::CONSUMER, panes::EPOCH, family.as_str(), &entity);
            for (sk, item) in walk(store, &pk, "", None).await? {
                let pane = PaneState::<FamilyState>::decode(&item.value)
                    .map_err(|error| StoreError::Broken { key: sk, message: error.to_string() })?;
                account.applied += pane.applied_count;
                account.duplicate += pane.duplicate_count;
            }
        }
    }
    for (source, account) in &mut accounts {
        for (_, entry) in quarantine::list(store, source).await? {
            let slot = if entry.stage == "parse" { &mut account.rejected } else { &mut account.quarantined };
            *slot += entry.event_count;
        }
        for (_, entry) in late::list(store, source).await? {
            let slot = if entry.ledger == LateLedger::Late { &mut account.late } else { &mut account.after_seal };
            *slot += 1;
        }
    }
    accounts.retain(|_, account| account.total() > 0);
    Ok(accounts)
}
