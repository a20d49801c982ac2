//! `/v1/proof`: what producers vouched for against what was counted, per source, lane and minute, while it happens.
//! PRFA-1 (PRF-3): a lane is not ok only where a producer vouched for something that is not there; what nobody vouched
//! for yet is told apart.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde::Serialize;
use touchline_event::format_utc_ms;
use touchline_store::proofs;
use touchline_window::{Finding, LaneProof};
use utoipa::ToSchema;

use crate::ApiContext;
use crate::page::{Page, paged};
use crate::problem::Problem;
use crate::query::Query;

/// The proof of one lane of one source.
#[derive(Debug, Serialize, ToSchema)]
pub struct LaneProofView {
    pub source: String,
    pub lane: u16,
    /// Nothing that was vouched for is missing or too much.
    pub audit_ok: bool,
    /// Events proven so far.
    pub proven_event_count: u64,
    /// Events counted before their producer's heartbeat, or of one that died before it.
    pub unvouched_event_count: u64,
    /// The last minutes of event time with something to prove, earliest first.
    pub minutes: Vec<ProvenMinute>,
    pub findings: Vec<FindingView>,
}

/// One minute of a lane.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProvenMinute {
    pub start_at: String,
    pub audit_ok: bool,
    pub proven_event_count: u64,
}

/// A beat of a producer that is not what it said.
#[derive(Debug, Serialize, ToSchema)]
pub struct FindingView {
    /// Minute that the heartbeat vouched up to.
    pub minute_at: String,
    /// 16 hex digits, drawn by chance at the producer's start.
    pub producer: String,
    pub beat: u32,
    pub claimed_frames: u32,
    pub counted_frames: u32,
    pub claimed_events: u64,
    pub counted_events: u64,
}

#[utoipa::path(
    get, path = "/v1/proof", tag = "operations",
    params(
        ("source" = Option<String>, Query, description = "One vendor"),
        ("limit" = Option<u32>, Query, description = "Rows of a page, 1 to 1000; 100 where not given"),
        ("next" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, description = "Lanes by vendor and number", body = Page<LaneProofView>),
        (status = 400, description = "A parameter is wrong", content_type = "application/problem+json", body = Problem),
        (status = 503, description = "The store does not answer", content_type = "application/problem+json", body = Problem),
    )
)]
/// The live proof, lane by lane.
pub async fn proof(State(context): State<ApiContext>, uri: Uri) -> Result<Json<Page<LaneProofView>>, Problem> {
    let query = Query::read(&uri, &["source", "limit", "next"])?;
    query.limit()?;
    let wanted = query.text("source");
    let mut rows = Vec::new();
    for source in (context.accounting)().await?.into_keys() {
        if wanted.is_some_and(|wanted| wanted != source) {
            continue;
        }
        let lanes = proofs::read(context.store.as_ref(), &source).await?;
        rows.extend(lanes.into_iter().map(|(lane, proof)| view(&source, lane, &proof)));
    }
    Ok(Json(paged(rows, &query, |row: &LaneProofView| format!("{}-{}", row.source, row.lane))?))
}

fn view(source: &str, lane: u16, proof: &LaneProof) -> LaneProofView {
    let findings = proof.findings();
    LaneProofView {
        source: source.to_owned(),
        lane,
        audit_ok: proof.is_ok(),
        proven_event_count: proof.proven_count(),
        unvouched_event_count: proof.unvouched(),
        minutes: minutes(proof, &findings),
        findings: findings.iter().map(finding).collect(),
    }
}

fn minutes(proof: &LaneProof, findings: &[Finding]) -> Vec<ProvenMinute> {
    let mut starts: std::collections::BTreeMap<i64, (bool, u64)> =
        proof.proven().iter().map(|(start_ms, count)| (*start_ms, (true, *count))).collect();
    for finding in findings {
        starts.entry(finding.minute_ms).or_default().0 = false;
    }
    let minute = |(start_ms, (audit_ok, proven_event_count))| ProvenMinute {
        start_at: format_utc_ms(start_ms),
        audit_ok,
        proven_event_count,
    };
    starts.into_iter().map(minute).collect()
}

fn finding(finding: &Finding) -> FindingView {
    FindingView {
        minute_at: format_utc_ms(finding.minute_ms),
        producer: format!("{:016x}", finding.producer),
        beat: finding.beat,
        claimed_frames: finding.claimed_frames,
        counted_frames: finding.counted_frames,
        claimed_events: finding.claimed_events,
        counted_events: finding.counted_events,
    }
}
