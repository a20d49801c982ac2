//! `touchline simulate`: recordings played as the vendors' own endpoints on this machine, until it is ended.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use touchline_event::{format_utc_ms, parse_utc_ms};
use touchline_simulate::{BetfairServer, Clock, FaultPlan, Server, Settings, Simulator, endpoints};

use crate::cli::SimulateArgs;

/// Where the match day's play begins: trades, a game of football and two exchange markets follow within the hour.
const MATCH_DAY_STARTS: &str = "2026-07-04T16:45:00Z";
/// Starts of games are given to the minute: what is told is moved by whole ones.
const MINUTE_MS: i64 = 60_000;

/// Lists what is played, or plays it.
pub async fn run(args: &SimulateArgs) -> anyhow::Result<ExitCode> {
    let from_ms = match args.from {
        Some(from_ms) => from_ms,
        None => parse_utc_ms(MATCH_DAY_STARTS).ok_or_else(|| anyhow!("the match day's start is no time"))?,
    };
    if args.list {
        list();
        return Ok(ExitCode::SUCCESS);
    }
    let now_ms = touchline_runtime::now_ms();
    let offset_ms = if args.as_recorded { 0 } else { (now_ms - from_ms).div_euclid(MINUTE_MS) * MINUTE_MS };
    let seed = args.seed.unwrap_or_else(touchline_runtime::random_number);
    let settings = Settings {
        faults: FaultPlan::new(seed, args.faults.clone().unwrap_or_default()),
        odds_credits: args.credits,
        ..Settings::default()
    };
    let clock = Clock::running(from_ms, args.speed, offset_ms);
    let simulator = Arc::new(Simulator::new(clock, settings)?);
    let server = Server::start(simulator.clone(), args.port)
        .await
        .with_context(|| format!("--port {} on 127.0.0.1 is taken; choose another, or 0 for a free one", args.port))?;
    let betfair_port = args.port.checked_add(1).filter(|_| args.port > 0).unwrap_or(0);
    let betfair = BetfairServer::start(simulator.clone(), betfair_port).await.with_context(|| {
        format!("port {betfair_port}, the one after --port, on 127.0.0.1 is taken; choose another --port, or 0 for free ones")
    })?;
    announce(&server, &betfair, &simulator, seed);
    let until = async {
        match args.length {
            Some(length) => tokio::time::sleep(length).await,
            None => std::future::pending::<()>().await,
        }
    };
    tokio::select! {
        ended = ended() => ended?,
        () = until => {}
    }
    println!("{}", serde_json::to_string(&simulator.status())?);
    Ok(ExitCode::SUCCESS)
}

/// Ctrl-C, or what a supervisor sends.
async fn ended() -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted?,
            _ = terminated.recv() => {}
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await?;
    Ok(())
}

fn announce(server: &Server, betfair: &BetfairServer, simulator: &Simulator, seed: u64) {
    println!("listening on http://{}", server.address);
    let mut vendors: Vec<&str> = endpoints().iter().map(|endpoint| endpoint.vendor).collect();
    vendors.dedup();
    for vendor in vendors {
        println!("  {vendor:<14} {}", server.base_of(vendor));
    }
    println!("  finnhub        {}", server.websocket());
    println!("  betfair        tcp://{}", betfair.address);
    let moment = simulator.clock.moment();
    println!("  status         http://{}/simulator/status", server.address);
    println!("told time {}, match day {}, seed {seed}", format_utc_ms(moment.told_ms()), format_utc_ms(moment.now_ms));
}

fn list() {
    println!(
        "tcp, the port after\n    Betfair's Exchange Stream: markets 1.200806927 from 16:45 and 1.206064380 from 17:30"
    );
    println!("ws /finnhub?token={{key}}\n    trades of AIG, BAC and SPY, 17:00 to 18:00 of the match day");
    for endpoint in endpoints() {
        println!("/{}{}\n    {}", endpoint.vendor, endpoint.path, endpoint.plays);
    }
}
