//! Plays recordings into the poll door on one clock, at any speed, and takes up where a killed process left off.
//! REP-1: payloads go in by their arrival times over all recordings; idle stretches of the clock are skipped.
//! REP-2: progress is kept after a payload is in the stream; a payload that a crash repeats meets its own ids.
//! REP-3: heartbeats follow the clock, so that windows close by event time and never by ours.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use touchline_feed::Source;
use touchline_poll::{Ingested, PollContext, PollSession, ingest, replay_parse};
use touchline_store::progress;
use touchline_stream::FrameLimits;
use touchline_window::WindowPolicy;

use crate::cli::ReplayArgs;
use crate::pipeline::Pipeline;
use crate::recordings::{Recording, of_file};
use crate::state::{LANES, State};
use crate::{audit, normalize};

/// Event time between two rounds of heartbeats.
const BEAT_EVERY_MS: i64 = 60_000;
/// A stretch of the clock without arrivals is cut to this.
const MAX_IDLE_MS: i64 = 60_000;
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
    fn add(&mut self, ingested: Ingested) {
        self.payloads += 1;
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

/// Plays the recordings; `on_position` is told after every payload.
pub async fn play(
    state: &State,
    recordings: &[Recording],
    speed: Speed,
    on_position: &(dyn Fn(Position<'_>) + Send + Sync),
) -> anyhow::Result<Replayed> {
    let context = poll_context(state);
    let mut sessions: Vec<PollSession> =
        recordings.iter().map(|_| PollSession::new(touchline_runtime::random_number())).collect();
    let mut done = Vec::with_capacity(recordings.len());
    for recording in recordings {
        let is_again = progress::read(&*state.store, FINISHED, &recording.session).await? > 0;
        let count = progress::read(&*state.store, DONE_PAYLOADS, &recording.session).await?;
        // A finished recording played again is offered again: every event of it will be a duplicate, and counted as one.
        done.push(if is_again { 0 } else { count as usize });
    }
    let turns = turns(recordings);
    let mut replayed = Replayed::default();
    let mut clock = Clock::default();
    let mut last_beat_ms = i64::MIN;
    for (number, turn) in turns.iter().enumerate() {
        let recording = &recordings[turn.recording];
        let payload = &recording.arrivals[turn.index].payload;
        if turn.index < done[turn.recording] {
            let parsed = replay_parse(&mut sessions[turn.recording], payload)?;
            sessions[turn.recording].resume(&parsed.events, LANES);
            continue;
        }
        clock.wait_until(turn.at_ms, speed).await;
        replayed.add(ingest(&context, &mut sessions[turn.recording], payload).await?);
        let done_count = turn.index as u64 + 1;
        progress::raise(&*state.store, DONE_PAYLOADS, &recording.session, done_count).await?;
        if turn.at_ms.saturating_sub(last_beat_ms) >= BEAT_EVERY_MS {
            beat_all(&context, recordings, &mut sessions, turn.at_ms).await?;
            last_beat_ms = turn.at_ms;
        }
        on_position(Position { clock_ms: turn.at_ms, done: number + 1, total: turns.len(), title: &recording.title });
    }
    let last_ms = sessions.iter().filter_map(PollSession::max_event_ms).max();
    if let Some(last_ms) = last_ms {
        // The recordings are over: nothing earlier than this will come, so every window may close.
        let policy = WindowPolicy::DEFAULT;
        let close_ms = last_ms.max(turns.last().map_or(0, |turn| turn.at_ms)) + policy.pane_ms + policy.lateness_ms;
        beat_all(&context, recordings, &mut sessions, close_ms).await?;
    }
    for recording in recordings {
        progress::raise(&*state.store, FINISHED, &recording.session, 1).await?;
    }
    Ok(replayed)
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

/// Heartbeats of every vendor up to the clock.
async fn beat_all(
    context: &PollContext,
    recordings: &[Recording],
    sessions: &mut [PollSession],
    clock_ms: i64,
) -> anyhow::Result<()> {
    let mut by_source: BTreeMap<Source, Vec<usize>> = BTreeMap::new();
    for (number, recording) in recordings.iter().enumerate() {
        by_source.entry(recording.source).or_default().push(number);
    }
    for (source, numbers) in by_source {
        for number in numbers {
            sessions[number].beat(context, source, clock_ms).await?;
        }
    }
    Ok(())
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
    let state = Arc::new(State::create(&args.state.state).await?);
    let pipeline = Pipeline::new(state.clone(), WindowPolicy::DEFAULT, touchline_api::LiveHub::new(1));
    let consumers = tokio::spawn(Arc::clone(&pipeline).run());
    let total = recordings.iter().map(|recording| recording.arrivals.len() as u64).sum();
    let bar = crate::progress::steps(total, "replay");
    let stopwatch = touchline_runtime::Stopwatch::start();
    let replayed = play(&state, &recordings, args.speed, &|position| bar.set_position(position.done as u64)).await?;
    bar.finish_and_clear();
    pipeline.stop();
    consumers.await??;
    pipeline.settle().await?;
    let seconds = stopwatch.elapsed().as_secs_f64();
    eprintln!(
        "{} payloads, {} events, {} rejects, {} bytes in {seconds:.2} s, {:.0} events/s; nothing is waiting",
        replayed.payloads,
        replayed.events,
        replayed.rejects,
        replayed.bytes,
        replayed.events as f64 / seconds.max(1e-9),
    );
    audit::report(&state).await
}
