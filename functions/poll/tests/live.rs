//! Polls against a vendor on loopback: what is published of an answer, what of a failure, what after a crash, and by two at once.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::sync::watch;
use touchline_event::{Event, Kind, Sequence, ShardId, decode_frame};
use touchline_lake::{MemoryObjects, ObjectStore, read_back};
use touchline_poll::config::{SourcePlan, Surroundings, read};
use touchline_poll::{PollContext, PolledSource, Producer, Turn, poll_until};
use touchline_runtime::{Clock, OutboundLimits};
use touchline_store::{BreakerPhase, MemoryStore, breakers, credits, quarantine};
use touchline_stream::{FrameLimits, OutRecord, Publish, StreamError};

const LANES: u16 = 8;
const START_MS: i64 = 1_793_491_200_000;
const PAGE: &str = "/v4/sports/nfl/odds?regions=us&markets=h2h";

/// Status, headers, body.
type Scripted = (u16, Vec<(&'static str, String)>, String);

/// What the vendor answers next; the last one again and again.
#[derive(Clone)]
struct Script(Arc<Mutex<VecDeque<Scripted>>>, Arc<AtomicUsize>);

impl Script {
    fn of(answers: impl IntoIterator<Item = (u16, String)>) -> Self {
        let answers = answers.into_iter().map(|(status, body)| (status, Vec::new(), body)).collect();
        Self(Arc::new(Mutex::new(answers)), Arc::default())
    }

    fn asked(&self) -> usize {
        self.1.load(Ordering::Relaxed)
    }
}

async fn answer(State(script): State<Script>, _: Uri, _: HeaderMap) -> Response {
    script.1.fetch_add(1, Ordering::Relaxed);
    let mut answers = script.0.lock().unwrap();
    let next = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
    let (status, headers, body) = next.unwrap();
    let mut response = (axum::http::StatusCode::from_u16(status).unwrap(), body).into_response();
    // The server would date it by our clock, which is not that of the polls.
    response.headers_mut().insert("date", "unknown".parse().unwrap());
    for (name, value) in headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

async fn vendor(script: &Script) -> SocketAddr {
    let router = Router::new().fallback(answer).with_state(script.clone());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, router).into_future());
    address
}

/// Keeps what it is given; refuses while it is told to.
#[derive(Default)]
struct Tape {
    records: Mutex<Vec<OutRecord>>,
    refusals: AtomicUsize,
}

#[async_trait]
impl Publish for Tape {
    async fn publish(&self, records: Vec<OutRecord>) -> Vec<Result<(ShardId, Sequence), StreamError>> {
        let is_refused = self.refusals.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if is_refused.is_ok() {
            return records.iter().map(|_| Err(StreamError::Unknown("refused".to_owned()))).collect();
        }
        let mut tape = self.records.lock().unwrap();
        let kept = records.into_iter().map(|record| {
            tape.push(record);
            Ok((ShardId("s".to_owned()), Sequence::from_u64(tape.len() as u64)))
        });
        kept.collect()
    }
}

struct World {
    tape: Arc<Tape>,
    store: Arc<MemoryStore>,
    objects: Arc<MemoryObjects>,
    script: Script,
    address: SocketAddr,
}

impl World {
    async fn new(script: Script) -> Self {
        let address = vendor(&script).await;
        Self { tape: Arc::default(), store: Arc::default(), objects: Arc::default(), script, address }
    }

    fn context(&self) -> PollContext {
        PollContext {
            objects: self.objects.clone(),
            store: self.store.clone(),
            stream: self.tape.clone(),
            producer: Producer::new(7),
            lanes: LANES,
            frames: FrameLimits::DEFAULT,
        }
    }

    fn plan(&self, more: &str) -> SourcePlan {
        let text = format!(
            "[[source]]\nvendor = 'the-odds-api'\nkey_env = 'K'\npages = ['{PAGE}']\nrequests_per_minute = 600\n\
             cadence = {{ idle = '60s', near = '30s', live = '10s' }}\n{more}"
        );
        let simulation = format!("http://{}", self.address);
        read(&text, "t", &Surroundings { keys: &|_| None, simulation: Some(&simulation) }).unwrap().remove(0)
    }

    /// Polls for `minutes` of a clock that runs 600 times as fast as ours, from `from_ms` on.
    async fn poll(&self, from_ms: i64, minutes: i64, more: &str) -> Vec<Turn> {
        self.try_poll(from_ms, minutes, more).await.unwrap()
    }

    async fn try_poll(&self, from_ms: i64, minutes: i64, more: &str) -> Result<Vec<Turn>, touchline_poll::PollError> {
        let limits = OutboundLimits { total: Duration::from_millis(500), ..OutboundLimits::DEFAULT };
        let source = PolledSource::new(self.plan(more), Clock::simulated(from_ms, 600.0), limits).unwrap();
        let turns = Mutex::new(Vec::new());
        let on_turn = |_: &str, turn: &Turn| turns.lock().unwrap().push(turn.clone());
        let stop = watch::Sender::new(false);
        poll_until(&self.context(), &source, from_ms + minutes * 60_000, stop.subscribe(), &on_turn).await?;
        Ok(turns.into_inner().unwrap())
    }

    fn events(&self) -> Vec<Event> {
        let tape = self.tape.records.lock().unwrap();
        let frames = tape.iter().flat_map(|record| decode_frame(&record.bytes).unwrap().events);
        frames.map(Result::unwrap).collect()
    }

    fn facts(&self) -> Vec<Event> {
        self.events().into_iter().filter(|event| event.kind != Kind::Heartbeat).collect()
    }
}

/// One game with one price, last looked at by the vendor at `look`.
fn odds(price: f64, look: &str) -> String {
    format!(
        r#"[{{"id":"e1","sport_key":"nfl","commence_time":"2026-12-01T18:00:00Z","home_team":"H","away_team":"A",
        "bookmakers":[{{"key":"b","title":"B","last_update":"{look}","markets":[{{"key":"h2h","last_update":"{look}",
        "outcomes":[{{"name":"H","price":{price}}},{{"name":"A","price":1.8}}]}}]}}]}}]"#
    )
}

