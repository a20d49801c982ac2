//! The simulator on loopback: one port for HTTP and WebSocket, `/<vendor>` in front of the vendor's own path.
//! SRV-1: bound to 127.0.0.1; requests in flight are bounded, and a request has no body that is read.
//! What HTTP adds to an answer stands here: dates, entity tags and 304, compression, connections that break.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::{StreamExt as _, stream};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use touchline_event::{format_utc_ms, stable_hash};

use crate::answer::Answer;
use crate::clock::Moment;
use crate::simulator::{Reply, Request, Simulator};
use crate::streams::finnhub::Connection;
use crate::vendors;

/// Requests answered at a time; more wait.
const IN_FLIGHT_MAX: usize = 64;
/// Bodies from this size are compressed where the client takes it.
const COMPRESS_BYTES_MIN: usize = 512;

/// How long half a body stands before its connection breaks.
const CUT_AFTER: Duration = Duration::from_millis(20);

#[derive(Clone)]
struct Shared {
    simulator: Arc<Simulator>,
    permits: Arc<Semaphore>,
}

/// A running simulator; dropped, it ends.
pub struct Server {
    pub address: SocketAddr,
    task: JoinHandle<std::io::Result<()>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Serves on a port of the loopback address, or on a free one where it is 0.
    pub async fn start(simulator: Arc<Simulator>, port: u16) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        Ok(Self { address, task: tokio::spawn(axum::serve(listener, router(simulator)).into_future()) })
    }

    /// Finnhub's address, which stands for `wss://ws.finnhub.io`.
    pub fn websocket(&self) -> String {
        format!("ws://{}/finnhub", self.address)
    }

    /// A vendor's base address, which stands for `https://` and the vendor's host.
    pub fn base_of(&self, vendor: &str) -> String {
        format!("http://{}/{vendor}", self.address)
    }
}

/// Every vendor over HTTP, and the server's own pages under `/simulator`.
pub fn router(simulator: Arc<Simulator>) -> Router {
    let shared = Shared { simulator, permits: Arc::new(Semaphore::new(IN_FLIGHT_MAX)) };
    Router::new()
        .route("/simulator/status", get(async |State(shared): State<Shared>| axum::Json(shared.simulator.status())))
        .route("/simulator/endpoints", get(async || axum::Json(vendors::endpoints())))
        .route("/finnhub", get(upgrade))
        .route("/{vendor}/{*path}", get(answer))
        .with_state(shared)
}

async fn answer(
    State(shared): State<Shared>,
    Path((vendor, path)): Path<(String, String)>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    let Ok(_permit) = shared.permits.acquire().await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let path = format!("/{path}");
    let request = Request { vendor: &vendor, path: &path, query: &query, headers: &headers };
    match shared.simulator.reply(&request) {
        Some(reply) => {
            tokio::time::sleep(reply.delay).await;
            on_the_wire(reply, &headers)
        }
        None => {
            let text = format!("no vendor {vendor} is simulated; see /simulator/endpoints\n");
            (StatusCode::NOT_FOUND, text).into_response()
        }
    }
}

/// Finnhub's WebSocket; `?token=` as at the vendor.
async fn upgrade(
    State(shared): State<Shared>,
    Query(query): Query<Vec<(String, String)>>,
    socket: WebSocketUpgrade,
) -> Response {
    let simulator = shared.simulator;
    let token = query.iter().find(|(name, _)| name == "token").map(|(_, value)| value.as_str());
    match simulator.enter(token) {
        Ok(place) => socket.on_upgrade(async move |socket| {
            let _place = place;
            // The other side's end is an end like ours.
            let _ = Connection::new(&simulator).run(socket).await;
        }),
        Err(refusal) => {
            let reply =
                Reply { answer: refusal, moment: simulator.clock.moment(), delay: Duration::ZERO, is_cut: false };
            on_the_wire(reply, &HeaderMap::new())
        }
    }
}

/// An answer with what HTTP says about it.
fn on_the_wire(reply: Reply, asked: &HeaderMap) -> Response {
    let Reply { answer, moment, is_cut, .. } = reply;
    let mut headers = headers_of(&answer, moment);
    let is_cacheable = answer.status == 200 && !is_cut;
    let tag = format!("\"{:016x}\"", stable_hash(&answer.body));
    if is_cacheable {
        insert(&mut headers, header::ETAG, &tag);
        if is_unchanged(&answer, &tag, asked) {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
    }
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    insert(&mut headers, header::CONTENT_TYPE, answer.content_type);
    if is_cut {
        return (status, headers, cut(answer.body)).into_response();
    }
    let takes_gzip = text(asked, header::ACCEPT_ENCODING).is_some_and(|accepted| accepted.contains("gzip"));
    if takes_gzip
        && answer.body.len() >= COMPRESS_BYTES_MIN
        && let Ok(packed) = gzip(&answer.body)
    {
        insert(&mut headers, header::CONTENT_ENCODING, "gzip");
        insert(&mut headers, header::VARY, "accept-encoding");
        return (status, headers, packed).into_response();
    }
    (status, headers, answer.body).into_response()
}

fn headers_of(answer: &Answer, moment: Moment) -> HeaderMap {
    let mut headers = HeaderMap::new();
    insert(&mut headers, header::DATE, &http_date(moment.told_ms()));
    if let Some(at_ms) = answer.modified_at_ms.filter(|at_ms| *at_ms > 0) {
        insert(&mut headers, header::LAST_MODIFIED, &http_date(at_ms));
    }
    for (name, value) in &answer.headers {
        insert(&mut headers, HeaderName::from_static(name), value);
    }
    headers
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// Whether the client has these bytes: by its tag, or, without one, by the time they came to be.
fn is_unchanged(answer: &Answer, tag: &str, asked: &HeaderMap) -> bool {
    if let Some(tags) = text(asked, header::IF_NONE_MATCH) {
        return tags.split(',').any(|one| one.trim().trim_start_matches("W/") == tag);
    }
    let since = text(asked, header::IF_MODIFIED_SINCE);
    since.zip(answer.modified_at_ms).is_some_and(|(since, at_ms)| since == http_date(at_ms))
}

fn gzip(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}

/// Half a body, then a broken connection: the length in front promises all of it.
fn cut(body: Vec<u8>) -> (HeaderMap, Body) {
    let mut headers = HeaderMap::new();
    insert(&mut headers, header::CONTENT_LENGTH, &body.len().max(1).to_string());
    let half = Bytes::copy_from_slice(&body[..body.len() / 2]);
    let broken = async {
        // What is not on the wire when the connection breaks is never sent: the half must be.
        tokio::time::sleep(CUT_AFTER).await;
        Err(std::io::Error::new(std::io::ErrorKind::ConnectionReset, "the connection breaks here"))
    };
    (headers, Body::from_stream(stream::iter([Ok(half)]).chain(stream::once(broken))))
}

/// `Sat, 04 Jul 2026 17:00:00 GMT`.
pub fn http_date(at_ms: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let text = format_utc_ms(at_ms);
    let day = DAYS[at_ms.div_euclid(86_400_000).rem_euclid(7) as usize];
    let month = text[5..7].parse::<usize>().ok().and_then(|month| MONTHS.get(month.wrapping_sub(1)));
    format!("{day}, {} {} {} {} GMT", &text[8..10], month.unwrap_or(&"Jan"), &text[..4], &text[11..19])
}
