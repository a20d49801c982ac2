//! Plays recordings into the poll door on one clock, at any speed, and takes up where a killed process left off.
//! REP-1: payloads go in by their arrival times over all recordings; idle stretches of the clock are skipped.
//! At full speed payloads go in by the handful; at any other, one by one as their time comes.
//! REP-2: progress is kept after a payload is in the stream; a payload that a crash repeats meets its own ids.
//! REP-3: heartbeats follow the clock, so that windows close by event time and never by ours.

use std::process::ExitCode;
use std::str::FromStr;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use touchline_api::{LiveHub, ReplayStatus};
use touchline_poll::{Delivery, Ingested, Payload, PollContext, PollSession, Producer, ingest, replay_parse};
use touchline_store::progress;
use touchline_stream::FrameLimits;
use touchline_window::WindowPolicy;

use crate::cli::ReplayArgs;
use crate::pipeline::Pipeline;
use crate::recordings::{Recording, of_file};
use crate::serve::{LIVE_CHANGES, ReplayClock, Server};
use crate::state::{LANES, State};
use crate::{audit, normalize};

/// Event time between two rounds of heartbeats.
const BEAT_EVERY_MS: i64 = 60_000;
/// A stretch of the clock without arrivals is cut to this.
const MAX_IDLE_MS: i64 = 60_000;
/// Payloads at full speed that go in together, and their bytes: few waits for the disk, and the consumers never idle long.
const MAX_TOGETHER: usize = 256;
const MAX_TOGETHER_BYTES: usize = 1 << 20;
/// Scopes of progress.
const DONE_PAYLOADS: &str = "replay";
const FINISHED: &str = "replay-finished";

/// Replayed seconds per second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    Max,
    Times(f64),
}

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse::<f64>() {
            _ if text == "max" => Ok(Self::Max),
            Ok(times) if times > 0.0 && times.is_finite() => Ok(Self::Times(times)),
            _ => Err(format!("{text} is no speed; give a number above 0, such as 60, or max")),
        }
    }
}

/// Where a replay stands.
#[derive(Debug, Clone, Copy)]
pub struct Position<'a> {
    pub clock_ms: i64,
    pub done: usize,
    pub total: usize,
    pub title: &'a str,
}

/// What a replay put in.
#[derive(Debug, Clone, Copy, Default)]
pub struct Replayed {
    pub payloads: u64,
    pub events: u64,
    pub rejects: u64,
    pub bytes: u64,
}

impl Replayed {
    /// The counts and the speed of a replay that took `time`, its last window and commit included.
    pub fn summary(&self, time: Duration) -> String {
        let seconds = time.as_secs_f64();
        let speed = self.events as f64 / seconds.max(1e-9);
        let Self { payloads, events, rejects, bytes } = self;
        format!(
            "{payloads} payloads, {events} events, {rejects} rejects, {bytes} bytes in {seconds:.2} s, {speed:.0} events/s"
        )
    }

    fn add(&mut self, ingested: Ingested) {
        self.payloads += ingested.payloads;
        self.events += ingested.events;
        self.rejects += ingested.rejects;
        self.bytes += ingested.bytes;
    }
}

/// The poll door over a state folder.
pub fn poll_context(state: &State) -> PollContext {
    PollContext {
        objects: state.objects.clone(),
        store: state.store.clone(),
        stream: Arc::new(state.log.clone()),
        producer: Producer::new(touchline_runtime::random_number()),
        lanes: LANES,
        frames: FrameLimits::DEFAULT,
    }
}

