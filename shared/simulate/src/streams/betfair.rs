//! Betfair's Exchange Stream: JSON by line over TCP, from the recorded markets.
//! BFS-1: a subscription is first told the image of now, or, resumed by its `clk`, one change of everything since.
//! BFS-2: with `conflateMs` changes of that span come as one; without, as recorded, each once.
//! The vendor's socket is TLS; this one is plain, on loopback. See docs/vendors/betfair.md.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::books::Change;
use crate::answer::WRONG_KEY;
use crate::faults::{Fault, Strike};
use crate::moved::{UnixTimes, moved};
use crate::recordings::{Bundled, RecordingError};
use crate::simulator::Simulator;

const VENDOR: &str = "betfair";
/// Connections at a time; more wait.
const CONNECTIONS_MAX: usize = 10;
/// What a client may say on one connection.
const SAID_BYTES_MAX: u64 = 1 << 20;
const HEARTBEAT_MS: i64 = 5_000;
const HEARTBEAT_MS_MIN: i64 = 500;
const TIMES: UnixTimes = UnixTimes { keys: &["pt"], unit_ms: 1 };
const INITIAL_CLK: &str = "simulated";
const SLOW_MS_MAX: u64 = 500;

/// Recorded changes of all markets in the order of their times.
struct Tape(Vec<Recorded>);

struct Recorded {
    /// On the match day's clock.
    at_ms: i64,
    shift_ms: i64,
    changes: Vec<Value>,
}

impl Tape {
    fn new(recordings: &[Bundled]) -> Result<Self, RecordingError> {
        let mut tape = Vec::new();
        for recording in recordings.iter().filter(|recording| recording.source == VENDOR) {
            for (index, line) in recording.bytes.split(|byte| *byte == b'\n').enumerate() {
                if line.is_empty() {
                    continue;
                }
                let mut message: Value =
                    serde_json::from_slice(line).map_err(|source| RecordingError::Line { line: index + 1, source })?;
                let Value::Array(changes) = message["mc"].take() else { continue };
                let at_ms = message["pt"].as_i64().unwrap_or_default() + recording.shift_ms;
                tape.push(Recorded { at_ms, shift_ms: recording.shift_ms, changes });
            }
        }
        tape.sort_by_key(|recorded| recorded.at_ms);
        Ok(Self(tape))
    }
}

/// The stream on a port of the loopback address; dropped, it ends.
pub struct BetfairServer {
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for BetfairServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl BetfairServer {
    /// Serves on a port, or on a free one where it is 0.
    pub async fn start(simulator: Arc<Simulator>, port: u16) -> std::io::Result<Self> {
        let recordings = crate::recordings::bundled().map_err(std::io::Error::other)?;
        let tape = Arc::new(Tape::new(&recordings).map_err(std::io::Error::other)?);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        Ok(Self { address, task: tokio::spawn(serve(listener, simulator, tape)) })
    }
}

async fn serve(listener: TcpListener, simulator: Arc<Simulator>, tape: Arc<Tape>) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(permit) = permits.clone().acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else { continue };
        let (simulator, tape) = (simulator.clone(), tape.clone());
        tokio::spawn(async move {
            let _permit = permit;
            // The other side's end is an end like ours.
            let _ = Connection::new(&simulator, &tape).run(stream).await;
        });
    }
}

/// One connection.
struct Connection<'s> {
    simulator: &'s Simulator,
    tape: &'s Tape,
    number: u64,
    is_authenticated: bool,
    subscription: Option<Subscription>,
    lines_sent: u64,
}

struct Subscription {
    id: Value,
    /// All where empty.
    markets: BTreeSet<String>,
    conflate_ms: i64,
    heartbeat_ms: i64,
    /// Next of the tape.
    next: usize,
    /// Changes that wait, by market, and what their times are moved by.
    waiting: BTreeMap<String, (Change, i64)>,
    sent_at_ms: i64,
}

impl Subscription {
    /// Takes in what has happened by now.
    fn gather(&mut self, tape: &Tape, now_ms: i64, messages_max: usize) {
        for recorded in tape.0[self.next..].iter().take_while(|recorded| recorded.at_ms <= now_ms).take(messages_max) {
            self.next += 1;
            for change in &recorded.changes {
                let id = change["id"].as_str().unwrap_or_default();
                if self.markets.is_empty() || self.markets.contains(id) {
                    let entry = self.waiting.entry(id.to_owned()).or_default();
                    entry.0.add(change);
                    entry.1 = recorded.shift_ms;
                }
            }
        }
    }

