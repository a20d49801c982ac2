//! `touchline listen`: a bounded WebSocket session on the poll door's road into a state folder.
//! LOC-1: a batch that was refused is read again by a session brought to where it was from what has landed, so that identical prints
//! keep their numbers.
//! LOC-2: heartbeats follow the trades' own times, so that windows close by event time and never by ours.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use touchline_api::LiveHub;
use touchline_feed::Source;
use touchline_lake::{RawPayload, land, read_back, session_keys};
use touchline_listen::{Batch, ListenContext, ListenRequest, Listened, Pace, handle};
use touchline_poll::{Delivery, Payload, PollContext, PollError, PollSession, ingest, replay_parse};
use touchline_runtime::Clock;
use touchline_window::WindowPolicy;

use crate::audit;
use crate::cli::ListenArgs;
use crate::files;
use crate::pipeline::Pipeline;
use crate::replay::poll_context;
use crate::serve::{LIVE_CHANGES, ReplayClock, Server};
use crate::state::State;

const KEY_FILE_BYTES_MAX: usize = 64 * 1024;
/// Event time between two rounds of heartbeats.
const BEAT_EVERY_MS: i64 = 5_000;
/// Trades come out of order by less than this.
const DISORDER_MS: i64 = 5_000;
/// What a simulator takes.
const ANY_KEY: &str = "any";

/// Takes the batches of one listener into the stream.
pub struct Intake<'a> {
    context: &'a PollContext,
    /// The connection that is being read.
    name: String,
    session: PollSession,
    beaten_ms: i64,
}

impl<'a> Intake<'a> {
    pub fn new(context: &'a PollContext) -> Self {
        Self { context, name: String::new(), session: PollSession::default(), beaten_ms: i64::MIN }
    }

    /// Lands, parses and publishes a batch; given again after an error it gives the same ids.
    pub async fn take(&mut self, batch: &Batch) -> Result<(), PollError> {
        if batch.session != self.name {
            self.end().await?;
            self.name.clone_from(&batch.session);
            self.session = PollSession::default();
        }
        self.keep_repeats(batch).await?;
        if batch.frame_count == 0 {
            return Ok(());
        }
        let payload = payload_of(batch);
        let delivery = Delivery { session: &mut self.session, payloads: vec![&payload] };
        if let Err(error) = ingest(self.context, vec![delivery]).await {
            self.rewind(batch).await?;
            return Err(error);
        }
        let max_ms = self.session.max_event_ms().unwrap_or(i64::MIN);
        if max_ms.saturating_sub(self.beaten_ms) >= BEAT_EVERY_MS {
            self.beaten_ms = max_ms;
            self.session.beat(self.context, Source::Finnhub, max_ms - DISORDER_MS).await?;
        }
        Ok(())
    }

    /// Vouches for what the connection that is left has given.
    pub async fn end(&mut self) -> Result<(), PollError> {
        match self.session.max_event_ms() {
            Some(max_ms) => self.session.beat(self.context, Source::Finnhub, max_ms - DISORDER_MS).await,
            None => Ok(()),
        }
    }

    /// Frames that were sent twice stay as evidence and are read by nobody.
    async fn keep_repeats(&self, batch: &Batch) -> Result<(), PollError> {
        if batch.repeat_count == 0 {
            return Ok(());
        }
        let session = format!("{}-repeats", batch.session);
        let payload = Payload { session: session.clone(), bytes: batch.repeats.clone(), ..payload_of(batch) };
        land(&*self.context.objects, raw_of(&payload)).await?;
        Ok(())
    }

    /// The session as it was before a batch, read again from what has landed.
    async fn rewind(&mut self, batch: &Batch) -> Result<(), PollError> {
        self.session = PollSession::default();
        let landing = land(&*self.context.objects, raw_of(&payload_of(batch))).await?;
        for key in session_keys(&*self.context.objects, &landing.object_key).await? {
            let Some(landed) = read_back(&*self.context.objects, &key).await? else { continue };
            if landed.label.index < batch.index {
                let payload = Payload {
                    index: landed.label.index,
                    received_at_ms: landed.label.received_at_ms,
                    bytes: landed.bytes,
                    ..payload_of(batch)
                };
                let parsed = replay_parse(&mut self.session, &payload);
                self.session.resume(&parsed.events, self.context.lanes);
            }
        }
        Ok(())
    }
}

