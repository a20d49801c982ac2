//! The door from a vendor to the stream: land the raw bytes, parse, keep what was refused, publish what was found.
//! POLL-1: raw bytes are stored before anything parses them.
//! POLL-2 (P12): every record of a payload is published or in quarantine with its reason.
//! POLL-3: polling the same thing again publishes nothing, or the same ids and times.
//! POLL-4: a heartbeat goes out only after everything it vouches for was acknowledged by the stream.

pub mod config;
mod heartbeat;
mod ingest;
mod producer;
mod run;
pub mod schedule;
mod skew;
mod take;
mod turn;
pub mod vendors;

use std::sync::Arc;

use touchline_lake::{LakeError, ObjectStore};
use touchline_runtime::OutboundError;
use touchline_store::{ItemStore, StoreError};
use touchline_stream::{FrameLimits, Publish, StreamError};

pub use heartbeat::LaneBook;
pub use ingest::{Delivery, Ingested, Payload, PollSession, ingest, replay_parse};
pub use producer::Producer;
pub use run::poll_until;
pub use turn::{PolledSource, Turn};

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

/// Why a poll did not get through. What was landed stays landed; polling again is safe.
#[derive(Debug, thiserror::Error)]
pub enum PollError {
    #[error("landing the raw payload: {0}")]
    Landing(#[from] LakeError),
    #[error("keeping rejects: {0}")]
    Quarantine(#[from] StoreError),
    #[error("publishing: {0}")]
    Publish(#[from] StreamError),
    #[error("framing events: {0}")]
    Frame(#[from] touchline_event::FrameError),
    #[error("listing {origin} in bronze.payloads: {message}")]
    Listing { origin: String, message: String },
    #[error("asking {vendor}: {source}")]
    Outbound { vendor: &'static str, source: OutboundError },
    #[error("{page} is polled by so many at once that none of {tries} tries to note its changes was the first")]
    Crowded { page: String, tries: u32 },
}