    /// When something is to be said next.
    fn wakes_at_ms(&self, tape: &Tape) -> i64 {
        let heartbeat_at_ms = self.sent_at_ms + self.heartbeat_ms;
        let change_at_ms = tape.0.get(self.next).map_or(i64::MAX, |recorded| recorded.at_ms);
        change_at_ms.max(self.sent_at_ms + self.conflate_ms).min(heartbeat_at_ms)
    }
}

impl<'s> Connection<'s> {
    fn new(simulator: &'s Simulator, tape: &'s Tape) -> Self {
        let number = simulator.counters.connection(VENDOR);
        Self { simulator, tape, number, is_authenticated: false, subscription: None, lines_sent: 0 }
    }

    async fn run(mut self, mut stream: TcpStream) -> std::io::Result<()> {
        let (read, mut write) = stream.split();
        let mut lines = BufReader::new(read.take(SAID_BYTES_MAX)).lines();
        let mut breaks = self.simulator.breaks.subscribe();
        let hello = json!({"op": "connection", "connectionId": self.id()});
        write.write_all(format!("{hello}\r\n").as_bytes()).await?;
        loop {
            let wakes_at_ms = self.subscription.as_ref().map_or(i64::MAX, |one| one.wakes_at_ms(self.tape));
            let answers = tokio::select! {
                line = lines.next_line() => match line? {
                    Some(line) => self.hear(&line),
                    None => return Ok(()),
                },
                _ = breaks.changed() => return Ok(()),
                () = self.simulator.clock.wait_until(wakes_at_ms) => self.due(),
            };
            for (answer, by_ms) in answers {
                let is_over = answer["connectionClosed"] == true;
                if !self.send(&mut write, &answer, by_ms).await? || is_over {
                    return Ok(());
                }
            }
        }
    }

    fn id(&self) -> String {
        format!("002-simulated-{}", self.number)
    }

    /// What is said to a line, with what its times are moved by.
    fn hear(&mut self, line: &str) -> Vec<(Value, i64)> {
        let Ok(said) = serde_json::from_str::<Value>(line) else {
            return vec![(self.failure(&Value::Null, "INVALID_INPUT", "no JSON object on the line"), 0)];
        };
        let id = said["id"].clone();
        let key = |name: &str| said[name].as_str().filter(|text| !text.is_empty());
        match said["op"].as_str() {
            Some("authentication") => {
                let refused = match (key("appKey"), key("session")) {
                    (None, _) => Some("NO_APP_KEY"),
                    (_, None) => Some("NO_SESSION"),
                    (Some(WRONG_KEY), _) => Some("INVALID_APP_KEY"),
                    (_, Some(WRONG_KEY)) => Some("INVALID_SESSION_INFORMATION"),
                    _ => None,
                };
                self.is_authenticated = refused.is_none();
                vec![(refused.map_or_else(|| success(&id), |code| self.failure(&id, code, "authentication failed")), 0)]
            }
            Some("marketSubscription" | "heartbeat") if !self.is_authenticated => {
                vec![(self.failure(&id, "NOT_AUTHORIZED", "authenticate first"), 0)]
            }
            Some("heartbeat") => vec![(success(&id), 0)],
            Some("marketSubscription") => {
                let mut answers = vec![(success(&id), 0)];
                answers.extend(self.subscribe(&said));
                answers
            }
            _ => vec![(self.failure(&id, "INVALID_INPUT", "op is authentication, marketSubscription or heartbeat"), 0)],
        }
    }

    fn subscribe(&mut self, said: &Value) -> Vec<(Value, i64)> {
        let now_ms = self.simulator.clock.moment().now_ms;
        let ids = said["marketFilter"]["marketIds"].as_array().into_iter().flatten();
        let resumes =
            said["clk"].as_str().filter(|_| said["initialClk"] == INITIAL_CLK).and_then(|clk| clk.parse().ok());
        let mut subscription = Subscription {
            id: said["id"].clone(),
            markets: ids.filter_map(|id| id.as_str().map(str::to_owned)).collect(),
            conflate_ms: said["conflateMs"].as_i64().unwrap_or(0).max(0),
            heartbeat_ms: said["heartbeatMs"].as_i64().unwrap_or(HEARTBEAT_MS).max(HEARTBEAT_MS_MIN),
            next: resumes.unwrap_or(0).min(self.tape.0.len()),
            waiting: BTreeMap::new(),
            sent_at_ms: now_ms,
        };
        subscription.gather(self.tape, now_ms, usize::MAX);
        let kind = if resumes.is_some() { "RESUB_DELTA" } else { "SUB_IMAGE" };
        let mut answers = changes(&mut subscription, now_ms, Some(kind));
        if let Some((first, _)) = answers.first_mut() {
            first["initialClk"] = json!(INITIAL_CLK);
            first["heartbeatMs"] = json!(subscription.heartbeat_ms);
            first["conflateMs"] = json!(subscription.conflate_ms);
        }
        self.subscription = Some(subscription);
        answers
    }

