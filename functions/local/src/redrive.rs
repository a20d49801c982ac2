//! `touchline redrive`: the redrive door over a state folder, then the consumers, then the accounts.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::bail;
use touchline_redrive::{RedriveContext, RedriveOutcome, RedriveRequest, handle};
use touchline_stream::FrameLimits;
use touchline_window::WindowPolicy;

use crate::audit::{self, UNKNOWN};
use crate::cli::RedriveArgs;
use crate::pipeline::{Pipeline, sources};
use crate::progress;
use crate::state::{LANES, State};

/// `touchline redrive`.
pub async fn run(args: &RedriveArgs) -> anyhow::Result<ExitCode> {
    let request = RedriveRequest {
        sources: chosen(&args.source)?,
        reason: args.reason.clone(),
        is_dry_run: args.dry_run,
        at_ms: touchline_runtime::now_ms(),
    };
    let state = Arc::new(State::open(&args.state.state).await?);
    let bar = progress::steps(0, "redrive");
    let show = |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    };
    let outcome = handle(&context(&state), &request, &show).await?;
    bar.finish_and_clear();
    print!("{}", told(&outcome, args.dry_run));
    if args.dry_run {
        return Ok(ExitCode::SUCCESS);
    }
    Pipeline::new(state.clone(), WindowPolicy::DEFAULT, touchline_api::LiveHub::new(1)).settle().await?;
    audit::report(&state).await
}

fn context(state: &State) -> RedriveContext {
    RedriveContext {
        store: state.store.clone(),
        objects: state.objects.clone(),
        stream: Arc::new(state.log.clone()),
        policy: WindowPolicy::DEFAULT,
        lanes: LANES,
        frames: FrameLimits::DEFAULT,
    }
}

fn chosen(wanted: &[String]) -> anyhow::Result<Vec<String>> {
    let known: Vec<String> = sources().into_iter().chain([UNKNOWN.to_owned()]).collect();
    if let Some(stranger) = wanted.iter().find(|source| !known.contains(source)) {
        bail!("--source {stranger} is unknown; use one of {}", known.join(", "));
    }
    Ok(if wanted.is_empty() { known } else { wanted.to_vec() })
}

/// The outcome as a table and a sentence.
fn told(outcome: &RedriveOutcome, is_dry_run: bool) -> String {
    let verb = if is_dry_run { "would be redriven" } else { "redriven" };
    let mut text = String::new();
    if !outcome.tallies.is_empty() {
        text.push_str(&format!("{:<14} {:<14} {:>7} {verb:>17} {:>13}\n", "source", "reason", "open", "still refused"));
    }
    for ((source, reason), tally) in &outcome.tallies {
        let refused = tally.open - tally.redriven;
        let why = tally.refusal.as_ref().map(|why| format!("  such as: {why}")).unwrap_or_default();
        text.push_str(&format!(
            "{source:<14} {reason:<14} {:>7} {:>17} {refused:>13}{why}\n",
            tally.open, tally.redriven
        ));
    }
    text.push_str(&match (outcome.redriven(), outcome.refused()) {
        (0, 0) => "nothing to redrive\n".to_owned(),
        (redriven, refused) => format!(
            "{redriven} entries {verb} with {} events under their own ids ({} more were counted before), {refused} stay\n",
            outcome.event_count, outcome.counted_count
        ),
    });
    text
}

#[cfg(test)]
mod tests {
    use touchline_event::{EventDraft, EventId, Lane, Trade, encode_frame};
    use touchline_store::SourceAccount;
    use touchline_stream::{OutRecord, Publish};
    use touchline_warehouse::Format;

    use super::*;
    use crate::cli::StateArgs;
    use crate::query;

    #[tokio::test(flavor = "multi_thread")]
    async fn what_was_forged_by_mistake_moves_from_quarantined_to_applied_and_the_lake_tells() {
        let folder = tempfile::tempdir().unwrap();
        let args = |dry_run| RedriveArgs {
            state: StateArgs { state: folder.path().to_owned() },
            source: Vec::new(),
            reason: Some("wrong_lane".into()),
            dry_run,
        };
        let account = async || {
            let state = State::open(folder.path()).await.unwrap();
            audit::quick(&state).await.unwrap()["finnhub"]
        };
        {
            let state = Arc::new(State::create(folder.path(), None).await.unwrap());
            let trade = Trade { price_e8: 1, volume_e8: 1, conditions: vec![], is_vwap_eligible: true };
            let mut draft = EventDraft::new("finnhub", 1_680_286_500_000, 1_680_286_500_000, trade);
            draft.symbol = Some("A".into());
            let event = draft.with_id(EventId(1));
            let lane = Lane((event.lane(LANES).0 + 1) % LANES);
            let bytes = encode_frame(&[event]).unwrap();
            let forged = OutRecord { lane, bytes, source: "finnhub".into(), event_count: 1 };
            assert!(state.log.publish(vec![forged]).await[0].is_ok());
            Pipeline::new(state, WindowPolicy::DEFAULT, touchline_api::LiveHub::new(1)).settle().await.unwrap();
        }
        let quarantined = SourceAccount { quarantined: 1, ..SourceAccount::default() };
        assert_eq!(account().await.account, quarantined);
        assert_eq!(run(&args(true)).await.unwrap(), ExitCode::SUCCESS);
        assert_eq!(account().await.account, quarantined, "a dry run changes nothing");
        for _ in 0..2 {
            assert_eq!(run(&args(false)).await.unwrap(), ExitCode::SUCCESS);
            let now = account().await;
            assert_eq!(now.account, SourceAccount { applied: 1, redriven: 1, republished: 1, ..Default::default() });
            assert_eq!(now.offered, 1);
        }
        let lake = State::open_lake(folder.path()).await.unwrap();
        let told =
            query::answer(&lake, "select source, reason, is_redriven from quarantine", Format::Csv).await.unwrap();
        assert_eq!(told, "source,reason,is_redriven\nfinnhub,wrong_lane,true\n");
    }

    #[test]
    fn a_stranger_among_the_sources_is_refused_with_the_list() {
        let error = chosen(&["finnhub".to_owned(), "fenhub".to_owned()]).unwrap_err().to_string();
        assert!(error.contains("fenhub") && error.contains("espn") && error.contains("unknown"), "{error}");
        assert_eq!(chosen(&["espn".to_owned()]).unwrap(), ["espn"]);
    }
}
