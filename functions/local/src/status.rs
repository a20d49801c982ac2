//! `touchline status`: what a state folder holds and how far its consumers are.

use std::process::ExitCode;

use touchline_event::format_utc_ms;
use touchline_metric::Family;
use touchline_store::{
    BreakerPhase, LaneItem, PaneLayout, breakers, credits, directory, live_lane, progress, watermarks,
};

use crate::audit;
use crate::cli::StateArgs;
use crate::pipeline::sources;
use crate::state::{LANES, State};

/// `touchline status`.
pub async fn run(args: &StateArgs) -> anyhow::Result<ExitCode> {
    let state = State::open(&args.state).await?;
    println!("state folder   {}, panes by the {}", args.state.display(), state.layout.as_str());
    for (shard, head) in state.log.heads()? {
        let aggregated = progress::read(&*state.store, "aggregate", &shard.0).await?;
        let archived = progress::read(&*state.store, "archive", &shard.0).await?;
        println!("{shard}      {head} records, {aggregated} aggregated, {archived} archived");
    }
    for family in Family::ALL {
        println!("{:<14} {} entities", family.as_str(), directory::list(&*state.store, family).await?.len());
    }
    if state.layout == PaneLayout::Lane {
        println!("{:<14} {}", "lanes", open_parts(&state).await?);
    }
    for source in sources() {
        let marks = watermarks::read(&*state.store, &source).await?;
        if let Some(overall) = marks.overall() {
            let stuck = marks.stuck_lanes(10 * 60_000);
            let note = if stuck.is_empty() { String::new() } else { format!(", lanes behind: {stuck:?}") };
            println!("{source:<14} watermark {}{note}", format_utc_ms(overall));
        }
    }
    report_vendors(&state).await?;
    audit::report_proof(&state).await?;
    println!("waiting        {} records", audit::waiting_records(&state).await?);
    Ok(ExitCode::SUCCESS)
}

/// What the items of lanes hold, and how large the largest is: every write of that lane is as large.
async fn open_parts(state: &State) -> anyhow::Result<String> {
    let (mut part_count, mut plain_bytes, mut byte_count, mut largest) = (0, 0, 0, 0);
    for key in (0..LANES).map(live_lane) {
        let Some(item) = state.store.get(&key).await? else { continue };
        let parts = LaneItem::decode(&key, &item.value)?.entries;
        part_count += parts.len();
        plain_bytes += parts.values().map(|part| part.value.len()).sum::<usize>();
        byte_count += item.value.len();
        largest = largest.max(item.value.len());
    }
    Ok(format!("{part_count} open panes of {plain_bytes} bytes in {byte_count} bytes, the largest item {largest}"))
}

/// Prints the budgets and the breakers of what is polled.
async fn report_vendors(state: &State) -> anyhow::Result<()> {
    let now_ms = touchline_runtime::now_ms();
    for (source, ledger) in credits::list(&*state.store).await? {
        let plan = ledger.plan;
        if plan.credits > 0 {
            println!(
                "{source:<14} credits {} of {} left of this {}, {} kept for closing captures, never less than {} left, {} polls refused",
                ledger.left(),
                plan.credits,
                plan.period.as_str(),
                plan.reserve,
                ledger.lowest_left.unwrap_or(plan.credits),
                ledger.refused_count
            );
        }
        if let Some(alarm) = ledger.alarm(now_ms) {
            println!("{source:<14} ALARM {alarm}");
        }
    }
    for (source, page, breaker) in breakers::list(&*state.store).await? {
        let last = breaker.last_success_at_ms.map_or("never".to_owned(), format_utc_ms);
        let failure = breaker.last_failure.filter(|_| breaker.failures > 0);
        let failure = failure.map_or(String::new(), |message| format!(", {} failures: {message}", breaker.failures));
        println!("{source:<14} breaker {} {page}, last answer {last}{failure}", breaker.phase.as_str());
        let entered = |(at_ms, phase): &(i64, BreakerPhase)| format!("{} {}", format_utc_ms(*at_ms), phase.as_str());
        let history: Vec<String> = breaker.history.iter().map(entered).collect();
        if !history.is_empty() {
            println!("{:<14} {}", "", history.join(", "));
        }
    }
    Ok(())
}