const LOOK: &str = "2026-10-31T23:59:00Z";
const LATER: &str = "2026-11-01T00:00:30Z";

#[tokio::test]
async fn a_poll_tells_what_changed_and_nothing_twice() {
    let first = odds(2.0, LOOK);
    let script = Script::of([(200, first.clone()), (200, first.replace("\"B\"", "\"B \"")), (200, odds(2.1, LATER))]);
    let world = World::new(script).await;
    let turns = world.poll(START_MS, 8, "").await;
    assert_eq!(turns[0], Turn::Changed { changes: 3, rejects: 0 });
    assert_eq!(turns[1], Turn::Unchanged, "other bytes, the same facts");
    assert_eq!(turns[2], Turn::Changed { changes: 2, rejects: 0 });
    assert!(turns[3..].iter().all(|turn| *turn == Turn::Unchanged) && turns.len() > 4, "{turns:?}");
    assert_eq!(world.facts().len(), 5);
    let landed = world.objects.list("raw/the-odds-api/").await.unwrap();
    assert_eq!(landed.len(), 3, "bytes that were the last ones already land once: {landed:?}");
    let label = read_back(&*world.objects, &landed[0]).await.unwrap().unwrap().label;
    assert_eq!((label.origin.as_str(), label.exchange.unwrap().status), (PAGE, 200));
    let watermarks: Vec<i64> = world
        .events()
        .into_iter()
        .filter(|event| event.kind == Kind::Heartbeat)
        .map(|event| event.timestamp_ms)
        .collect();
    assert!(!watermarks.is_empty() && watermarks.iter().all(|at_ms| *at_ms < START_MS + 8 * 60_000 - 5 * 60_000));
}

#[tokio::test]
async fn a_crash_between_noting_and_publishing_repeats_the_same_ids_and_times() {
    let world = World::new(Script::of([(200, odds(2.0, LOOK))])).await;
    world.tape.refusals.store(100, Ordering::Relaxed);
    assert!(world.try_poll(START_MS, 2, "").await.is_err(), "the stream says no, and the process ends");
    assert!(world.facts().is_empty());
    world.tape.refusals.store(0, Ordering::Relaxed);
    let later_ms = START_MS + 10 * 60_000;
    world.poll(later_ms, 3, "").await;
    let facts = world.facts();
    assert_eq!(facts.len(), 3);
    assert!(
        facts.iter().all(|event| event.first_arrival_ms < later_ms),
        "told when they were first seen, not when it went on"
    );

    let undisturbed = World::new(Script::of([(200, odds(2.0, LOOK))])).await;
    undisturbed.poll(START_MS, 2, "").await;
    let ids = |world: &World| world.facts().iter().map(|event| event.event_id).collect::<Vec<_>>();
    assert_eq!(ids(&world), ids(&undisturbed));
}