/// Whether every recording was replayed to its end before.
pub async fn is_finished(state: &State, recordings: &[Recording]) -> anyhow::Result<bool> {
    for recording in recordings {
        if progress::read(&*state.store, FINISHED, &recording.session).await? == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// One payload's turn.
struct Turn {
    at_ms: i64,
    recording: usize,
    index: usize,
}

/// Recordings on their way into the poll door.
struct Player<'a> {
    state: &'a State,
    context: PollContext,
    recordings: &'a [Recording],
    /// One for each recording.
    sessions: Vec<PollSession>,
    /// Turns that have come and are not yet in the stream.
    waiting: Vec<&'a Turn>,
    last_beat_ms: i64,
    replayed: Replayed,
}

/// Plays the recordings; `on_position` is told whenever payloads have gone in.
pub async fn play(
    state: &State,
    recordings: &[Recording],
    speed: Speed,
    on_position: &(dyn Fn(Position<'_>) + Send + Sync),
) -> anyhow::Result<Replayed> {
    let done = done_counts(state, recordings).await?;
    let turns = turns(recordings);
    let mut player = Player::new(state, recordings);
    let mut clock = Clock::default();
    for (number, turn) in turns.iter().enumerate() {
        if turn.index < done[turn.recording] {
            player.resume(turn)?;
            continue;
        }
        clock.wait_until(turn.at_ms, speed).await;
        player.waiting.push(turn);
        if speed == Speed::Max && !player.is_full() && number + 1 < turns.len() {
            continue;
        }
        player.go().await?;
        let title = &recordings[turn.recording].title;
        on_position(Position { clock_ms: turn.at_ms, done: number + 1, total: turns.len(), title });
    }
    player.end(turns.last().map_or(0, |turn| turn.at_ms)).await
}

/// [`play`] with a progress bar, and a page that is told where the replay stands.
pub async fn play_shown(
    state: &State,
    recordings: &[Recording],
    speed: Speed,
    bar_title: &'static str,
    clock: &ReplayClock,
) -> anyhow::Result<Replayed> {
    let total = recordings.iter().map(|recording| recording.arrivals.len() as u64).sum();
    let bar = crate::progress::steps(total, bar_title);
    let times = match speed {
        Speed::Max => 0.0,
        Speed::Times(times) => times,
    };
    let on_position = |position: Position<'_>| {
        bar.set_position(position.done as u64);
        let status = ReplayStatus {
            title: position.title.to_owned(),
            position_ms: position.clock_ms,
            progress: position.done as f64 / position.total.max(1) as f64,
            is_finished: false,
            speed: times,
        };
        *clock.write().unwrap_or_else(PoisonError::into_inner) = Some(status);
    };
    let replayed = play(state, recordings, speed, &on_position).await?;
    bar.finish_and_clear();
    Ok(replayed)
}

/// How many payloads of each recording an earlier process finished.
async fn done_counts(state: &State, recordings: &[Recording]) -> anyhow::Result<Vec<usize>> {
    let mut done = Vec::with_capacity(recordings.len());
    for recording in recordings {
        let is_again = progress::read(&*state.store, FINISHED, &recording.session).await? > 0;
        let count = progress::read(&*state.store, DONE_PAYLOADS, &recording.session).await?;
        // A finished recording played again is offered again: every event of it will be a duplicate, and counted as one.
        done.push(if is_again { 0 } else { count as usize });
    }
    Ok(done)
}

impl<'a> Player<'a> {
    fn new(state: &'a State, recordings: &'a [Recording]) -> Self {
        Self {
            state,
            context: poll_context(state),
            recordings,
            sessions: recordings.iter().map(|_| PollSession::default()).collect(),
            waiting: Vec::new(),
            last_beat_ms: i64::MIN,
            replayed: Replayed::default(),
        }
    }

    fn payload(&self, turn: &Turn) -> &'a Payload {
        &self.recordings[turn.recording].arrivals[turn.index].payload
    }

    /// Brings a session to where it was after a payload that an earlier process finished.
    fn resume(&mut self, turn: &Turn) -> anyhow::Result<()> {
        let payload = self.payload(turn);
        let session = &mut self.sessions[turn.recording];
        let parsed = replay_parse(session, payload);
        session.resume(&parsed.events, LANES);
        Ok(())
    }

    fn is_full(&self) -> bool {
        let bytes: usize = self.waiting.iter().map(|turn| self.payload(turn).bytes.len()).sum();
        self.waiting.len() >= MAX_TOGETHER || bytes >= MAX_TOGETHER_BYTES
    }

    /// Everything that waits, into the stream; then progress, then heartbeats where they are due.
    async fn go(&mut self) -> anyhow::Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        let Some(last) = waiting.last() else { return Ok(()) };
        let mut deliveries = Vec::new();
        let mut marks = Vec::new();
        for (number, session) in self.sessions.iter_mut().enumerate() {
            let turns: Vec<&&Turn> = waiting.iter().filter(|turn| turn.recording == number).collect();
            let Some(last) = turns.last() else { continue };
            let Recording { arrivals, session: name, .. } = &self.recordings[number];
            let payloads = turns.iter().map(|turn| &arrivals[turn.index].payload).collect();
            deliveries.push(Delivery { session, payloads });
            marks.push((name.as_str(), last.index as u64 + 1));
        }
        self.replayed.add(ingest(&self.context, deliveries).await?);
        progress::raise_all(&*self.state.store, DONE_PAYLOADS, &marks).await?;
        if last.at_ms.saturating_sub(self.last_beat_ms) >= BEAT_EVERY_MS {
            self.beat(last.at_ms).await?;
            self.last_beat_ms = last.at_ms;
        }
        Ok(())
    }

    /// Heartbeats of every vendor up to the clock.
    async fn beat(&mut self, clock_ms: i64) -> anyhow::Result<()> {
        for (recording, session) in self.recordings.iter().zip(&mut self.sessions) {
            session.beat(&self.context, recording.source, clock_ms).await?;
        }
        Ok(())
    }

    /// The recordings are over: nothing earlier than now will come, so every window may close.
    async fn end(mut self, clock_ms: i64) -> anyhow::Result<Replayed> {
        if let Some(last_ms) = self.sessions.iter().filter_map(PollSession::max_event_ms).max() {
            let policy = WindowPolicy::DEFAULT;
            self.beat(last_ms.max(clock_ms) + policy.pane_ms + policy.lateness_ms).await?;
        }
        let marks: Vec<_> = self.recordings.iter().map(|recording| (recording.session.as_str(), 1)).collect();
        progress::raise_all(&*self.state.store, FINISHED, &marks).await?;
        Ok(self.replayed)
    }
}

