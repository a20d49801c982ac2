//! `touchline audit`: the accounting identity per source, the offered side counted anew from the log itself.
//! AUD-1 (P12): offered = applied + duplicate + rejected + quarantined + late + after-seal, or the exit code is not 0.
//! AUD-2 (PRF-3): what producers vouched for is what was counted, or the exit code is not 0.

use std::collections::BTreeMap;
use std::process::ExitCode;

use touchline_api::OfferedAccount;
use touchline_event::{Kind, Position, Sequence, ShardId, decode_frame, format_utc_ms};
use touchline_store::{QuarantineEntry, SourceAccount, StoreError, accounting, progress, proofs, quarantine};
use touchline_stream::{Consume, Record};
use touchline_window::LaneProof;

use crate::cli::StateArgs;
use crate::pipeline::sources;
use crate::state::State;

/// Records read from the log at once.
const PAGE_RECORDS: usize = 1000;
/// The source of what could not be read.
pub const UNKNOWN: &str = "unknown";

/// `touchline audit`.
pub async fn run(args: &StateArgs) -> anyhow::Result<ExitCode> {
    report(&State::open(&args.state).await?).await
}

/// Prints the accounts; failure when they do not add up.
pub async fn report(state: &State) -> anyhow::Result<ExitCode> {
    let counted = count_log(state).await?;
    let accounts = accounts(state, counted.clone()).await?;
    let mut is_good = true;
    println!(
        "{:<14} {:>10} {:>10} {:>10} {:>9} {:>12} {:>7} {:>10} {:>9}",
        "source", "offered", "applied", "duplicate", "rejected", "quarantined", "late", "after-seal", "redriven"
    );
    for (source, OfferedAccount { offered, account }) in &accounts {
        let SourceAccount { applied, duplicate, rejected, quarantined, late, after_seal, redriven, .. } = account;
        let verdict = if *offered == account.total() {
            "adds up".to_owned()
        } else {
            format!("DOES NOT ADD UP: {} unaccounted", *offered as i128 - i128::from(account.total()))
        };
        is_good &= *offered == account.total();
        println!(
            "{source:<14} {offered:>10} {applied:>10} {duplicate:>10} {rejected:>9} {quarantined:>12} {late:>7} {after_seal:>10} {redriven:>9}  {verdict}"
        );
    }
    let noted = state.log.offered()?;
    // What cannot be read is counted under another name than its producer's: no vendor may have more, and the sums agree.
    let has_more =
        |(source, count): (&String, &u64)| source != UNKNOWN && *count > noted.get(source).copied().unwrap_or(0);
    if counted.iter().any(has_more) || noted.values().sum::<u64>() != counted.values().sum::<u64>() {
        is_good = false;
        println!("the log's own counters say {noted:?}, its records hold {counted:?}");
    }
    is_good &= report_proof(state).await?;
    let waiting = waiting_records(state).await?;
    if waiting > 0 {
        println!(
            "{waiting} records are in the stream and not aggregated yet; run the same demo or replay again, it goes on where it stopped"
        );
    }
    if accounts.is_empty() {
        println!("nothing was offered yet");
    }
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints the live proof per source, and every beat that is not what its producer vouched for.
pub async fn report_proof(state: &State) -> anyhow::Result<bool> {
    let mut is_good = true;
    for source in sources() {
        let lanes = proofs::read(&*state.store, &source).await?;
        if lanes.is_empty() {
            continue;
        }
        let proven: u64 = lanes.values().map(LaneProof::proven_count).sum();
        let unvouched: u64 = lanes.values().map(LaneProof::unvouched).sum();
        let wrong = lanes.values().filter(|proof| !proof.is_ok()).count();
        is_good &= wrong == 0;
        let verdict = if wrong == 0 { "ok".to_owned() } else { format!("RED on {wrong} lanes") };
        println!(
            "{source:<14} proof {verdict}: {proven} events vouched for and counted on {} lanes, {unvouched} unvouched",
            lanes.len()
        );
        for (lane, proof) in &lanes {
            for finding in proof.findings() {
                println!(
                    "  lane {lane}, minute {}: producer {:016x} vouched for {} events in {} frames, {} in {} were counted",
                    format_utc_ms(finding.minute_ms),
                    finding.producer,
                    finding.claimed_events,
                    finding.claimed_frames,
                    finding.counted_events,
                    finding.counted_frames,
                );
            }
            if proof.dropped_findings() > 0 {
                println!("  lane {lane}: {} older findings are no longer told one by one", proof.dropped_findings());
            }
        }
    }
    Ok(is_good)
}

/// Offered by the log's counters, accounted by the items: what the page shows.
pub async fn quick(state: &State) -> Result<BTreeMap<String, OfferedAccount>, StoreError> {
    let offered = state.log.offered().map_err(|error| StoreError::Unavailable(error.to_string()))?;
    accounts(state, offered).await
}

async fn accounts(
    state: &State,
    published: BTreeMap<String, u64>,
) -> Result<BTreeMap<String, OfferedAccount>, StoreError> {
    let names = sources();
    let names: Vec<&str> = names.iter().map(String::as_str).chain([UNKNOWN]).collect();
    let mut accounts: BTreeMap<String, OfferedAccount> = BTreeMap::new();
    for (source, account) in accounting::read(&*state.store, &names).await? {
        accounts.insert(source, OfferedAccount { offered: account.rejected, account });
    }
    for (source, count) in published {
        accounts.entry(source).or_default().offered += count;
    }
    for account in accounts.values_mut() {
        account.offered = account.offered.saturating_sub(account.account.republished);
    }
    Ok(accounts)
}

/// Events per source, by decoding every record of the log. What the aggregation refused as nobody's is nobody's here
/// too, also when a later release can read it.
async fn count_log(state: &State) -> anyhow::Result<BTreeMap<String, u64>> {
    let nobodys: BTreeMap<String, QuarantineEntry> = quarantine::list(&*state.store, UNKNOWN)
        .await?
        .into_iter()
        .filter(|(_, entry)| entry.stage != "parse")
        .collect();
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for shard in state.log.shards().await? {
        let mut after: Option<Sequence> = None;
        loop {
            let records = state.log.read(&shard, after, PAGE_RECORDS).await?;
            let Some(last) = records.last() else { break };
            after = Some(last.sequence);
            for record in &records {
                count_record(&shard, record, &nobodys, &mut counts);
            }
        }
    }
    Ok(counts)
}

fn count_record(
    shard: &ShardId,
    record: &Record,
    nobodys: &BTreeMap<String, QuarantineEntry>,
    counts: &mut BTreeMap<String, u64>,
) {
    let refused = |sub: usize| {
        let position = Position { sequence: record.sequence, sub: sub as u32 };
        nobodys.get(&quarantine::stream_name(shard, position))
    };
    if let Some(frame) = refused(0).filter(|entry| entry.reason == "bad_frame") {
        *counts.entry(UNKNOWN.to_owned()).or_default() += frame.event_count;
        return;
    }
    let Ok(frame) = decode_frame(&record.bytes) else { return };
    for (sub, event) in frame.events.into_iter().enumerate() {
        match event {
            _ if refused(sub).is_some() => *counts.entry(UNKNOWN.to_owned()).or_default() += 1,
            Ok(event) if event.kind != Kind::Heartbeat => *counts.entry(event.source).or_default() += 1,
            _ => {}
        }
    }
}

/// Records behind the aggregation's checkpoint.
pub async fn waiting_records(state: &State) -> anyhow::Result<u64> {
    let mut waiting = 0;
    for (shard, head) in state.log.heads()? {
        let done = progress::read(&*state.store, "aggregate", &shard.0).await?;
        waiting += head.to_u64().unwrap_or(0).saturating_sub(done);
    }
    Ok(waiting)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use touchline_event::FrameStamp;
    use touchline_feed::Source;
    use touchline_poll::{Delivery, Payload, PollContext, PollSession, ingest};
    use touchline_stream::{FrameLimits, OutRecord, Publish, StreamError};
    use touchline_window::WindowPolicy;

    use super::*;
    use crate::pipeline::Pipeline;
    use crate::replay::poll_context;

    /// Says yes to every record and keeps the first stamped one for itself.
    struct Thief {
        log: touchline_stream::EmbeddedLog,
        stolen: Arc<Mutex<Option<OutRecord>>>,
    }

    #[async_trait::async_trait]
    impl Publish for Thief {
        async fn publish(&self, records: Vec<OutRecord>) -> Vec<Result<(ShardId, Sequence), StreamError>> {
            let mut outcomes = Vec::new();
            for record in records {
                let is_first = FrameStamp::of(&record.bytes).is_some() && self.stolen.lock().unwrap().is_none();
                outcomes.push(match is_first {
                    true => {
                        *self.stolen.lock().unwrap() = Some(record);
                        Ok((ShardId("nowhere".into()), Sequence::ZERO))
                    }
                    false => self.log.publish(vec![record]).await.remove(0),
                });
            }
            outcomes
        }
    }

    async fn settle(state: &Arc<State>) {
        Pipeline::new(state.clone(), WindowPolicy::DEFAULT, touchline_api::LiveHub::new(1)).settle().await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_record_that_never_reached_the_stream_fails_the_audit_until_it_does() {
        let folder = tempfile::tempdir().unwrap();
        let state = Arc::new(State::create(folder.path(), None).await.unwrap());
        let stolen: Arc<Mutex<Option<OutRecord>>> = Arc::default();
        let thief = Thief { log: state.log.clone(), stolen: Arc::clone(&stolen) };
        let context =
            PollContext { stream: Arc::new(thief), frames: FrameLimits { max_events: 1 }, ..poll_context(&state) };
        let mut session = PollSession::default();
        let print = |n: i64| format!("{{\"s\":\"A\",\"p\":1.5,\"v\":{n},\"t\":{}}}", 1_680_286_500_000 + n);
        let prints: Vec<String> = (1..6).map(print).collect();
        let payload = Payload {
            source: Source::Finnhub,
            origin: "t".into(),
            session: "t".into(),
            index: 0,
            received_at_ms: None,
            shift_ms: 0,
            exchange: None,
            bytes: format!("{{\"type\":\"trade\",\"data\":[{}]}}", prints.join(",")).into_bytes(),
        };
        ingest(&context, vec![Delivery { session: &mut session, payloads: vec![&payload] }]).await.unwrap();
        settle(&state).await;
        assert!(report_proof(&state).await.unwrap(), "before the heartbeat nobody has vouched for anything");
        session.beat(&context, Source::Finnhub, 1_680_286_590_000).await.unwrap();
        settle(&state).await;
        let lanes = proofs::read(&*state.store, "finnhub").await.unwrap();
        let findings: Vec<_> = lanes.values().flat_map(LaneProof::findings).collect();
        assert_eq!(findings.len(), 1);
        assert_eq!((findings[0].claimed_events, findings[0].counted_events), (5, 4));
        assert_eq!(format_utc_ms(findings[0].minute_ms), "2023-03-31T18:16:00.000Z");
        assert_eq!(report(&state).await.unwrap(), ExitCode::FAILURE);

        let record = stolen.lock().unwrap().clone().unwrap();
        assert!(state.log.publish(vec![record]).await.iter().all(Result::is_ok));
        settle(&state).await;
        assert_eq!(report(&state).await.unwrap(), ExitCode::SUCCESS);
    }
}
