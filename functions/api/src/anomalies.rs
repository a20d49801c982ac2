//! `/v1/anomalies`: windows that stand out, with the reason in words.
//! ANOM-1: severity is comparable inside one kind: a ratio for volume, robust sigmas for price.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde::Serialize;
use touchline_event::format_utc_ms;
use touchline_metric::{Family, HISTORY_WINDOWS};
use touchline_store::{AnomalyEntry, anomalies as records};
use utoipa::ToSchema;

use crate::ApiContext;
use crate::decimal::{decimal, instant};
use crate::page::{Page, paged};
use crate::problem::Problem;
use crate::query::Query;

/// Entries looked through per family and window length.
const ENTRIES_MAX: usize = 20_000;
/// Window lengths that are judged.
const WINDOW_MINUTES: [i64; 5] = [1, 3, 5, 10, 20];

/// One unusual window.
#[derive(Debug, Serialize, ToSchema)]
pub struct AnomalyView {
    /// Stable: the same window judged again has the same id.
    pub id: String,
    pub family: String,
    pub source: String,
    pub entity: String,
    /// `volume_spike`, `price_jump`.
    pub kind: String,
    pub start_at: String,
    pub end_at: String,
    /// As of the data, not of a clock.
    pub detected_at: Option<String>,
    pub age_ms: i64,
    pub value: f64,
    pub expectation: f64,
    pub severity: f64,
    pub robust_z: Option<f64>,
    pub revision: u32,
    pub explanation: String,
}

#[utoipa::path(
    get, path = "/v1/anomalies", tag = "anomalies",
    params(
        ("from" = Option<String>, Query, description = "Earliest window start, RFC 3339 or UTC ms; at most 31 days before `to`"),
        ("to" = Option<String>, Query, description = "Window starts are before this"),
        ("min_severity" = Option<f64>, Query, description = "Only anomalies at least this severe"),
        ("order" = Option<String>, Query, description = "`severity`, greatest first (default), or `newest`"),
        ("limit" = Option<u32>, Query, description = "Rows of a page, 1 to 1000; 100 where not given"),
        ("next" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, description = "Anomalies in order", body = Page<AnomalyView>),
        (status = 400, description = "A parameter is wrong", content_type = "application/problem+json", body = Problem),
        (status = 503, description = "The store does not answer", content_type = "application/problem+json", body = Problem),
    )
)]
/// Windows that stand out.
pub async fn anomalies(State(context): State<ApiContext>, uri: Uri) -> Result<Json<Page<AnomalyView>>, Problem> {
    let query = Query::read(&uri, &["from", "to", "min_severity", "order", "limit", "next"])?;
    let range = query.range()?;
    let min_severity = query.number("min_severity")?.unwrap_or(0.0);
    let order = query.choice("order", "severity", &["severity", "newest"])?;
    query.limit()?;
    let (from_ms, to_ms) = (range.from_ms.unwrap_or(-(1 << 45)), range.to_ms.unwrap_or(1 << 45));
    let mut entries: Vec<AnomalyEntry> = Vec::new();
    for family in [Family::Trades, Family::Odds, Family::Scores] {
        for window_ms in WINDOW_MINUTES.map(|minutes| minutes * 60_000) {
            let store = context.store.as_ref();
            let found = records::list(store, family.as_str(), window_ms, from_ms, to_ms, ENTRIES_MAX + 1).await?;
            if found.len() > ENTRIES_MAX {
                return Err(too_many());
            }
            entries.extend(found);
        }
    }
    entries.retain(|entry| entry.severity >= min_severity);
    let newest_first = |a: &AnomalyEntry, b: &AnomalyEntry| {
        b.window_start_ms.cmp(&a.window_start_ms).then_with(|| a.id().cmp(&b.id()))
    };
    match order {
        "newest" => entries.sort_by(newest_first),
        _ => entries.sort_by(|a, b| b.severity.total_cmp(&a.severity).then_with(|| newest_first(a, b))),
    }
    let now_ms = (context.clock)();
    let rows = entries.iter().map(|entry| view(entry, now_ms)).collect();
    Ok(Json(paged(rows, &query, |row: &AnomalyView| row.id.clone())?))
}

/// Leaving some out would show a wrong order without saying so.
fn too_many() -> Problem {
    let detail = format!("the range holds more than {ENTRIES_MAX} anomalies");
    Problem::parameter("from", None, detail, "give from and to of a shorter range, or ask gold.anomalies with SQL")
}

fn view(entry: &AnomalyEntry, now_ms: i64) -> AnomalyView {
    AnomalyView {
        id: format!("{}#{}", entry.family, entry.id()),
        family: entry.family.clone(),
        source: entry.source.clone(),
        entity: entry.entity.clone(),
        kind: entry.kind.clone(),
        start_at: format_utc_ms(entry.window_start_ms),
        end_at: format_utc_ms(entry.window_start_ms.saturating_add(entry.window_ms)),
        detected_at: instant(entry.detected_at_ms),
        age_ms: now_ms.saturating_sub(entry.detected_at_ms),
        value: entry.value,
        expectation: entry.expectation,
        severity: entry.severity,
        robust_z: entry.robust_z,
        revision: entry.revision,
        explanation: explanation(entry),
    }
}

fn explanation(entry: &AnomalyEntry) -> String {
    match entry.kind.as_str() {
        "volume_spike" => format!(
            "volume {}x the mean of the previous {HISTORY_WINDOWS} windows ({} against {})",
            decimal(entry.severity, 1),
            decimal(entry.value, 0),
            decimal(entry.expectation, 0)
        ),
        // The value is a log return; people read percent.
        "price_jump" => format!(
            "price {} {} %: {} robust sigmas of the previous {HISTORY_WINDOWS} windows' returns",
            if entry.value < 0.0 { "fell" } else { "rose" },
            decimal(entry.value.exp_m1().abs() * 100.0, 2),
            decimal(entry.severity, 1)
        ),
        _ => format!("{} where {} was expected", decimal(entry.value, 4), decimal(entry.expectation, 4)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: &str, value: f64, expectation: f64, severity: f64) -> AnomalyEntry {
        AnomalyEntry {
            family: "trades".into(),
            source: "finnhub".into(),
            entity: "finnhub:AAPL".into(),
            kind: kind.into(),
            window_start_ms: 0,
            window_ms: 60_000,
            detected_at_ms: 0,
            value,
            expectation,
            severity,
            robust_z: None,
            revision: 1,
        }
    }

    #[test]
    fn an_anomaly_explains_itself() {
        assert_eq!(
            explanation(&entry("volume_spike", 5_200.0, 1_000.0, 5.2)),
            "volume 5.2x the mean of the previous 20 windows (5200 against 1000)"
        );
        assert_eq!(
            explanation(&entry("price_jump", (0.98_f64).ln(), 0.0, 6.13)),
            "price fell 2 %: 6.1 robust sigmas of the previous 20 windows' returns"
        );
    }
}
