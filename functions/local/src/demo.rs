//! `touchline demo`: the bundled recordings through every door, with API and dashboard on this machine.
//! DEMO-1: killed at any moment and started again, it ends with the same windows.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::Context as _;
use futures::FutureExt as _;
use tokio::net::TcpListener;
use touchline_api::{ApiContext, LiveHub, ReplayStatus};
use touchline_window::WindowPolicy;

use crate::cli::DemoArgs;
use crate::pipeline::Pipeline;
use crate::recordings::{Recording, bundled};
use crate::replay::{self, Position, Speed};
use crate::state::State;
use crate::{audit, progress, query};

/// Changes that a reader of the live feed may be behind.
const LIVE_CHANGES: usize = 4096;

type Demo = Arc<RwLock<Option<ReplayStatus>>>;

/// Serves, replays, and ends or goes on serving.
pub async fn run(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    let recordings = bundled()?;
    let state = Arc::new(State::create(&args.state.state).await?);
    let live = LiveHub::new(LIVE_CHANGES);
    let pipeline = Pipeline::new(state.clone(), WindowPolicy::DEFAULT, live.clone());
    let demo: Demo = Arc::default();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!("port {} on 127.0.0.1 is taken; choose another with --port, or 0 for a free one", args.port)
    })?;
    println!("listening on http://{}", listener.local_addr()?);
    let router = touchline_api::router(api_context(&state, live.clone(), demo.clone()));
    let server = tokio::spawn(axum::serve(listener, router).into_future());

    let consumers = tokio::spawn(Arc::clone(&pipeline).run());
    let worked = play_through(&state, &recordings, args.speed, &demo).await;
    pipeline.stop();
    consumers.await.context("the consumers panicked")??;
    worked?;
    pipeline.settle().await?;
    let transformed = query::transform_all(&state, &args.state.state).await?;
    finish(&demo, &live);
    if args.exit {
        live.close();
        server.abort();
        let audited = audit::report(&state).await?;
        println!("{transformed}");
        return Ok(if transformed.is_success() { audited } else { ExitCode::FAILURE });
    }
    eprintln!("{transformed}\nthe recordings are over; the page stays up until Ctrl-C");
    tokio::signal::ctrl_c().await?;
    live.close();
    server.abort();
    Ok(ExitCode::SUCCESS)
}

async fn play_through(state: &State, recordings: &[Recording], speed: Speed, demo: &Demo) -> anyhow::Result<()> {
    if replay::is_finished(state, recordings).await? {
        eprintln!("these recordings were replayed here before; name another --state folder to see them again");
        return Ok(());
    }
    let total = recordings.iter().map(|recording| recording.arrivals.len() as u64).sum();
    let bar = progress::steps(total, "match day");
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
        *demo.write().unwrap_or_else(PoisonError::into_inner) = Some(status);
    };
    replay::play(state, recordings, speed, &on_position).await?;
    bar.finish_and_clear();
    Ok(())
}

fn finish(demo: &Demo, live: &LiveHub) {
    if let Some(status) = demo.write().unwrap_or_else(PoisonError::into_inner).as_mut() {
        status.is_finished = true;
        status.progress = 1.0;
    }
    live.publish(touchline_api::LiveChange::Accounting);
}

fn api_context(state: &Arc<State>, live: LiveHub, demo: Demo) -> ApiContext {
    let accounted = state.clone();
    let accounting: touchline_api::AccountingSource = Arc::new(move || {
        let state = accounted.clone();
        async move { audit::quick(&state).await }.boxed()
    });
    let clocked = demo.clone();
    // During a replay, "now" is the replay's: ages on the page are those of the match day.
    let clock = Arc::new(move || {
        let position = clocked.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(|status| status.position_ms);
        position.unwrap_or_else(touchline_runtime::now_ms)
    });
    ApiContext::new(state.store.clone(), live, accounting, WindowPolicy::DEFAULT.pane_ms, clock, demo)
}
