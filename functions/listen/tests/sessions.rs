//! Sessions against the simulated vendor: who listens, who stands aside, who follows; what is handed on, and again.
//! LSN-1, LSN-3, LSN-4, LSE-1, LSE-2, LSE-3.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use touchline_event::parse_utc_ms;
use touchline_feed::{Document, Session, Source, parse};
use touchline_listen::{Batch, End, ListenContext, ListenError, ListenRequest, Listened, Pace, handle};
use touchline_simulate::{Clock, Server, Settings, Simulator, WRONG_KEY};
use touchline_store::{ItemStore, MemoryStore};

const STARTS_MS: i64 = 1_783_184_400_000;

struct World {
    simulator: Arc<Simulator>,
    server: Server,
    store: Arc<MemoryStore>,
    now_ms: Arc<AtomicI64>,
    /// What was handed on, in order.
    heard: RefCell<Vec<Batch>>,
}

impl World {
    async fn new() -> Self {
        assert_eq!(parse_utc_ms("2026-07-04T17:00:00Z"), Some(STARTS_MS));
        let simulator = Arc::new(Simulator::new(Clock::held(STARTS_MS), Settings::default()).unwrap());
        let server = Server::start(simulator.clone(), 0).await.unwrap();
        let (store, now_ms) = (Arc::new(MemoryStore::default()), Arc::new(AtomicI64::new(STARTS_MS)));
        Self { simulator, server, store, now_ms, heard: RefCell::default() }
    }

    fn context(&self, tokens: &[&str]) -> ListenContext {
        let now_ms = self.now_ms.clone();
        ListenContext {
            store: self.store.clone() as Arc<dyn ItemStore>,
            tokens: tokens.iter().map(|token| (*token).to_owned()).collect(),
            now_ms: Arc::new(move || now_ms.load(Ordering::Relaxed)),
            // A wait that passes on the test's clock: whoever lost a connection comes back when the clock is moved.
            random: Arc::new(|| 50),
            pace: Pace { batch_ms: 0, renew_ms: 0, handover_ms: 60_000, overlap_ms: 10_000, ..Pace::DEFAULT },
        }
    }

    async fn session(&self, tokens: &[&str], length_ms: i64) -> Result<Listened, ListenError> {
        let symbols = ["AIG", "BAC", "SPY"].map(str::to_owned).to_vec();
        let request = ListenRequest { address: self.server.websocket(), symbols, length_ms };
        let deliver = async |batch: &Batch| {
            self.heard.borrow_mut().push(batch.clone());
            Ok::<_, String>(())
        };
        handle(&self.context(tokens), &request, deliver).await
    }

    /// Both clocks, once everybody who listens has been told everything so far and handed it on.
    async fn pass(&self, sessions: usize, seconds: i64) {
        for _ in 0..seconds {
            self.settled(sessions).await;
            self.simulator.clock.advance(1_000);
            self.age(1_000);
        }
        self.settled(sessions).await;
        self.catch_up().await;
    }

    /// The sessions' clock alone.
    fn age(&self, by_ms: i64) {
        self.now_ms.fetch_add(by_ms, Ordering::Relaxed);
    }

    /// What was sent is read, handed on, and the lease looked at.
    async fn catch_up(&self) {
        tokio::time::sleep(Duration::from_millis(300)).await;
    }

