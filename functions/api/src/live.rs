//! `/v1/live`: changes as server-sent events. Each says what to look at again, never the figures themselves.
//! LIVE-1: every change has an id to resume from; `hello` has one too, so a quiet stream can be resumed.
//! LIVE-2: `reset` tells a reader that changes were missed: fetch the lists again, then go on from its id.
//! LIVE-3: a heartbeat every ten seconds, so that a dead connection shows on both sides.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde::Serialize;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Interval, MissedTickBehavior, interval};
use touchline_event::format_utc_ms;

use crate::hub::{LiveHub, Message};
use crate::problem::{Problem, ProblemKind};
use crate::query::Query;
use crate::{ApiContext, ReplayStatus};

/// Streams served at once.
pub const READERS_MAX: usize = 256;
/// How long a browser waits before it connects again.
const RETRY_MS: u64 = 2_000;
const HEARTBEAT_MS: u64 = 10_000;

/// Streams that may still be opened.
pub type ReaderSlots = Arc<Semaphore>;

/// What a heartbeat carries.
#[derive(Serialize)]
struct Heartbeat {
    at: String,
    change_count: u64,
    replay: Option<ReplayStatus>,
}

struct Stream {
    context: ApiContext,
    pending: VecDeque<Event>,
    missed: VecDeque<Arc<Message>>,
    receiver: Option<broadcast::Receiver<Arc<Message>>>,
    heartbeat: Interval,
    _slot: OwnedSemaphorePermit,
}

#[utoipa::path(
    get, path = "/v1/live", tag = "live",
    params(("Last-Event-ID" = Option<String>, Header, description = "The id of the last event seen; browsers send it when they connect again.")),
    responses(
        (status = 200, description = "Events `hello`, `pane`, `anomaly`, `accounting`, `heartbeat` and `reset`; each pane, anomaly and accounting event names what to fetch again", content_type = "text/event-stream", body = String),
        (status = 503, description = "Too many streams, or the server is shutting down", content_type = "application/problem+json", body = Problem),
    )
)]
/// Changes as they are committed.
pub async fn live(State(context): State<ApiContext>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    Query::read(&uri, &[])?;
    let slot = Arc::clone(&context.readers).try_acquire_owned().map_err(|_| {
        let detail = format!("{READERS_MAX} streams are open");
        Problem::new(ProblemKind::TooManyReaders, detail, "close a stream, or poll the lists instead")
    })?;
    // An id that is no text cannot be one of ours; as an empty one it leads to a reset.
    let last_event_id = headers.get("last-event-id").map(|value| value.to_str().unwrap_or_default());
    let subscription = context.live.subscribe(last_event_id).ok_or_else(|| {
        Problem::new(ProblemKind::StoreUnavailable, "the server is shutting down", "connect again in a moment")
    })?;
    let first = if subscription.must_start_over {
        reset(&context.live, subscription.number, "the last event you saw is not kept any more")
    } else {
        let resumed_from = subscription.missed.front().map_or(subscription.number, |message| message.number - 1);
        Event::default().event("hello").id(context.live.id_of(resumed_from)).data("{}")
    };
    let mut heartbeat = interval(Duration::from_millis(HEARTBEAT_MS));
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Skip);
    heartbeat.reset();
    let stream = Stream {
        pending: VecDeque::from([first.retry(Duration::from_millis(RETRY_MS))]),
        missed: subscription.missed,
        receiver: Some(subscription.receiver),
        heartbeat,
        context,
        _slot: slot,
    };
    let mut response = Sse::new(stream::unfold(stream, Stream::next)).into_response();
    // Proxies that collect a response before they pass it on would hold the stream back.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

impl Stream {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        let event = match self.ready() {
            Some(event) => event,
            None => self.wait().await?,
        };
        Some((Ok(event), self))
    }

    fn ready(&mut self) -> Option<Event> {
        self.pending.pop_front().or_else(|| self.missed.pop_front().map(|message| event(&self.context.live, &message)))
    }

    async fn wait(&mut self) -> Option<Event> {
        let receiver = self.receiver.as_mut()?;
        tokio::select! {
            received = receiver.recv() => match received {
                Ok(message) => Some(event(&self.context.live, &message)),
                Err(RecvError::Lagged(count)) => {
                    // Ends the stream after this word: the reader comes back with a fresh view and a fresh buffer.
                    self.receiver = None;
                    let reason = format!("you fell behind by {count} events");
                    Some(reset(&self.context.live, self.context.live.change_count(), &reason))
                }
                Err(RecvError::Closed) => None,
            },
            _ = self.heartbeat.tick() => Some(heartbeat(&self.context)),
        }
    }
}

fn event(hub: &LiveHub, message: &Message) -> Event {
    Event::default().event(message.name).id(hub.id_of(message.number)).data(&message.json)
}

fn reset(hub: &LiveHub, number: u64, reason: &str) -> Event {
    let body = serde_json::json!({ "reason": reason, "remedy": "fetch every list again; later events follow this id" });
    Event::default().event("reset").id(hub.id_of(number)).data(body.to_string())
}

fn heartbeat(context: &ApiContext) -> Event {
    let body = Heartbeat {
        at: format_utc_ms((context.clock)()),
        change_count: context.live.change_count(),
        replay: context.replay(),
    };
    // Plain strings and numbers always serialise; without a body the event still shows that the connection lives.
    Event::default().event("heartbeat").data(serde_json::to_string(&body).unwrap_or_else(|_| "{}".to_owned()))
}
