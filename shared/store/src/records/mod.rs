//! The record kinds that live under the item port, one file each: key, value, encoding.
//! REC-1: every value starts with a format byte; a reader refuses a newer one by name.

pub mod accounting;
pub mod anomalies;
pub mod breakers;
pub mod credits;
pub mod directory;
pub mod due;
pub mod late;
pub mod layout;
pub mod leases;
pub mod outbox;
pub mod pages;
pub mod panes;
pub mod progress;
pub mod proofs;
pub mod quarantine;
pub mod redriven;
pub mod watermarks;

pub use accounting::SourceAccount;
pub use anomalies::AnomalyEntry;
pub use breakers::{Admission, Breaker, BreakerPhase};
pub use credits::{CreditLedger, CreditPeriod, CreditPlan, CreditRefusal, VendorCredits};
pub use due::DueEntry;
pub use late::{LateEntry, LateLedger};
pub use pages::{KnownGame, PageState};
pub use panes::Pane;
pub use quarantine::QuarantineEntry;
pub use redriven::{Ledger, Redriven};

use serde::{Serialize, de::DeserializeOwned};

use crate::StoreError;

const FORMAT: u8 = 1;
/// Items read at once where a whole partition is walked.
const PAGE_ITEMS: usize = 1000;

fn encode<T: Serialize>(key: &str, value: &T) -> Result<Vec<u8>, StoreError> {
    postcard::to_extend(value, vec![FORMAT])
        .map_err(|error| StoreError::Broken { key: key.to_owned(), message: error.to_string() })
}

fn decode<T: DeserializeOwned>(key: &str, bytes: &[u8]) -> Result<T, StoreError> {
    let broken = |message: String| StoreError::Broken { key: key.to_owned(), message };
    match bytes.split_first() {
        Some((&FORMAT, body)) => postcard::from_bytes(body).map_err(|error| broken(error.to_string())),
        Some((format, _)) => Err(broken(format!("record format {format} is newer than this release reads ({FORMAT})"))),
        None => Err(broken("record is empty".to_owned())),
    }
}

/// Every item of a partition, page by page.
async fn walk(
    store: &dyn crate::ItemStore,
    pk: &str,
    from: &str,
    to: Option<&str>,
) -> Result<Vec<(String, crate::Item)>, StoreError> {
    let mut items = Vec::new();
    let mut from = from.to_owned();
    loop {
        let page = store.query(pk, &from, to, PAGE_ITEMS).await?;
        let is_last = page.len() < PAGE_ITEMS;
        if let Some((sk, _)) = page.last() {
            // The smallest key after the last one read.
            from = format!("{sk}\0");
        }
        items.extend(page);
        if is_last {
            return Ok(items);
        }
    }
}