fn turns(recordings: &[Recording]) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    for (number, recording) in recordings.iter().enumerate() {
        turns.extend(recording.arrivals.iter().enumerate().map(|(index, arrival)| Turn {
            at_ms: arrival.at_ms,
            recording: number,
            index,
        }));
    }
    turns.sort_by_key(|turn| (turn.at_ms, turn.recording, turn.index));
    turns
}

/// The replay's clock against ours.
#[derive(Default)]
struct Clock {
    now_ms: Option<i64>,
}

impl Clock {
    async fn wait_until(&mut self, at_ms: i64, speed: Speed) {
        let idle_ms = self.now_ms.map_or(0, |now_ms| (at_ms - now_ms).clamp(0, MAX_IDLE_MS));
        self.now_ms = Some(at_ms);
        if let Speed::Times(times) = speed {
            tokio::time::sleep(Duration::from_secs_f64(idle_ms as f64 / 1000.0 / times)).await;
        }
    }
}

/// `touchline replay`.
pub async fn run(args: &ReplayArgs) -> anyhow::Result<ExitCode> {
    let source = normalize::source_of(&args.source)?;
    let mut recordings = Vec::with_capacity(args.files.len());
    for path in &args.files {
        recordings.push(of_file(path, source)?);
    }
    let state = Arc::new(State::create(&args.state.state, args.pane_layout).await?);
    let live = LiveHub::new(LIVE_CHANGES);
    let clock = ReplayClock::default();
    let server = match args.port {
        Some(port) => {
            Some(Server::start(&state, live.clone(), clock.clone(), touchline_runtime::Clock::WALL, port).await?)
        }
        None => None,
    };
    let pipeline = Pipeline::new(state.clone(), WindowPolicy::DEFAULT, live);
    let stopwatch = touchline_runtime::Stopwatch::start();
    let consumers = tokio::spawn(Arc::clone(&pipeline).run());
    let replayed = play_shown(&state, &recordings, args.speed, "replay", &clock).await;
    pipeline.stop();
    consumers.await??;
    let replayed = replayed?;
    pipeline.settle().await?;
    eprintln!("{}; nothing is waiting", replayed.summary(stopwatch.elapsed()));
    if let Some(server) = server {
        server.close();
    }
    audit::report(&state).await
}
