//! `touchline demo`: the bundled recordings through every door, with API and dashboard on this machine.
//! DEMO-1: killed at any moment and started again, it ends with the same windows.

use std::process::ExitCode;
use std::sync::{Arc, PoisonError};

use anyhow::Context as _;
use touchline_api::LiveHub;
use touchline_window::WindowPolicy;

use crate::cli::DemoArgs;
use crate::pipeline::Pipeline;
use crate::recordings::{Recording, bundled};
use crate::replay::{self, Replayed, Speed};
use crate::serve::{LIVE_CHANGES, ReplayClock, Server};
use crate::state::State;
use crate::{audit, query};

/// Serves, replays, and ends or goes on serving.
pub async fn run(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    let recordings = bundled()?;
    let state = Arc::new(State::create(&args.state.state, args.pane_layout).await?);
    let live = LiveHub::new(LIVE_CHANGES);
    let pipeline = Pipeline::new(state.clone(), WindowPolicy::DEFAULT, live.clone());
    let clock = ReplayClock::default();
    let server = Server::start(&state, live.clone(), clock.clone(), touchline_runtime::Clock::WALL, args.port).await?;

    let stopwatch = touchline_runtime::Stopwatch::start();
    let consumers = tokio::spawn(Arc::clone(&pipeline).run());
    let worked = play_through(&state, &recordings, args.speed, &clock).await;
    pipeline.stop();
    consumers.await.context("the consumers panicked")??;
    let replayed = worked?;
    pipeline.settle().await?;
    if replayed.payloads > 0 {
        eprintln!("{}", replayed.summary(stopwatch.elapsed()));
    }
    let transformed = query::transform_all(&state, &args.state.state).await?;
    finish(&clock, &live);
    if args.exit {
        server.close();
        let audited = audit::report(&state).await?;
        println!("{transformed}");
        return Ok(if transformed.is_success() { audited } else { ExitCode::FAILURE });
    }
    eprintln!("{transformed}\nthe recordings are over; the page stays up until Ctrl-C");
    tokio::signal::ctrl_c().await?;
    server.close();
    Ok(ExitCode::SUCCESS)
}

async fn play_through(
    state: &State,
    recordings: &[Recording],
    speed: Speed,
    clock: &ReplayClock,
) -> anyhow::Result<Replayed> {
    if replay::is_finished(state, recordings).await? {
        eprintln!("these recordings were replayed here before; name another --state folder to see them again");
        return Ok(Replayed::default());
    }
    replay::play_shown(state, recordings, speed, "match day", clock).await
}

fn finish(clock: &ReplayClock, live: &LiveHub) {
    if let Some(status) = clock.write().unwrap_or_else(PoisonError::into_inner).as_mut() {
        status.is_finished = true;
        status.progress = 1.0;
    }
    live.publish(touchline_api::LiveChange::Accounting);
}