#[tokio::test]
async fn two_pollers_at_once_tell_each_change_once_and_at_one_time() {
    let answers = (0..40).map(|n| (200, odds(2.0 + f64::from(n) / 100.0, LOOK)));
    let world = World::new(Script::of(answers)).await;
    tokio::join!(world.poll(START_MS, 12, ""), world.poll(START_MS, 12, ""));
    let mut seen: BTreeMap<u64, Vec<i64>> = BTreeMap::new();
    for event in world.facts() {
        seen.entry(event.event_id.0).or_default().push(event.timestamp_ms);
    }
    assert!(seen.len() > 10);
    for (id, times) in seen {
        assert!(times.windows(2).all(|pair| pair[0] == pair[1]), "{id:016x} at {times:?}");
    }
}

#[tokio::test]
async fn an_outage_opens_the_breaker_and_its_end_closes_it() {
    let down = std::iter::repeat_n((503, "<html>down</html>".to_owned()), 13);
    let world = World::new(Script::of(down.chain([(200, odds(2.0, LOOK))]))).await;
    let turns = world.poll(START_MS, 25, "").await;
    let breaker = breakers::read(&*world.store, "the-odds-api", PAGE).await.unwrap();
    let names: Vec<&str> = breaker.history.iter().map(|(_, phase)| phase.as_str()).collect();
    assert_eq!(names.first(), Some(&"open"), "{names:?}");
    assert_eq!(names[names.len() - 2..], ["half_open", "closed"], "{names:?}");
    assert_eq!(breaker.phase, BreakerPhase::Closed);
    assert!(names.iter().filter(|name| **name == "half_open").count() > 1, "a failed probe opens it again: {names:?}");
    assert!(
        turns.iter().any(|turn| matches!(turn, Turn::Refused { reason, .. } if reason.contains("the breaker is open"))),
        "{turns:?}"
    );
    assert!(turns.iter().any(|turn| matches!(turn, Turn::Failed { message } if message.contains("status 503"))));
    assert_eq!(world.facts().len(), 3);
}

#[tokio::test]
async fn what_is_no_answer_is_in_quarantine_and_the_vendors_failure() {
    let whole = odds(2.0, LOOK);
    let half = whole[..whole.len() / 2].to_owned();
    let page = || (200, "<!doctype html>".to_owned());
    let script = Script::of([page(), page(), (200, half), (200, whole)]);
    let world = World::new(script).await;
    let turns = world.poll(START_MS, 8, "").await;
    assert!(matches!(&turns[0], Turn::Failed { message } if message.starts_with("not_json")), "{turns:?}");
    assert!(matches!(&turns[1], Turn::Failed { .. }), "the same page again is no answer either: {turns:?}");
    assert!(matches!(&turns[2], Turn::Failed { message } if message.starts_with("truncated")), "{turns:?}");
    assert!(turns.contains(&Turn::Changed { changes: 3, rejects: 0 }), "{turns:?}");
    let kept = quarantine::list(&*world.store, "the-odds-api").await.unwrap();
    let reasons: Vec<&str> = kept.iter().map(|(_, entry)| entry.reason.as_str()).collect();
    assert_eq!(reasons.len(), 3, "each with its bytes: {reasons:?}");
    assert!(reasons.contains(&"not_json") && reasons.contains(&"truncated"), "{reasons:?}");
}

#[tokio::test]
async fn the_reserve_is_kept_and_what_does_not_fit_is_not_sent() {
    let world = World::new(Script::of([(200, odds(2.0, LOOK)), (200, odds(2.1, LATER))])).await;
    let turns = world.poll(START_MS, 20, "credits = 8\nreserve_percent = 50\n").await;
    let refused = turns.iter().filter(
        |turn| matches!(turn, Turn::Refused { reason, .. } if reason.contains("4 are kept for closing captures")),
    );
    assert_eq!(refused.count(), 1, "once, and then not before the period ends: {turns:?}");
    assert_eq!(world.script.asked(), 4);
    let ledger = credits::list(&*world.store).await.unwrap().remove(0).1;
    assert_eq!((ledger.left(), ledger.lowest_left), (4, Some(4)));
}

#[tokio::test]
async fn a_vendor_that_asks_for_a_pause_gets_it() {
    let script = Script::of([(429, "{}".to_owned()), (200, odds(2.0, LOOK))]);
    script.0.lock().unwrap()[0].1.push(("retry-after", "1".to_owned()));
    let world = World::new(script).await;
    let turns = world.poll(START_MS, 15, "").await;
    assert!(matches!(&turns[0], Turn::Failed { message } if message.starts_with("status 429")), "{turns:?}");
    assert!(
        matches!(&turns[1], Turn::Refused { reason, not_before_ms } if reason.contains("asked for a pause") && *not_before_ms >= START_MS + 600_000),
        "{turns:?}"
    );
    assert!(matches!(turns[2], Turn::Changed { .. }), "{turns:?}");
}