fn payload_of(batch: &Batch) -> Payload {
    Payload {
        source: Source::Finnhub,
        origin: batch.session.clone(),
        session: batch.session.clone(),
        index: batch.index,
        received_at_ms: Some(batch.received_at_ms),
        shift_ms: 0,
        exchange: None,
        bytes: batch.bytes.clone(),
    }
}

fn raw_of(payload: &Payload) -> RawPayload<'_> {
    RawPayload {
        source: payload.source.as_str(),
        origin: &payload.origin,
        session: &payload.session,
        index: payload.index,
        received_at_ms: payload.received_at_ms,
        shift_ms: payload.shift_ms,
        exchange: payload.exchange.as_ref(),
        bytes: &payload.bytes,
    }
}

/// One session into a state folder.
pub async fn listen(state: &State, tokens: Vec<String>, request: &ListenRequest) -> anyhow::Result<Listened> {
    let context = ListenContext {
        store: state.store.clone(),
        tokens,
        now_ms: Arc::new(touchline_runtime::now_ms),
        random: Arc::new(touchline_runtime::random_number),
        pace: Pace::DEFAULT,
    };
    let road = poll_context(state);
    let mut intake = Intake::new(&road);
    let listened = handle(&context, request, async |batch: &Batch| intake.take(batch).await).await?;
    intake.end().await?;
    Ok(listened)
}

/// `touchline listen`.
pub async fn run(args: &ListenArgs) -> anyhow::Result<ExitCode> {
    let tokens = tokens(args)?;
    let length_ms = i64::try_from(args.length.as_millis()).unwrap_or(i64::MAX);
    let request = ListenRequest { address: args.address.clone(), symbols: args.symbols.clone(), length_ms };
    let state = Arc::new(State::create(&args.state.state, None).await?);
    let live = LiveHub::new(LIVE_CHANGES);
    let server = match args.port {
        Some(port) => Some(Server::start(&state, live.clone(), ReplayClock::default(), Clock::WALL, port).await?),
        None => None,
    };
    let pipeline = Pipeline::new(state.clone(), WindowPolicy::DEFAULT, live);
    let consumers = tokio::spawn(Arc::clone(&pipeline).run());
    let listened = tokio::select! {
        listened = listen(&state, tokens, &request) => Some(listened),
        interrupted = tokio::signal::ctrl_c() => { interrupted?; None }
    };
    pipeline.stop();
    consumers.await??;
    pipeline.settle().await?;
    if let Some(server) = server {
        server.close();
    }
    match listened.transpose()? {
        Some(listened) => println!("{}", serde_json::to_string(&listened)?),
        None => eprintln!("interrupted; what was handed on is in"),
    }
    audit::report(&state).await
}

