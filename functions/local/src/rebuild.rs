//! `touchline rebuild`: the rebuild door over a state folder, then finalisation and commit, then the accounts.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;

use anyhow::bail;
use touchline_event::{Event, format_utc_ms, parse_utc_ms};
use touchline_metric::{Admission, Family, admit_on_own_lane};
use touchline_rebuild::{Change, RebuildContext, RebuildRequest, RebuiltPane, handle};
use touchline_store::{LateLedger, late};
use touchline_window::WindowPolicy;

use crate::cli::RebuildArgs;
use crate::pipeline::{Pipeline, sources};
use crate::state::{LANES, State};
use crate::{audit, progress};

const POLICY: WindowPolicy = WindowPolicy::DEFAULT;

/// `FAMILY/ENTITY/START`, or without the start.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PaneName {
    family: Family,
    entity: String,
    start_ms: Option<i64>,
}

impl FromStr for PaneName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const REMEDY: &str = "write FAMILY/ENTITY/START, such as trades/finnhub:AAPL/2026-11-20T19:30:00Z";
        let (family, rest) = text.split_once('/').ok_or_else(|| format!("{text} names no pane; {REMEDY}"))?;
        let family = Family::from_name(family)
            .ok_or_else(|| format!("{family} is no family; use one of trades, odds, scores, tally"))?;
        // A start is the last part that reads as a time; vendors may have slashes in their names.
        let (entity, start_ms) = match rest.rsplit_once('/') {
            Some((entity, start)) if start.starts_with(|first: char| first.is_ascii_digit()) && start.contains('T') => {
                (entity, Some(parse_utc_ms(start).ok_or_else(|| format!("{start} is no UTC time; {REMEDY}"))?))
            }
            _ => (rest, None),
        };
        Ok(Self { family, entity: entity.to_owned(), start_ms })
    }
}

/// `touchline rebuild`.
pub async fn run(args: &RebuildArgs) -> anyhow::Result<ExitCode> {
    let state = Arc::new(State::open(&args.state.state).await?);
    let pipeline = Pipeline::new(state.clone(), POLICY, touchline_api::LiveHub::new(1));
    // The lake must hold what the panes counted.
    pipeline.clone().settle().await?;
    let requests = requests(args, &state).await?;
    let context = RebuildContext { store: state.store.clone(), lake: state.lake.clone(), policy: POLICY, lanes: LANES };
    let bar = progress::steps(requests.len() as u64, "rebuild");
    let mut rebuilt = Vec::new();
    for request in &requests {
        rebuilt.extend(handle(&context, request).await?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    for pane in &rebuilt {
        println!("{}", told(pane));
    }
    if rebuilt.is_empty() {
        println!("neither the lake nor the after-seal ledger holds an event of these panes");
    }
    pipeline.settle().await?;
    let audited = audit::report(&state).await?;
    let is_lacking = rebuilt.iter().any(|pane| matches!(pane.change, Change::Lacking { .. }));
    Ok(if is_lacking { ExitCode::FAILURE } else { audited })
}

async fn requests(args: &RebuildArgs, state: &State) -> anyhow::Result<Vec<RebuildRequest>> {
    let mut names: BTreeSet<PaneName> = args.pane.iter().cloned().collect();
    if args.after_seal {
        names.extend(after_seal(state).await?);
    }
    let at_ms = touchline_runtime::now_ms();
    let mut requests = Vec::with_capacity(names.len());
    for PaneName { family, entity, start_ms } in names {
        let (from_ms, to_ms) = match (start_ms, args.from, args.to) {
            (Some(start_ms), _, _) => (start_ms, start_ms.saturating_add(1)),
            (None, Some(from_ms), Some(to_ms)) => (from_ms, to_ms),
            _ => bail!("--pane {}/{entity} names no start; add /START, or give --from and --to", family.as_str()),
        };
        requests.push(RebuildRequest { family, entity, from_ms, to_ms, at_ms });
    }
    Ok(requests)
}

/// Panes that have entries in the after-seal ledger.
async fn after_seal(state: &State) -> anyhow::Result<Vec<PaneName>> {
    let mut names = Vec::new();
    for source in sources() {
        for (_, entry) in late::list(&*state.store, &source).await? {
            let event: Option<Event> = serde_json::from_str(&entry.event_json).ok();
            let Some(event) = event.filter(|_| entry.ledger == LateLedger::AfterSeal) else { continue };
            if let Admission::Pane(family, key) = admit_on_own_lane(&event, LANES, &POLICY) {
                names.push(PaneName { family, entity: key.entity, start_ms: Some(key.start_ms) });
            }
        }
    }
    Ok(names)
}

fn told(pane: &RebuiltPane) -> String {
    let name = format!("{}/{}/{}", pane.family.as_str(), pane.entity, format_utc_ms(pane.start_ms));
    let what = match pane.change {
        Change::Unchanged => "unchanged".to_owned(),
        Change::Recounted => "figures unchanged, duplicates counted anew".to_owned(),
        Change::Revised { revision, applied_before, applied } => {
            format!("revision {revision}: {applied} events instead of {applied_before}")
        }
        Change::Restored { revision, applied } => format!("restored with {applied} events, revision {revision}"),
        Change::Lacking { applied_before, applied } => {
            format!(
                "LEFT ALONE: it counted {applied_before} events, the lake holds {applied} of them; is the lake whole?"
            )
        }
    };
    match pane.settled_count {
        0 => format!("{name}: {what}"),
        settled => format!("{name}: {what}; {settled} after-seal entries settled"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pane_is_named_with_and_without_its_start_and_an_entity_may_hold_slashes() {
        let name: PaneName = "odds/x:a/b|h2h/2023-10-29T17:00:00Z".parse().unwrap();
        assert_eq!((name.entity.as_str(), name.start_ms), ("x:a/b|h2h", Some(1_698_598_800_000)));
        let name: PaneName = "trades/finnhub:AAPL".parse().unwrap();
        assert_eq!((name.family, name.start_ms), (Family::Trades, None));
        for (text, part) in
            [("finnhub:AAPL", "FAMILY/ENTITY/START"), ("bars/x:y", "trades, odds"), ("trades/x:y/2023T", "UTC")]
        {
            let error = text.parse::<PaneName>().unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