    async fn settled(&self, sessions: usize) {
        for _ in 0..20_000 {
            let now_ms = self.simulator.clock.moment().now_ms;
            let listeners = self.simulator.listeners();
            if listeners.len() == sessions
                && listeners.iter().all(|one| one.symbol_count == 3 && one.told_until_ms >= now_ms)
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("{sessions} sessions are not settled: {:?}", self.simulator.listeners());
    }

    /// Ids by connection.
    fn ids(&self) -> Vec<(String, BTreeSet<u64>)> {
        let heard = self.heard.borrow();
        let names: BTreeSet<&String> = heard.iter().map(|batch| &batch.session).collect();
        let of = |name: &str| {
            let mut session = Session::default();
            let batches = heard.iter().filter(|batch| batch.session == name);
            let parsed = batches.map(|batch| {
                parse(Source::Finnhub, Document { bytes: &batch.bytes, received_at_ms: None, origin: "" }, &mut session)
            });
            parsed.flat_map(|parsed| parsed.events).map(|event| event.event_id.0).collect()
        };
        names.into_iter().map(|name| (name.clone(), of(name))).collect()
    }
}

#[tokio::test]
async fn a_session_is_followed_with_an_overlap_in_which_both_give_the_same_ids() {
    let world = World::new().await;
    let script = async {
        world.pass(1, 30).await;
        assert_eq!(world.session(&["b"], 300_000).await.unwrap().end, End::StoodAside, "far from its end");
        world.pass(1, 35).await;
        let next = world.session(&["a", "b"], 20_000);
        let during = async {
            world.pass(2, 9).await;
            world.simulator.clock.advance(1_000);
            world.age(1_000);
            world.pass(1, 9).await;
            world.age(1_000);
        };
        tokio::join!(next, during).0.unwrap()
    };
    let (first, second) = tokio::join!(world.session(&["a", "b"], 120_000), script);
    let first = first.unwrap();
    assert_eq!((first.term, first.end, first.connections), (Some(0), End::HandedOver, 1));
    assert_eq!((second.term, second.end), (Some(1), End::Deadline));
    let ids = world.ids();
    let ([(_, one), (_, two)], whole) = (<[_; 2]>::try_from(ids).unwrap(), recorded_ids(84));
    let both = one.intersection(&two).count();
    assert!(both > 20, "{both} ids of the overlap");
    assert_eq!(one.union(&two).copied().collect::<BTreeSet<_>>(), whole, "nothing lost, nothing twice");
}

/// Ids of the recording up to so many seconds after the start, read as one session.
fn recorded_ids(seconds: i64) -> BTreeSet<u64> {
    let recordings = touchline_simulate::bundled().unwrap();
    let trades = recordings.iter().find(|recording| recording.source == "finnhub").unwrap();
    let mut session = Session::default();
    let mut ids = BTreeSet::new();
    for line in std::str::from_utf8(&trades.bytes).unwrap().lines() {
        let mut message: serde_json::Value = serde_json::from_str(line).unwrap();
        let mut last_ms = 0;
        for print in message["data"].as_array_mut().unwrap() {
            let at_ms = print["t"].as_i64().unwrap() + trades.shift_ms;
            last_ms = last_ms.max(at_ms);
            print["t"] = at_ms.into();
        }
        if last_ms <= STARTS_MS + seconds * 1_000 {
            let bytes = message.to_string().into_bytes();
            let parsed =
                parse(Source::Finnhub, Document { bytes: &bytes, received_at_ms: None, origin: "" }, &mut session);
            ids.extend(parsed.events.iter().map(|event| event.event_id.0));
        }
    }
    ids
}

#[tokio::test]
async fn of_two_that_start_at_once_one_listens_and_a_dead_one_is_followed_when_its_lease_has_expired() {
    let world = World::new().await;
    {
        let (one, two) = (world.session(&["a"], 60_000), world.session(&["b"], 60_000));
        tokio::pin!(one);
        let aside = tokio::select! {
            biased;
            _ = &mut one => panic!("it listens"),
            aside = two => aside.unwrap(),
        };
        assert_eq!((aside.end, aside.term), (End::StoodAside, None));
        // The one that listens crashes here: it is dropped.
    }
    assert_eq!(world.session(&["c"], 60_000).await.unwrap().end, End::StoodAside, "the lease still stands");
    world.age(Pace::DEFAULT.lease_ms);
    let script = async {
        world.pass(1, 1).await;
        world.age(1_000);
    };
    let (third, ()) = tokio::join!(world.session(&["c"], 2_000), script);
    let third = third.unwrap();
    assert_eq!((third.term, third.end), (Some(1), End::Deadline));
}

#[tokio::test]
async fn time_without_a_connection_is_a_gap_and_a_key_is_in_no_error() {
    let world = World::new().await;
    let script = async {
        world.pass(1, 2).await;
        world.simulator.disconnect_all();
        world.catch_up().await;
        world.age(700);
        world.settled(1).await;
        world.age(8_000);
    };
    let (listened, ()) = tokio::join!(world.session(&["a"], 10_000), script);
    let listened = listened.unwrap();
    assert_eq!((listened.connections, listened.gaps), (2, vec![(STARTS_MS + 2_000, STARTS_MS + 2_700)]));

    let refused = async {
        world.catch_up().await;
        world.age(10_000);
    };
    let (listened, ()) = tokio::join!(world.session(&[WRONG_KEY], 5_000), refused);
    assert_eq!(listened.unwrap().connections, 0);
}

#[tokio::test]
async fn a_refused_batch_is_handed_on_again_and_given_up_in_the_end() {
    let world = World::new().await;
    let request = ListenRequest { address: world.server.websocket(), symbols: vec!["SPY".into()], length_ms: 60_000 };
    let given = RefCell::new(Vec::new());
    let deliver = async |batch: &Batch| {
        given.borrow_mut().push(batch.clone());
        Err::<(), _>("no room".to_owned())
    };
    let context = world.context(&["a"]);
    let passing = async {
        while world.simulator.listeners().iter().all(|one| one.symbol_count == 0) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        world.simulator.clock.advance(10_000);
    };
    let (listened, ()) = tokio::join!(handle(&context, &request, deliver), passing);
    let error = listened.unwrap_err().to_string();
    assert!(error.contains("refused 5 times, last: no room"), "{error}");
    let given = given.into_inner();
    assert!(given.len() == 5 && given.iter().all(|batch| batch == &given[0]));
}

#[tokio::test]
async fn a_request_that_cannot_be_served_says_why() {
    let world = World::new().await;
    let request = |symbols: &[&str], length_ms| ListenRequest {
        address: "ws://127.0.0.1:1/finnhub".into(),
        symbols: symbols.iter().map(|symbol| (*symbol).to_owned()).collect(),
        length_ms,
    };
    for (tokens, request, part) in [
        (&["a"][..], request(&[], 1), "symbols"),
        (&[], request(&["A"], 1), "key"),
        (&["a"], request(&["A"], 15 * 60_000), "length_ms"),
    ] {
        let error = handle(&world.context(tokens), &request, async |_: &Batch| Ok::<_, String>(())).await.unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
}
