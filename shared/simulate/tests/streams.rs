//! The streams as their vendors': Finnhub's WebSocket and Betfair's lines, with what our parsers make of them.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use touchline_event::parse_utc_ms;
use touchline_feed::{Document, Session, Source, parse};
use touchline_simulate::{BetfairServer, Clock, FaultPlan, Server, Settings, Simulator, WRONG_KEY};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

fn simulator(at: &str, faults: &str) -> Arc<Simulator> {
    let settings = Settings { faults: FaultPlan::new(3, faults.parse().unwrap()), ..Settings::default() };
    Arc::new(Simulator::new(Clock::held(parse_utc_ms(at).unwrap()), settings).unwrap())
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.unwrap()
}

async fn say(socket: &mut Socket, kind: &str, symbol: &str) {
    let text = json!({"type": kind, "symbol": symbol}).to_string();
    socket.send(Message::Text(text.into())).await.unwrap();
}

async fn hear(socket: &mut Socket) -> Option<Value> {
    match within(socket.next()).await {
        Some(Ok(Message::Text(text))) => Some(serde_json::from_str(&text).unwrap()),
        _ => None,
    }
}

/// Waits until a connection has this many symbols.
async fn subscribed(simulator: &Simulator, count: usize) {
    let is_subscribed = async {
        while simulator.listeners().iter().all(|one| one.symbol_count != count) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    within(is_subscribed).await;
}

#[tokio::test]
async fn trades_come_for_symbols_that_are_subscribed_and_as_time_passes() {
    let simulator = simulator("2026-07-04T17:00:00Z", "");
    let server = Server::start(simulator.clone(), 0).await.unwrap();
    let (mut socket, _) = connect_async(format!("{}?token=k", server.websocket())).await.unwrap();
    say(&mut socket, "subscribe", "BAC").await;
    subscribed(&simulator, 1).await;
    simulator.clock.advance(30_000);
    let now_ms = simulator.clock.moment().now_ms;
    for _ in 0..5 {
        for print in hear(&mut socket).await.unwrap()["data"].as_array().unwrap() {
            assert_eq!(print["s"], "BAC");
            let at_ms = print["t"].as_i64().unwrap();
            assert!(at_ms <= now_ms && at_ms > now_ms - 30_000, "{at_ms}");
        }
    }
    say(&mut socket, "shout", "BAC").await;
    let error = async {
        loop {
            let said = hear(&mut socket).await.unwrap();
            if said["type"] == "error" {
                break said;
            }
        }
    };
    assert_eq!(within(error).await["msg"], "Invalid message type");
    say(&mut socket, "unsubscribe", "BAC").await;
    subscribed(&simulator, 0).await;
    simulator.clock.advance(60_000);
    let ping = async {
        loop {
            if hear(&mut socket).await.unwrap()["type"] == "ping" {
                break;
            }
        }
    };
    within(ping).await;
}

#[tokio::test]
async fn a_key_is_asked_for_and_has_one_connection_and_a_broken_one_ends() {
    let simulator = simulator("2026-07-04T17:00:00Z", "");
    let server = Server::start(simulator.clone(), 0).await.unwrap();
    let address = server.websocket();
    for (query, status) in [("", 401), ("?token=", 401), ("?token=wrong-key", 401)] {
        let refused = connect_async(format!("{address}{query}")).await.unwrap_err().to_string();
        assert!(refused.contains(&status.to_string()), "{query}: {refused}");
    }
    let (mut first, _) = connect_async(format!("{address}?token=k")).await.unwrap();
    assert!(connect_async(format!("{address}?token=k")).await.unwrap_err().to_string().contains("429"));
    connect_async(format!("{address}?token=other")).await.unwrap();
    simulator.disconnect_all();
    assert!(hear(&mut first).await.is_none());
    assert_eq!(WRONG_KEY, "wrong-key");
}

/// A client of the line protocol.
struct Lines {
    read: BufReader<tokio::net::tcp::OwnedReadHalf>,
    write: tokio::net::tcp::OwnedWriteHalf,
}

impl Lines {
    async fn connect(server: &BetfairServer) -> Self {
        let (read, write) = TcpStream::connect(server.address).await.unwrap().into_split();
        let mut lines = Self { read: BufReader::new(read), write };
        assert_eq!(lines.hear().await["op"], "connection");
        lines
    }

    async fn authenticated(server: &BetfairServer) -> Self {
        let mut lines = Self::connect(server).await;
        lines.say(json!({"op": "authentication", "id": 1, "appKey": "k", "session": "s"})).await;
        assert_eq!(lines.hear().await["statusCode"], "SUCCESS");
        lines
    }

    async fn say(&mut self, said: Value) {
        self.write.write_all(format!("{said}\r\n").as_bytes()).await.unwrap();
    }

    async fn hear_text(&mut self) -> String {
        let mut line = String::new();
        within(self.read.read_line(&mut line)).await.unwrap();
        line
    }

    async fn hear(&mut self) -> Value {
        serde_json::from_str(&self.hear_text().await).unwrap()
    }
}

fn document(bytes: &[u8]) -> Document<'_> {
    Document { bytes, received_at_ms: None, origin: "" }
}