    /// Changes that are due, or a heartbeat.
    fn due(&mut self) -> Vec<(Value, i64)> {
        let now_ms = self.simulator.clock.moment().now_ms;
        let Some(subscription) = &mut self.subscription else { return Vec::new() };
        let messages_max = if subscription.conflate_ms == 0 { 1 } else { usize::MAX };
        subscription.gather(self.tape, now_ms, messages_max);
        if subscription.waiting.is_empty() {
            if now_ms < subscription.sent_at_ms + subscription.heartbeat_ms {
                return Vec::new();
            }
            return changes(subscription, now_ms, Some("HEARTBEAT"));
        }
        changes(subscription, now_ms, None)
    }

    fn failure(&self, id: &Value, code: &str, message: &str) -> Value {
        json!({
            "op": "status", "id": id, "statusCode": "FAILURE", "errorCode": code, "errorMessage": message,
            "connectionClosed": true, "connectionId": self.id(),
        })
    }

    /// Sends a line as the fault has it. Whether the connection stands afterwards.
    async fn send(
        &mut self,
        write: &mut (impl tokio::io::AsyncWrite + Unpin),
        answer: &Value,
        by_ms: i64,
    ) -> std::io::Result<bool> {
        let moment = self.simulator.clock.moment();
        let what = format!("connection {}", self.number);
        let number = self.lines_sent;
        self.lines_sent += 1;
        let is_change = answer["op"] == "mcm";
        let strike =
            self.simulator.settings.faults.strike(VENDOR, &what, number, moment.elapsed_ms).filter(|_| is_change);
        let mut skew_ms = 0;
        let mut copies = 1;
        let mut cut = usize::MAX;
        if let Some(Strike { fault, draw }) = strike {
            self.simulator.counters.fault(VENDOR, fault, &what, number);
            match fault {
                Fault::Outage | Fault::Html | Fault::TooMany => return Ok(false),
                Fault::Slow => tokio::time::sleep(Duration::from_millis(draw % SLOW_MS_MAX)).await,
                Fault::Truncate => cut = 2,
                Fault::Duplicate => copies = 2,
                Fault::ClockSkew => skew_ms = 60_000 * (1 + (draw % 5) as i64),
            }
        }
        let mut line = moved(answer.to_string().as_bytes(), by_ms + moment.offset_ms + skew_ms, TIMES);
        line.truncate(if cut == usize::MAX { cut } else { line.len() / cut });
        line.extend_from_slice(b"\r\n");
        for _ in 0..copies {
            write.write_all(&line).await?;
        }
        self.simulator.counters.frame(VENDOR);
        Ok(true)
    }
}

fn success(id: &Value) -> Value {
    json!({"op": "status", "id": id, "statusCode": "SUCCESS", "connectionClosed": false, "connectionsAvailable": CONNECTIONS_MAX - 1})
}

/// What waits as messages, one for each recording's clock; one without changes where there is nothing but something must be said.
fn changes(subscription: &mut Subscription, now_ms: i64, kind: Option<&str>) -> Vec<(Value, i64)> {
    subscription.sent_at_ms = now_ms;
    let mut by_shift: BTreeMap<i64, Vec<Value>> = BTreeMap::new();
    for (change, shift_ms) in std::mem::take(&mut subscription.waiting).into_values() {
        by_shift.entry(shift_ms).or_default().push(change.told());
    }
    if by_shift.is_empty() && kind.is_some() {
        by_shift.insert(0, Vec::new());
    }
    let message = |(shift_ms, changes): (i64, Vec<Value>)| {
        let mut message =
            json!({"op": "mcm", "id": subscription.id, "clk": subscription.next.to_string(), "pt": now_ms - shift_ms});
        if let Some(kind) = kind {
            message["ct"] = json!(kind);
        }
        if !changes.is_empty() {
            message["mc"] = Value::Array(changes);
        }
        (message, shift_ms)
    };
    by_shift.into_iter().map(message).collect()
}
