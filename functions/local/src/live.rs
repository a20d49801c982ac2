//! `touchline live`: vendors polled over HTTP into the same road as every recording, with API and page on this machine.
//! LIVE-1: what a poll costs, who may be asked and what of an answer is new is the poll door's business; nothing of it is here.
//! LIVE-2: killed and started again on the same folder it goes on where it was: no fact is told twice, none is left out.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, bail};
use serde::Deserialize;
use tokio::sync::watch;
use tokio::task::JoinSet;
use touchline_api::LiveHub;
use touchline_event::parse_utc_ms;
use touchline_poll::config::{self, SourcePlan, Surroundings};
use touchline_poll::{PollContext, PolledSource, Turn, poll_until};
use touchline_runtime::{Call, Clock, Outbound, OutboundLimits, Reach, Secret, Validators};
use touchline_store::credits;
use touchline_window::WindowPolicy;

use crate::audit;
use crate::cli::LiveArgs;
use crate::pipeline::Pipeline;
use crate::replay::poll_context;
use crate::serve::{LIVE_CHANGES, ReplayClock, Server};
use crate::state::State;

/// Where a configuration is looked for when none is named.
const DEFAULT_CONFIG: &str = "touchline.toml";
/// How often the budgets are looked at, by the clock of the polls.
const ALARM_EVERY_MS: i64 = 60_000;

/// What was polled in one run.
#[derive(Default)]
struct Counts {
    polls: AtomicU64,
    changes: AtomicU64,
    rejects: AtomicU64,
    failures: AtomicU64,
    refusals: AtomicU64,
}

/// `touchline live`.
pub async fn run(args: &LiveArgs) -> anyhow::Result<ExitCode> {
    let plans = plans(args)?;
    let clock = match &args.simulated {
        Some(address) => simulated_clock(address).await?,
        None => Clock::WALL,
    };
    let until_ms = args.r#for.map_or(i64::MAX, |length| clock.now_ms().saturating_add(length.as_millis() as i64));
    let state = Arc::new(State::create(&args.state.state, args.pane_layout).await?);
    let live = LiveHub::new(LIVE_CHANGES);
    let server = Server::start(&state, live.clone(), ReplayClock::default(), clock, args.port).await?;
    let pipeline = Pipeline::new(state.clone(), WindowPolicy::DEFAULT, live);
    let consumers = tokio::spawn(Arc::clone(&pipeline).run());
    let counts = Arc::new(Counts::default());
    let polled = poll_all(&state, plans, clock, until_ms, &counts).await;
    pipeline.stop();
    consumers.await.context("the consumers panicked")??;
    polled?;
    pipeline.settle().await?;
    server.close();
    eprintln!("{}", counts.summary());
    audit::report(&state).await
}

fn plans(args: &LiveArgs) -> anyhow::Result<Vec<SourcePlan>> {
    let simulation = args.simulated.as_deref();
    if let Some(sport) = &args.sport {
        return Ok(config::of_sport(sport, simulation)?);
    }
    let file = args.config.clone().unwrap_or_else(|| DEFAULT_CONFIG.into());
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(_) if args.config.is_none() => bail!(
            "nothing says what to poll; give --sport nfl (ESPN, needs no key), or --config with a copy of touchline.example.toml"
        ),
        Err(error) => bail!("--config {} cannot be read: {error}", file.display()),
    };
    let surroundings = Surroundings { keys: &Secret::from_environment, simulation };
    Ok(config::read(&text, &file.display().to_string(), &surroundings)?)
}

/// The simulator's own clock, so that both see one match day.
async fn simulated_clock(address: &str) -> anyhow::Result<Clock> {
    #[derive(Deserialize)]
    struct Status {
        now: String,
        speed: f64,
    }
    let outbound = Outbound::new(Reach::simulation(address)?, OutboundLimits::DEFAULT)?;
    let page = format!("{}/simulator/status", address.trim_end_matches('/'));
    let call = Call { address: &page, key: None, validators: Validators::default() };
    let answer = outbound.get(&call).await.context("--simulated; start one with `touchline simulate`")?;
    let status: Status =
        serde_json::from_slice(&answer.body).with_context(|| format!("{page} is no simulator's status"))?;
    let now_ms = parse_utc_ms(&status.now).with_context(|| format!("{page}: now {} is no UTC time", status.now))?;
    Ok(Clock::simulated(now_ms, status.speed))
}

