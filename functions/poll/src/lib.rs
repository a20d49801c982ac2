//! The door from a vendor to the stream: land the raw bytes, parse, keep what was refused, publish what was found.
//! POLL-1: raw bytes are stored before anything parses them.
//! POLL-2 (P12): every record of a payload is published or in quarantine with its reason.
//! POLL-3: polling the same thing again publishes the same ids.
//! POLL-4: a heartbeat goes out only after everything it vouches for was acknowledged by the stream.

mod heartbeat;
mod ingest;
mod producer;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use touchline_feed::Source;
use touchline_lake::{LakeError, ObjectStore};
use touchline_store::{ItemStore, StoreError};
use touchline_stream::{FrameLimits, Publish, StreamError};

pub use heartbeat::LaneBook;
pub use ingest::{Delivery, Ingested, Payload, PollSession, ingest, replay_parse};
pub use producer::Producer;

/// Everything an invocation needs, built once per cold start.
pub struct PollContext {
    pub objects: Arc<dyn ObjectStore>,
    pub store: Arc<dyn ItemStore>,
    pub stream: Arc<dyn Publish>,
    /// Numbers what is published; one for each process.
    pub producer: Producer,
    pub lanes: u16,
    pub frames: FrameLimits,
}

/// What the schedule asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollRequest {
    /// Vendor name, `espn`.
    pub source: String,
    /// What to ask the vendor: a path under its base address.
    pub endpoint: String,
}

/// Why a poll did not get through. What was landed stays landed; polling again is safe.
#[derive(Debug, thiserror::Error)]
pub enum PollError {
    #[error("unknown source {0}; supported: {supported}", supported = Source::supported_names())]
    UnknownSource(String),
    #[error("landing the raw payload: {0}")]
    Landing(#[from] LakeError),
    #[error("keeping rejects: {0}")]
    Quarantine(#[from] StoreError),
    #[error("publishing: {0}")]
    Publish(#[from] StreamError),
    #[error("framing events: {0}")]
    Frame(#[from] touchline_event::FrameError),
    #[error("fetching {endpoint}: {message}")]
    Fetch { endpoint: String, message: String },
}

/// One scheduled poll: fetch through `fetch`, then the same road as every payload.
pub async fn handle<F>(
    context: &PollContext,
    session: &mut PollSession,
    request: &PollRequest,
    fetch: F,
) -> Result<Ingested, PollError>
where
    F: AsyncFnOnce(Source, &PollRequest) -> Result<Payload, PollError>,
{
    let source = Source::from_name(&request.source).ok_or_else(|| PollError::UnknownSource(request.source.clone()))?;
    let payload = fetch(source, request).await?;
    ingest(context, vec![Delivery { session, payloads: vec![&payload] }]).await
}
