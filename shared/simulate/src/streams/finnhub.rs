//! Finnhub's WebSocket: trades of the symbols a connection subscribed to, as they happen on the simulated clock.
//! FHS-1: every connection is sent every print of its symbols that happens while it is there, once, in the tape's order.
//! FHS-2: how prints are cut into messages differs from connection to connection: the vendor promises none of it.
//! A connection that comes later, or comes back, is sent nothing of what was before. See docs/vendors/finnhub.md.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use touchline_event::stable_hash;

use crate::faults::{Fault, Strike};
use crate::moved::{UnixTimes, moved};
use crate::recordings::{Bundled, RecordingError};
use crate::simulator::Simulator;

pub const VENDOR: &str = "finnhub";
/// The free plan's symbols on a connection.
const SYMBOLS_MAX: usize = 50;
/// The vendor says that it is there this often, simulated.
const PING_EVERY_MS: i64 = 60_000;
const TIMES: UnixTimes = UnixTimes { keys: &["t"], unit_ms: 1 };
/// One message in so many goes out in two pieces.
const CUT_ONE_IN: u64 = 4;
const SLOW_MS_MAX: u64 = 500;

/// The recorded prints, by the moment at which their message was complete.
pub struct Tape {
    messages: Vec<Recorded>,
    shift_ms: i64,
}

struct Recorded {
    /// On the match day's clock.
    at_ms: i64,
    prints: Vec<Print>,
}

/// A print as sent.
#[derive(Debug, Clone)]
struct Print {
    symbol: String,
    text: String,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Named {
    s: String,
    t: i64,
}

/// What a client says.
#[derive(Deserialize)]
struct Said {
    r#type: String,
    #[serde(default)]
    symbol: String,
}

impl Tape {
    /// The recordings of trades.
    pub fn new(recordings: &[Bundled]) -> Result<Self, RecordingError> {
        let (mut messages, mut shift_ms) = (Vec::new(), 0);
        for recording in recordings.iter().filter(|recording| recording.source == VENDOR) {
            shift_ms = recording.shift_ms;
            for (index, line) in recording.bytes.split(|byte| *byte == b'\n').enumerate() {
                if !line.is_empty() {
                    let read =
                        recorded(line, shift_ms).map_err(|source| RecordingError::Line { line: index + 1, source })?;
                    messages.push(read);
                }
            }
        }
        messages.sort_by_key(|message| message.at_ms);
        Ok(Self { messages, shift_ms })
    }

    /// Number of the first message after an instant.
    fn first_after(&self, now_ms: i64) -> usize {
        self.messages.partition_point(|message| message.at_ms <= now_ms)
    }
}

fn recorded(line: &[u8], shift_ms: i64) -> Result<Recorded, serde_json::Error> {
    let line: Line<'_> = serde_json::from_slice(line)?;
    let mut recorded = Recorded { at_ms: i64::MIN, prints: Vec::with_capacity(line.data.len()) };
    for print in line.data {
        let named: Named = serde_json::from_str(print.get())?;
        recorded.at_ms = recorded.at_ms.max(named.t + shift_ms);
        recorded.prints.push(Print { symbol: named.s, text: print.get().to_owned() });
    }
    Ok(recorded)
}

/// A connection as the simulator sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listener {
    pub symbol_count: usize,
    /// Everything up to here was sent, on the match day's clock; the next message comes after it.
    pub told_until_ms: i64,
}

/// The connections that are open now, by number.
pub type Listeners = Mutex<BTreeMap<u64, Listener>>;

/// How many connections each key has.
#[derive(Debug, Default)]
pub struct Doors(Mutex<HashMap<String, usize>>);

/// A place at the door, given back when it is dropped.
pub struct Place {
    doors: Arc<Doors>,
    key: String,
}

impl Doors {
    /// A place for a key that has fewer than `limit`.
    pub fn enter(self: &Arc<Self>, key: &str, limit: usize) -> Option<Place> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(key.to_owned()).or_default();
        if *count >= limit {
            return None;
        }
        *count += 1;
        Some(Place { doors: self.clone(), key: key.to_owned() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(count) = self.doors.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&self.key) {
            *count = count.saturating_sub(1);
        }
    }
}

/// One connection, from its upgrade to its end.
pub struct Connection<'s> {
    simulator: &'s Simulator,
    number: u64,
    symbols: BTreeSet<String>,
    /// Next message of the tape.
    next: usize,
    pings_at_ms: i64,
}

/// Whether a connection goes on.
type Goes = Result<(), axum::Error>;

impl<'s> Connection<'s> {
    /// A connection that begins now.
    pub fn new(simulator: &'s Simulator) -> Self {
        let now_ms = simulator.clock.moment().now_ms;
        Self {
            simulator,
            number: simulator.counters.connection(VENDOR),
            symbols: BTreeSet::new(),
            next: simulator.tape.first_after(now_ms),
            pings_at_ms: now_ms + PING_EVERY_MS,
        }
    }

