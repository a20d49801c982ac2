//! What became of every event, per source, summed from the items themselves (P12).
//! ACC-1: offered = applied + duplicate + rejected + quarantined + late + after-seal; the offered side is the stream's to say.

use std::collections::BTreeMap;

use touchline_metric::{Family, FamilyState};
use touchline_window::{PaneKey, PaneState};

use super::{late, quarantine, redriven, walk};
use crate::records::{LateLedger, Ledger, directory, panes};
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
    /// Once refused or late, since published again or counted: no longer in the four before, but where it went.
    pub redriven: u64,
    /// Deliveries that redrives added to the stream in place of earlier ones; the offered side is to leave them out.
    pub republished: u64,
}

impl SourceAccount {
    /// Everything accounted for. What was redriven is among the applied by now.
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
        add_ledgers(store, source, account).await?;
    }
    accounts.retain(|_, account| *account != SourceAccount::default());
    Ok(accounts)
}

async fn add_ledgers(store: &dyn ItemStore, source: &str, account: &mut SourceAccount) -> Result<(), StoreError> {
    let marks = redriven::list(store, Ledger::Quarantine, source).await?;
    account.republished += marks.values().map(|mark| mark.republished).sum::<u64>();
    for (name, entry) in quarantine::list(store, source).await? {
        let slot = match entry.stage.as_str() {
            _ if marks.contains_key(&name) => &mut account.redriven,
            "parse" => &mut account.rejected,
            _ => &mut account.quarantined,
        };
        *slot += entry.event_count;
    }
    let marks = redriven::list(store, Ledger::Late, source).await?;
    account.republished += marks.values().map(|mark| mark.republished).sum::<u64>();
    for (name, entry) in late::list(store, source).await? {
        let slot = match entry.ledger {
            _ if marks.contains_key(&name) => &mut account.redriven,
            LateLedger::Late => &mut account.late,
            LateLedger::AfterSeal => &mut account.after_seal,
        };
        *slot += 1;
    }
    Ok(())
}
