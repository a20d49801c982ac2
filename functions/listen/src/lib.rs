//! The door from a vendor's WebSocket to the stream: one bounded session, handed over to the next without a gap.
//! LSN-1: a session ends before its deadline, which is under fifteen minutes; before that its successor is at work.
//! LSN-2: every connection is a vendor session of its own: identical prints are numbered from its start, so that sessions that overlap
//! meet on the same event ids, however the vendor cuts its messages.
//! LSN-3: frames are handed on raw, in bounded batches, before anything is parsed; a batch that was refused is handed on again.
//! LSN-4: time without a connection is told as a gap, never hidden.
//! What becomes of a batch is the caller's: it lands, parses and publishes as a poll does.

mod backoff;
mod batch;
mod connection;
mod lease;
mod session;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use touchline_store::{ItemStore, StoreError};

pub use batch::Batch;

/// The longest session; a Lambda function ends after fifteen minutes.
pub const SESSION_MS_MAX: i64 = 14 * 60_000 + 30_000;

/// Everything an invocation needs, built once per cold start.
pub struct ListenContext {
    pub store: Arc<dyn ItemStore>,
    /// Keys of the vendor. Sessions use them in turn: a vendor that allows one connection a key needs two for an overlap.
    pub tokens: Vec<String>,
    /// The wall clock, UTC ms.
    pub now_ms: Arc<dyn Fn() -> i64 + Send + Sync>,
    /// Numbers by chance, for the jitter.
    pub random: Arc<dyn Fn() -> u64 + Send + Sync>,
    pub pace: Pace,
}

/// What the schedule asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenRequest {
    /// The vendor's address without its key, `wss://ws.finnhub.io`.
    pub address: String,
    pub symbols: Vec<String>,
    /// How long to listen; at most [`SESSION_MS_MAX`].
    pub length_ms: i64,
}

/// How fast a session goes about its work, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// A batch is handed on at the latest after this.
    pub batch_ms: i64,
    /// A lease lasts this long unless renewed.
    pub lease_ms: i64,
    pub renew_ms: i64,
    /// A successor may come this long before the end.
    pub handover_ms: i64,
    /// Both listen for this long after the successor is ready.
    pub overlap_ms: i64,
    /// The first wait after a failure is drawn from 0 to this; each further one from twice as much.
    pub backoff_ms: u64,
    pub backoff_ms_max: u64,
    /// Asks whether the other side is there.
    pub ping_ms: i64,
    /// A connection that says nothing for this long is given up.
    pub silence_ms: i64,
    pub connect_ms: u64,
}

impl Pace {
    /// For a vendor that pings every minute.
    pub const DEFAULT: Self = Self {
        batch_ms: 1_000,
        lease_ms: 15_000,
        renew_ms: 3_000,
        handover_ms: 60_000,
        overlap_ms: 10_000,
        backoff_ms: 500,
        backoff_ms_max: 30_000,
        ping_ms: 20_000,
        silence_ms: 90_000,
        connect_ms: 10_000,
    };
}

/// What a session did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Listened {
    /// Which turn this was; `None` where another one was listening and the session stood aside.
    pub term: Option<u64>,
    pub connections: u64,
    pub frames: u64,
    /// Frames that repeated an earlier one and were kept aside.
    pub repeats: u64,
    pub batches: u64,
    /// Times without a connection, UTC ms; what the vendor sent in them reached another session, or nobody.
    pub gaps: Vec<(i64, i64)>,
    pub end: End,
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// Another session listens and is far from its end.
    #[default]
    StoodAside,
    Deadline,
    /// A successor is at work.
    HandedOver,
}

/// Why a session could not go on. What was handed on stays handed on; starting again is safe.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("symbols are empty; name at least one, such as AAPL")]
    NoSymbols,
    #[error("no key for {0}; give at least one, two where the vendor allows one connection a key")]
    NoToken(String),
    #[error("length_ms {0} is not between 1 and {SESSION_MS_MAX}")]
    BadLength(i64),
    #[error("the lease: {0}")]
    Lease(#[from] StoreError),
    #[error("a batch was refused {attempts} times, last: {message}")]
    Refused { attempts: u32, message: String },
}

/// One session: takes its turn, listens, hands on what it hears, and ends when a successor is at work or its time is over.
pub async fn handle<D, E>(context: &ListenContext, request: &ListenRequest, deliver: D) -> Result<Listened, ListenError>
where
    D: AsyncFnMut(&Batch) -> Result<(), E>,
    E: fmt::Display,
{
    if request.symbols.is_empty() {
        return Err(ListenError::NoSymbols);
    }
    if context.tokens.is_empty() {
        return Err(ListenError::NoToken(request.address.clone()));
    }
    if !(1..=SESSION_MS_MAX).contains(&request.length_ms) {
        return Err(ListenError::BadLength(request.length_ms));
    }
    let ends_at_ms = (context.now_ms)() + request.length_ms;
    match lease::Turn::take(context, &request.address, ends_at_ms).await? {
        None => Ok(Listened::default()),
        Some(turn) => session::Session::new(context, request, turn, ends_at_ms, deliver).run().await,
    }
}