    /// Talks until either side ends; an `Err` is the other side gone.
    pub async fn run(mut self, mut socket: WebSocket) -> Goes {
        let mut breaks = self.simulator.breaks.subscribe();
        loop {
            let next = self.simulator.tape.messages.get(self.next);
            self.note(next.map_or(i64::MAX, |message| message.at_ms));
            let wakes_at_ms = next.map_or(self.pings_at_ms, |message| message.at_ms.min(self.pings_at_ms));
            tokio::select! {
                said = socket.recv() => match said {
                    Some(Ok(Message::Text(text))) => self.hear(&mut socket, &text).await?,
                    Some(Ok(Message::Close(_))) | None => return Ok(()),
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(error),
                },
                _ = breaks.changed() => return Ok(()),
                () = self.simulator.clock.wait_until(wakes_at_ms) => {
                    if !self.tell_next(&mut socket).await? {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Says how far this connection is: nothing that it does not have lies before its next message.
    fn note(&self, next_ms: i64) {
        let listener = Listener { symbol_count: self.symbols.len(), told_until_ms: next_ms.saturating_sub(1) };
        self.simulator.listeners.lock().unwrap_or_else(PoisonError::into_inner).insert(self.number, listener);
    }

    async fn hear(&mut self, socket: &mut WebSocket, text: &str) -> Goes {
        let problem = match serde_json::from_str::<Said>(text) {
            Ok(said) if said.r#type == "subscribe" && !said.symbol.is_empty() => {
                if self.symbols.len() >= SYMBOLS_MAX && !self.symbols.contains(&said.symbol) {
                    Some("Subscribing to too many symbols")
                } else {
                    self.symbols.insert(said.symbol);
                    None
                }
            }
            Ok(said) if said.r#type == "unsubscribe" => {
                self.symbols.remove(&said.symbol);
                None
            }
            Ok(_) => Some("Invalid message type"),
            Err(_) => Some("Invalid JSON"),
        };
        match problem {
            Some(message) => send(socket, json!({"type": "error", "msg": message}).to_string()).await,
            None => Ok(()),
        }
    }

    /// The ping or the message that is due. Whether the connection stands afterwards.
    async fn tell_next(&mut self, socket: &mut WebSocket) -> Result<bool, axum::Error> {
        let now_ms = self.simulator.clock.moment().now_ms;
        let due = self.simulator.tape.messages.get(self.next).filter(|message| message.at_ms <= now_ms);
        let Some(message) = due else {
            self.pings_at_ms = now_ms + PING_EVERY_MS;
            send(socket, r#"{"type":"ping"}"#.to_owned()).await?;
            return Ok(true);
        };
        let number = self.next as u64;
        self.next += 1;
        let prints: Vec<&Print> = message.prints.iter().filter(|print| self.symbols.contains(&print.symbol)).collect();
        if prints.is_empty() {
            return Ok(true);
        }
        let what = format!("connection {}", self.number);
        let strike = self.strike(&what, number);
        if let Some(strike) = strike {
            self.simulator.counters.fault(VENDOR, strike.fault, &what, number);
        }
        for piece in self.pieces(&prints, number) {
            if !self.send_struck(socket, piece, strike).await? {
                return Ok(false);
            }
        }
        self.simulator.counters.frame(VENDOR);
        Ok(true)
    }

    fn strike(&self, what: &str, number: u64) -> Option<Strike> {
        let elapsed_ms = self.simulator.clock.moment().elapsed_ms;
        self.simulator.settings.faults.strike(VENDOR, what, number, elapsed_ms)
    }

    /// Sends a piece as the fault has it. Whether the connection stands afterwards.
    async fn send_struck(
        &self,
        socket: &mut WebSocket,
        piece: &[&Print],
        strike: Option<Strike>,
    ) -> Result<bool, axum::Error> {
        let offset_ms = self.simulator.clock.moment().offset_ms;
        let skew_ms = match strike {
            Some(Strike { fault: Fault::ClockSkew, draw }) => 60_000 * (1 + (draw % 5) as i64),
            _ => 0,
        };
        let mut text = trades(piece, self.simulator.tape.shift_ms + offset_ms + skew_ms);
        match strike.map(|strike| (strike.fault, strike.draw)) {
            Some((Fault::Outage | Fault::Html | Fault::TooMany, _)) => return Ok(false),
            Some((Fault::Slow, draw)) => tokio::time::sleep(Duration::from_millis(draw % SLOW_MS_MAX)).await,
            Some((Fault::Truncate, _)) => text.truncate(text.len() / 2),
            // Prints that are all alike are never sent twice: nobody could tell them from real ones.
            Some((Fault::Duplicate, _)) if is_mixed(piece) => send(socket, text.clone()).await?,
            _ => {}
        }
        send(socket, text).await?;
        Ok(true)
    }

    /// The message's prints as this connection gets them: at once, or in two pieces.
    fn pieces<'p>(&self, prints: &'p [&'p Print], number: u64) -> Vec<&'p [&'p Print]> {
        let key = format!("{}|cut|{}|{number}", self.simulator.settings.faults.seed(), self.number);
        let draw = stable_hash(key.as_bytes());
        if prints.len() < 2 || !draw.is_multiple_of(CUT_ONE_IN) {
            return vec![prints];
        }
        let (one, two) = prints.split_at(1 + (draw / CUT_ONE_IN) as usize % (prints.len() - 1));
        vec![one, two]
    }
}

impl Drop for Connection<'_> {
    fn drop(&mut self) {
        self.simulator.listeners.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

fn is_mixed(prints: &[&Print]) -> bool {
    prints.iter().any(|print| print.text != prints[0].text)
}

fn trades(prints: &[&Print], by_ms: i64) -> String {
    let data: Vec<&str> = prints.iter().map(|print| print.text.as_str()).collect();
    let text = format!(r#"{{"data":[{}],"type":"trade"}}"#, data.join(","));
    String::from_utf8_lossy(&moved(text.as_bytes(), by_ms, TIMES)).into_owned()
}

async fn send(socket: &mut WebSocket, text: String) -> Goes {
    socket.send(Message::Text(text.into())).await
}