const RACE: &str = "1.206064380";

#[tokio::test]
async fn a_market_is_told_as_an_image_then_by_changes_and_resumed_where_it_was_left() {
    let simulator = simulator("2026-07-04T17:40:00Z", "");
    let server = BetfairServer::start(simulator.clone(), 0).await.unwrap();
    let mut lines = Lines::authenticated(&server).await;
    lines
        .say(json!({"op": "marketSubscription", "id": 2, "marketFilter": {"marketIds": [RACE]}, "heartbeatMs": 500}))
        .await;
    assert_eq!(lines.hear().await["statusCode"], "SUCCESS");
    let image = lines.hear_text().await;
    let told: Value = serde_json::from_str(&image).unwrap();
    assert_eq!(
        (&told["ct"], &told["mc"][0]["img"], &told["mc"][0]["id"]),
        (&json!("SUB_IMAGE"), &json!(true), &json!(RACE))
    );
    assert_eq!(told["pt"].as_i64(), Some(simulator.clock.moment().now_ms));
    simulator.clock.advance(30_000);
    let mut session = Session::default();
    let mut events = 0;
    let mut clks = BTreeSet::new();
    let mut last = told.clone();
    events += parse(Source::Betfair, document(image.as_bytes()), &mut session).events.len();
    for _ in 0..20 {
        let line = lines.hear_text().await;
        let parsed = parse(Source::Betfair, document(line.as_bytes()), &mut session);
        assert!(parsed.rejects.is_empty(), "{:?}", parsed.rejects);
        events += parsed.events.len();
        last = serde_json::from_str(&line).unwrap();
        clks.insert(last["clk"].as_str().unwrap().to_owned());
    }
    assert!(clks.len() >= 19 && events > 40, "{} clks, {events} events", clks.len());

    let mut again = Lines::authenticated(&server).await;
    again
        .say(json!({
            "op": "marketSubscription", "id": 3, "marketFilter": {"marketIds": [RACE]},
            "initialClk": told["initialClk"], "clk": last["clk"], "conflateMs": 1000,
        }))
        .await;
    again.hear().await;
    let resumed = again.hear().await;
    assert_eq!(resumed["ct"], "RESUB_DELTA");
    assert!(resumed["clk"].as_str().unwrap().parse::<u64>().unwrap() >= last["clk"].as_str().unwrap().parse().unwrap());
}

#[tokio::test]
async fn a_quiet_market_has_heartbeats_and_who_is_not_known_is_sent_away() {
    let simulator = simulator("2026-07-04T12:00:00Z", "");
    let server = BetfairServer::start(simulator.clone(), 0).await.unwrap();
    let mut lines = Lines::authenticated(&server).await;
    lines
        .say(json!({"op": "marketSubscription", "id": 2, "marketFilter": {"marketIds": [RACE]}, "heartbeatMs": 500}))
        .await;
    lines.hear().await;
    assert!(lines.hear().await.get("mc").is_none(), "nothing is known yet");
    simulator.clock.advance(500);
    assert_eq!(lines.hear().await["ct"], "HEARTBEAT");
    for (said, code) in [
        (json!({"op": "authentication", "id": 1, "session": "s"}), "NO_APP_KEY"),
        (json!({"op": "authentication", "id": 1, "appKey": "k", "session": WRONG_KEY}), "INVALID_SESSION_INFORMATION"),
        (json!({"op": "marketSubscription", "id": 1}), "NOT_AUTHORIZED"),
        (json!("?"), "INVALID_INPUT"),
    ] {
        let mut lines = Lines::connect(&server).await;
        lines.say(said).await;
        let status = lines.hear().await;
        assert_eq!((&status["errorCode"], &status["connectionClosed"]), (&json!(code), &json!(true)));
        assert_eq!(lines.hear_text().await, "", "closed");
    }
}

#[tokio::test]
async fn faults_strike_lines_and_are_counted() {
    let simulator = simulator("2026-07-04T17:40:00Z", "duplicate=0.3,truncate=0.3");
    let server = BetfairServer::start(simulator.clone(), 0).await.unwrap();
    let mut lines = Lines::authenticated(&server).await;
    lines.say(json!({"op": "marketSubscription", "id": 2})).await;
    lines.hear().await;
    simulator.clock.advance(60_000);
    let mut told: Vec<String> = Vec::new();
    for _ in 0..40 {
        told.push(lines.hear_text().await);
    }
    let cut = told.iter().filter(|line| serde_json::from_str::<Value>(line).is_err()).count();
    let twice = told.windows(2).filter(|pair| pair[0] == pair[1]).count();
    assert!(cut >= 3 && twice >= 3, "{cut} cut, {twice} twice");
    let faults = simulator.status()["counts"]["faults"]["betfair"].clone();
    assert!(faults["truncate"].as_u64().unwrap() >= 3 && faults["duplicate"].as_u64().unwrap() >= 3, "{faults}");
}