fn tokens(args: &ListenArgs) -> anyhow::Result<Vec<String>> {
    let Some(path) = &args.keys else {
        if args.address.starts_with("ws://127.0.0.1:") {
            return Ok(vec![ANY_KEY.to_owned()]);
        }
        bail!("--keys is missing; name a file with the vendor's keys, one a line");
    };
    let text = String::from_utf8(files::read(path, KEY_FILE_BYTES_MAX)?)
        .with_context(|| format!("--keys {} is no text", path.display()))?;
    let tokens: Vec<String> = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    if tokens.is_empty() {
        bail!("--keys {} holds no key; write one a line", path.display());
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};
    use std::time::Duration;

    use touchline_event::{Sequence, ShardId, parse_utc_ms};
    use touchline_listen::ListenError;
    use touchline_metric::Family;
    use touchline_simulate::{FaultPlan, Settings, Simulator};
    use touchline_store::panes;
    use touchline_stream::{OutRecord, Publish, StreamError};

    use super::*;

    const STARTS: &str = "2026-07-04T17:00:00Z";
    const SYMBOLS: [&str; 3] = ["AIG", "BAC", "SPY"];
    const STEP_MS: i64 = 5_000;
    /// A session's clock jumps by this to its end.
    const TO_THE_END_MS: i64 = 20 * 60_000;

    /// A simulated vendor, a state folder, and sessions that share both.
    struct World {
        simulator: Arc<Simulator>,
        _server: touchline_simulate::Server,
        address: String,
        state: Arc<State>,
        _folder: tempfile::TempDir,
        ahead_ms: Arc<AtomicI64>,
    }

    type Session = tokio::task::JoinHandle<Result<Listened, ListenError>>;

    impl World {
        async fn new(faults: &str) -> Self {
            let faults = FaultPlan::new(11, faults.parse().unwrap());
            let clock = touchline_simulate::Clock::held(parse_utc_ms(STARTS).unwrap());
            let simulator = Arc::new(Simulator::new(clock, Settings { faults, ..Settings::default() }).unwrap());
            let server = touchline_simulate::Server::start(simulator.clone(), 0).await.unwrap();
            let folder = tempfile::tempdir().unwrap();
            let state = Arc::new(State::create(folder.path(), None).await.unwrap());
            let address = server.websocket();
            Self { simulator, _server: server, address, state, _folder: folder, ahead_ms: Arc::default() }
        }

        /// A session in a process of its own: its own producer, its own memory; only store, stream and objects are shared.
        fn start(&self) -> Session {
            let (stopwatch, ahead_ms) = (touchline_runtime::Stopwatch::start(), self.ahead_ms.clone());
            let starts_ms = parse_utc_ms(STARTS).unwrap();
            let now_ms = move || starts_ms + stopwatch.elapsed().as_millis() as i64 + ahead_ms.load(Ordering::Relaxed);
            let pace = Pace {
                batch_ms: 20,
                renew_ms: 20,
                handover_ms: TO_THE_END_MS,
                overlap_ms: TO_THE_END_MS,
                backoff_ms: 5,
                backoff_ms_max: 20,
                ..Pace::DEFAULT
            };
            let context = ListenContext {
                store: self.state.store.clone(),
                tokens: vec!["one".into(), "two".into()],
                now_ms: Arc::new(now_ms),
                random: Arc::new(touchline_runtime::random_number),
                pace,
            };
            let symbols = SYMBOLS.map(str::to_owned).to_vec();
            let request = ListenRequest { address: self.address.clone(), symbols, length_ms: 10 * 60_000 };
            let road = poll_context(&self.state);
            tokio::task::spawn_local(async move {
                let mut intake = Intake::new(&road);
                let listened = handle(&context, &request, async |batch: &Batch| intake.take(batch).await).await?;
                intake.end().await.unwrap();
                Ok(listened)
            })
        }

        /// Waits until so many sessions are subscribed and have been sent everything up to now.
        async fn settled(&self, sessions: usize) {
            for _ in 0..30_000 {
                let now_ms = self.simulator.clock.moment().now_ms;
                let listeners = self.simulator.listeners();
                let is_told = |one: &touchline_simulate::Listener| {
                    one.symbol_count == SYMBOLS.len() && one.told_until_ms >= now_ms
                };
                if listeners.len() == sessions && listeners.iter().all(is_told) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            panic!("{sessions} sessions are not settled: {:?}", self.simulator.listeners());
        }

        async fn play(&self, sessions: usize, seconds: i64) {
            for _ in 0..seconds * 1_000 / STEP_MS {
                self.settled(sessions).await;
                self.simulator.clock.advance(STEP_MS);
            }
            self.settled(sessions).await;
        }

        /// Ends sessions by their own clock, and the pipeline behind them.
        async fn end(&self, sessions: Vec<Session>) -> Vec<Listened> {
            // What was sent last is on its way.
            tokio::time::sleep(Duration::from_millis(200)).await;
            self.ahead_ms.store(TO_THE_END_MS, Ordering::Relaxed);
            let mut listened = Vec::new();
            for session in sessions {
                listened.push(session.await.unwrap().unwrap());
            }
            Pipeline::new(self.state.clone(), WindowPolicy::DEFAULT, LiveHub::new(1)).settle().await.unwrap();
            listened
        }

        async fn windows(&self) -> Vec<(String, i64, touchline_metric::FamilyState, u64)> {
            let mut windows = Vec::new();
            for symbol in SYMBOLS {
                let entity = format!("finnhub:{symbol}");
                let pane_ms = WindowPolicy::DEFAULT.pane_ms;
                let panes =
                    panes::read(&*self.state.store, Family::Trades, &entity, pane_ms, None, None).await.unwrap();
                windows.extend(
                    panes.into_iter().map(|pane| (entity.clone(), pane.start_ms, pane.state, pane.applied_count)),
                );
            }
            windows
        }
    }

    /// Prints of the recording in the first seconds after the start, counted from its bytes.
    fn recorded_prints(seconds: i64) -> u64 {
        let recordings = touchline_simulate::bundled().unwrap();
        let trades = recordings.iter().find(|recording| recording.source == "finnhub").unwrap();
        let until_ms = parse_utc_ms(STARTS).unwrap() + seconds * 1_000;
        let lines = std::str::from_utf8(&trades.bytes).unwrap().lines();
        let times = lines.map(|line| {
            let message: serde_json::Value = serde_json::from_str(line).unwrap();
            message["data"].as_array().unwrap().iter().map(|print| print["t"].as_i64().unwrap()).collect::<Vec<_>>()
        });
        let in_time = times.filter(|times| times.iter().max().unwrap() + trades.shift_ms <= until_ms);
        in_time.map(|times| times.len() as u64).sum()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn overlaps_a_crash_disconnects_and_repeats_leave_the_windows_of_a_clean_session() {
        let tasks = tokio::task::LocalSet::new();
        tasks
            .run_until(async {
                let clean = World::new("").await;
                let only = clean.start();
                clean.play(1, 240).await;
                clean.end(vec![only]).await;
                let expected = clean.windows().await;
                assert_eq!(expected.iter().map(|window| window.3).sum::<u64>(), recorded_prints(240));

                let world = World::new("duplicate=0.2,html=0.01,slow=0.02").await;
                let first = world.start();
                world.settled(1).await;
                let second = world.start();
                world.play(2, 80).await;
                first.abort();
                world.settled(1).await;
                let third = world.start();
                world.play(2, 80).await;
                second.abort();
                world.settled(1).await;
                let fourth = world.start();
                world.play(2, 80).await;
                let listened = world.end(vec![third, fourth]).await;
                assert!(listened.iter().any(|one| one.connections > 1), "nobody was disconnected: {listened:?}");
                assert!(listened.iter().all(|one| one.repeats > 0), "{listened:?}");
                assert_eq!(listened.iter().map(|one| one.term).collect::<Vec<_>>(), [Some(2), Some(3)]);
                let windows = world.windows().await;
                for (window, expected) in windows.iter().zip(&expected) {
                    assert_eq!(window, expected);
                }
                assert_eq!(windows.len(), expected.len());
                assert_eq!(audit::report(&world.state).await.unwrap(), ExitCode::SUCCESS);
            })
            .await;
    }

    /// Takes everything, and says that it did not as long as it lies.
    struct Liar {
        log: touchline_stream::EmbeddedLog,
        lies: std::sync::atomic::AtomicBool,
    }

    #[async_trait::async_trait]
    impl Publish for Liar {
        async fn publish(&self, records: Vec<OutRecord>) -> Vec<Result<(ShardId, Sequence), StreamError>> {
            let outcomes = self.log.publish(records).await;
            if !self.lies.load(Ordering::Relaxed) {
                return outcomes;
            }
            outcomes.into_iter().map(|_| Err(StreamError::Unknown("lost".to_owned()))).collect()
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_batch_given_again_after_an_error_keeps_its_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let state = Arc::new(State::create(folder.path(), None).await.unwrap());
        let liar = Arc::new(Liar { log: state.log.clone(), lies: false.into() });
        let context = PollContext { stream: liar.clone(), ..poll_context(&state) };
        let mut intake = Intake::new(&context);
        let batch = |index: u64| Batch {
            session: "finnhub-0-0".into(),
            index,
            received_at_ms: 1_783_184_400_000,
            bytes: br#"{"data":[{"p":1,"s":"A","t":1783184400000,"v":1}],"type":"trade"}"#.to_vec(),
            repeats: Vec::new(),
            frame_count: 1,
            repeat_count: 0,
        };
        intake.take(&batch(0)).await.unwrap();
        liar.lies.store(true, Ordering::Relaxed);
        assert!(intake.take(&batch(1)).await.is_err());
        liar.lies.store(false, Ordering::Relaxed);
        intake.take(&batch(1)).await.unwrap();
        intake.take(&batch(2)).await.unwrap();
        Pipeline::new(state.clone(), WindowPolicy::DEFAULT, LiveHub::new(1)).settle().await.unwrap();
        let pane_ms = WindowPolicy::DEFAULT.pane_ms;
        let panes = panes::read(&*state.store, Family::Trades, "finnhub:A", pane_ms, None, None).await.unwrap();
        assert_eq!(
            panes.iter().map(|pane| pane.applied_count).sum::<u64>(),
            3,
            "three identical prints, one of them told twice"
        );
    }
}
