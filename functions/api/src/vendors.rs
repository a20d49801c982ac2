//! `/v1/vendors`: every page that is polled, with its breaker, the age of its last good answer, and what may still be spent.
//! VNDA-1: a vendor that does not answer is shown with the age of what is known, never hidden behind what it said last.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde::Serialize;
use touchline_store::{Breaker, BreakerPhase, CreditLedger, breakers, credits};
use utoipa::ToSchema;

use crate::ApiContext;
use crate::decimal::instant;
use crate::page::{Page, paged};
use crate::problem::Problem;
use crate::query::Query;

/// One polled page of a vendor.
#[derive(Debug, Serialize, ToSchema)]
pub struct VendorPage {
    pub source: String,
    /// Path and query, without the key.
    pub page: String,
    /// `closed`: polls go out; `open`: none does; `half_open`: one is out to see.
    pub breaker: &'static str,
    /// While it is open.
    pub breaker_until_at: Option<String>,
    /// In a row.
    pub failure_count: u32,
    pub last_success_at: Option<String>,
    pub last_success_age_ms: Option<i64>,
    pub last_failure_at: Option<String>,
    pub last_failure: Option<String>,
    /// The phases it entered, latest last.
    pub history: Vec<PhaseEntered>,
    /// Of the vendor, for all its pages; null where nothing is counted.
    pub credits: Option<Credits>,
}

/// A breaker's change of phase.
#[derive(Debug, Serialize, ToSchema)]
pub struct PhaseEntered {
    pub at: Option<String>,
    pub breaker: &'static str,
}

/// A vendor's budget.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Credits {
    pub limit: u64,
    /// `hour`, `day` or `month`, on UTC boundaries.
    pub period: &'static str,
    pub period_end_at: Option<String>,
    pub used: u64,
    /// The reserve included.
    pub left: u64,
    /// The least that was left in this period.
    pub lowest_left: Option<u64>,
    /// Kept for closing captures.
    pub reserve: u64,
    /// Used by the end of the period if it goes on like this; null while nobody can tell.
    pub forecast: Option<u64>,
    pub refused_count: u64,
    pub last_refusal: Option<String>,
    /// The vendor asked for a pause.
    pub paused_until_at: Option<String>,
    /// What somebody should know of.
    pub alarm: Option<String>,
}

#[utoipa::path(
    get, path = "/v1/vendors", tag = "operations",
    params(
        ("source" = Option<String>, Query, description = "One vendor"),
        ("limit" = Option<u32>, Query, description = "Rows of a page, 1 to 1000; 100 where not given"),
        ("next" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, description = "Polled pages by vendor and path", body = Page<VendorPage>),
        (status = 400, description = "A parameter is wrong", content_type = "application/problem+json", body = Problem),
        (status = 503, description = "The store does not answer", content_type = "application/problem+json", body = Problem),
    )
)]
/// What is polled, and how it fares.
pub async fn vendors(State(context): State<ApiContext>, uri: Uri) -> Result<Json<Page<VendorPage>>, Problem> {
    let query = Query::read(&uri, &["source", "limit", "next"])?;
    query.limit()?;
    let (wanted, now_ms) = (query.text("source"), (context.clock)());
    let ledgers: BTreeMap<String, CreditLedger> = credits::list(context.store.as_ref()).await?.into_iter().collect();
    let mut rows = Vec::new();
    for (source, page, breaker) in breakers::list(context.store.as_ref()).await? {
        if wanted.is_none_or(|wanted| wanted == source) {
            let credits = ledgers.get(&source).filter(|ledger| ledger.plan.credits > 0);
            rows.push(view(source, page, breaker, credits.map(|ledger| view_credits(ledger, now_ms)), now_ms));
        }
    }
    Ok(Json(paged(rows, &query, |row: &VendorPage| format!("{}|{}", row.source, row.page))?))
}

fn view(source: String, page: String, breaker: Breaker, credits: Option<Credits>, now_ms: i64) -> VendorPage {
    let until_ms = match breaker.phase {
        BreakerPhase::Open { until_ms } => Some(until_ms),
        BreakerPhase::Closed | BreakerPhase::HalfOpen { .. } => None,
    };
    let entered = |(at_ms, phase): (i64, BreakerPhase)| PhaseEntered { at: instant(at_ms), breaker: phase.as_str() };
    VendorPage {
        source,
        page,
        breaker: breaker.phase.as_str(),
        breaker_until_at: until_ms.and_then(instant),
        failure_count: breaker.failures,
        last_success_at: breaker.last_success_at_ms.and_then(instant),
        last_success_age_ms: breaker.last_success_at_ms.map(|at_ms| now_ms.saturating_sub(at_ms)),
        last_failure_at: breaker.last_failure_at_ms.and_then(instant),
        last_failure: breaker.last_failure,
        history: breaker.history.into_iter().map(entered).collect(),
        credits,
    }
}

fn view_credits(ledger: &CreditLedger, now_ms: i64) -> Credits {
    Credits {
        limit: ledger.plan.credits,
        period: ledger.plan.period.as_str(),
        period_end_at: instant(ledger.period_end_ms),
        used: ledger.used,
        left: ledger.left(),
        lowest_left: ledger.lowest_left,
        reserve: ledger.plan.reserve,
        forecast: ledger.forecast(now_ms),
        refused_count: ledger.refused_count,
        last_refusal: ledger.last_refusal.clone(),
        paused_until_at: Some(ledger.paused_until_ms).filter(|at_ms| *at_ms > now_ms).and_then(instant),
        alarm: ledger.alarm(now_ms),
    }
}