/// Polls every source beside the others until the time is over, Ctrl-C, or the first trouble of our own.
async fn poll_all(
    state: &Arc<State>,
    plans: Vec<SourcePlan>,
    clock: Clock,
    until_ms: i64,
    counts: &Arc<Counts>,
) -> anyhow::Result<()> {
    let context = Arc::new(poll_context(state));
    let stop = watch::Sender::new(false);
    let mut tasks = JoinSet::new();
    for plan in plans {
        let source = PolledSource::new(plan, clock, OutboundLimits::DEFAULT)?;
        let (context, counts, stop) = (Arc::clone(&context), Arc::clone(counts), stop.subscribe());
        tasks.spawn(async move { poll_source(&context, &source, until_ms, stop, &counts).await });
    }
    let alarms = tokio::spawn(watch_budgets(Arc::clone(state), clock));
    let mut outcome = Ok(());
    loop {
        tokio::select! {
            ended = tasks.join_next() => match ended {
                None => break,
                Some(Ok(Ok(()))) => {}
                Some(failed) => {
                    stop.send_replace(true);
                    let failed = failed.context("a poller panicked").and_then(|ended| ended);
                    outcome = outcome.and(failed);
                }
            },
            interrupted = tokio::signal::ctrl_c() => {
                interrupted?;
                eprintln!("ending after the polls under way");
                stop.send_replace(true);
            }
        }
    }
    alarms.abort();
    outcome
}

async fn poll_source(
    context: &PollContext,
    source: &PolledSource,
    until_ms: i64,
    stop: watch::Receiver<bool>,
    counts: &Counts,
) -> anyhow::Result<()> {
    let name = source.name();
    let on_turn = |page: &str, turn: &Turn| {
        counts.note(turn);
        match turn {
            Turn::Changed { changes, rejects } => tracing::info!(vendor = name, page, changes, rejects, "changed"),
            Turn::Unchanged => tracing::debug!(vendor = name, page, "unchanged"),
            Turn::Refused { reason, .. } => tracing::warn!(vendor = name, page, reason, "not polled"),
            Turn::Failed { message } => tracing::warn!(vendor = name, page, message, "failed"),
        }
    };
    poll_until(context, source, until_ms, stop, &on_turn).await.with_context(|| format!("polling {name}"))
}

/// Says once what somebody should know of a budget, and again when it changes.
async fn watch_budgets(state: Arc<State>, clock: Clock) {
    let mut told: Vec<(String, String)> = Vec::new();
    loop {
        tokio::time::sleep(clock.our_time(ALARM_EVERY_MS)).await;
        for (source, ledger) in credits::list(&*state.store).await.unwrap_or_default() {
            let Some(alarm) = ledger.alarm(clock.now_ms()) else { continue };
            // The figures of a forecast move all the time; what kind of alarm it is does not.
            let kind = alarm.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
            if !told.contains(&(source.clone(), kind.clone())) {
                tracing::warn!(vendor = source, "credits: {alarm}");
                told.push((source, kind));
            }
        }
    }
}

impl Counts {
    fn note(&self, turn: &Turn) {
        let add = |counter: &AtomicU64, count: u64| {
            counter.fetch_add(count, Ordering::Relaxed);
        };
        match turn {
            Turn::Refused { .. } => return add(&self.refusals, 1),
            Turn::Failed { .. } => add(&self.failures, 1),
            Turn::Changed { changes, rejects } => {
                add(&self.changes, *changes);
                add(&self.rejects, *rejects);
            }
            Turn::Unchanged => {}
        }
        add(&self.polls, 1);
    }

    fn summary(&self) -> String {
        let [polls, changes, rejects, failures, refusals] =
            [&self.polls, &self.changes, &self.rejects, &self.failures, &self.refusals]
                .map(|counter| counter.load(Ordering::Relaxed));
        format!("{polls} polls, {changes} changes, {rejects} rejects, {failures} failed, {refusals} not sent")
    }
}
