//! Where state is kept: items under compare-and-swap, one port, and the record kinds that live in it.
//! STORE-1: a put replaces an item only if its version is the one that was read; nothing else is promised between items.
//! STORE-2: what a put acknowledged survives the process.
//! Knows what is stored, not why it changes: the step is the window room's, the loop is the doors'.

#[cfg(feature = "aws")]
mod dynamodb;
mod embedded;
mod faulty;
mod item;
mod memory;
mod pane_store;
mod records;

#[cfg(feature = "aws")]
pub use dynamodb::DynamoStore;
pub use embedded::{Database, EmbeddedStore, OpenError};
pub use faulty::{Fault, FaultyStore};
pub use item::{Item, ItemKey, ItemStore, ItemWrite, MAX_ITEM_BYTES, PutOutcome, StoreError, put_if_absent};
pub use memory::MemoryStore;
pub use pane_store::{LaneEntry, LaneItem, LaneLimits, LanePanes, PaneLayout, is_own_version, live_lane, pane_store};
pub use records::{
    Admission, AnomalyEntry, Breaker, BreakerPhase, CreditLedger, CreditPeriod, CreditPlan, CreditRefusal, DueEntry,
    KnownGame, LateEntry, LateLedger, Ledger, PageState, Pane, QuarantineEntry, Redriven, SourceAccount, VendorCredits,
    accounting, anomalies, breakers, credits, directory, due, late, layout, leases, outbox, pages, panes, progress,
    proofs, quarantine, redriven, watermarks,
};
