//! The door from the ledgers back to the stream: what was refused or late is judged again and published under its old ids.
//! RED-1: an entry is published only if a consumer would take it now.
//! RED-2: an entry is marked only after everything of it was acknowledged; a crash or repetition anywhere adds duplicates at most.
//! RED-3 (P12): a marked entry leaves its ledger's account in the same moment in which its second delivery leaves the offered side.
//! Changes no entry and no event: ids, times and bytes are those of the first delivery. Reads no clock.

mod counted;
mod entries;
mod judge;
mod outcome;
mod sessions;

use std::sync::Arc;

use touchline_lake::{LakeError, ObjectStore};
use touchline_store::{ItemStore, StoreError};
use touchline_stream::{FrameLimits, Publish, StreamError};
use touchline_window::WindowPolicy;

pub use outcome::{RedriveOutcome, Tally};

/// Everything an invocation needs, built once per cold start.
pub struct RedriveContext {
    pub store: Arc<dyn ItemStore>,
    pub objects: Arc<dyn ObjectStore>,
    pub stream: Arc<dyn Publish>,
    /// The aggregation's: what it would refuse is not published.
    pub policy: WindowPolicy,
    pub lanes: u16,
    pub frames: FrameLimits,
}

/// What is to be tried again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RedriveRequest {
    /// Vendors, and `unknown` for what could not be read.
    pub sources: Vec<String>,
    /// Entries of this reason only: a word of the quarantine, `late` or `after_seal`.
    pub reason: Option<String>,
    /// Judges and counts; publishes and marks nothing.
    pub is_dry_run: bool,
    /// The marks' time, UTC ms.
    pub at_ms: i64,
}

impl RedriveRequest {
    fn wants(&self, reason: &str) -> bool {
        self.reason.as_deref().is_none_or(|wanted| wanted == reason)
    }
}

/// Why a redrive ended early. Run it again: what was marked is done, the rest is tried anew.
#[derive(Debug, thiserror::Error)]
pub enum RedriveError {
    #[error("reading or marking the ledgers: {0}")]
    Store(#[from] StoreError),
    #[error("publishing: {0}; run the redrive again")]
    Publish(#[from] StreamError),
    #[error("framing events: {0}")]
    Frame(#[from] touchline_event::FrameError),
    #[error("reading landed payloads: {0}")]
    Landed(#[from] LakeError),
    #[error("a pane of {entity} cannot be read: {message}")]
    Pane { entity: String, message: String },
}

/// Tries every open entry of the request again. `progress` is told how many entries were looked at, of how many.
pub async fn handle(
    context: &RedriveContext,
    request: &RedriveRequest,
    progress: &(dyn Fn(u64, u64) + Send + Sync),
) -> Result<RedriveOutcome, RedriveError> {
    let mut open = Vec::with_capacity(request.sources.len());
    for source in &request.sources {
        open.push(entries::open(context, request, source).await?);
    }
    let mut outcome = outcome::Growing::new(open.iter().map(entries::Open::len).sum(), progress);
    for entries in open {
        entries::redrive(context, request, &entries, &mut outcome).await?;
        sessions::redrive(context, request, &entries, &mut outcome).await?;
    }
    Ok(outcome.finish())
}
