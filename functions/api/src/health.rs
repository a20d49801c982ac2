//! `/health`: whether the store answers, and how far each source's event time has certainly advanced.
//! HEALTH-1: an idle or slow source is shown with its age, never hidden behind a green word.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde::Serialize;
use touchline_event::format_utc_ms;
use touchline_store::watermarks;
use utoipa::ToSchema;

use crate::decimal::instant;
use crate::problem::Problem;
use crate::query::Query;
use crate::{ApiContext, ReplayStatus, read};

/// A lane this far behind the furthest one of its source is named.
const STUCK_LANE_MS: i64 = 10 * 60_000;

/// How the service is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok` whenever this answer could be made: the store was read for it.
    pub status: &'static str,
    pub version: &'static str,
    /// Now, as the service sees it: during a replay, the replay's own clock.
    pub at: String,
    /// Changes published since the process started.
    pub change_count: u64,
    pub sources: Vec<SourceHealth>,
    pub replay: Option<ReplayStatus>,
}

/// How far one source is.
#[derive(Debug, Serialize, ToSchema)]
pub struct SourceHealth {
    pub source: String,
    /// Everything before this event time has been counted; null before the first heartbeat.
    pub watermark_at: Option<String>,
    pub watermark_age_ms: Option<i64>,
    /// Lanes more than ten minutes behind the furthest one.
    pub stuck_lanes: Vec<u16>,
}

#[utoipa::path(
    get, path = "/health", tag = "operations",
    responses(
        (status = 200, description = "The service answers", body = Health),
        (status = 503, description = "The store does not answer", content_type = "application/problem+json", body = Problem),
    )
)]
/// Status, version, and the age of each source's watermark.
pub async fn health(State(context): State<ApiContext>, uri: Uri) -> Result<Json<Health>, Problem> {
    Query::read(&uri, &[])?;
    let now_ms = (context.clock)();
    let mut sources = Vec::new();
    for source in read::sources(&context).await? {
        let marks = watermarks::read(context.store.as_ref(), &source).await?;
        let watermark_ms = marks.overall();
        sources.push(SourceHealth {
            watermark_at: watermark_ms.and_then(instant),
            watermark_age_ms: watermark_ms.map(|ms| now_ms.saturating_sub(ms)),
            stuck_lanes: marks.stuck_lanes(STUCK_LANE_MS),
            source,
        });
    }
    Ok(Json(Health {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
        at: format_utc_ms(now_ms),
        change_count: context.live.change_count(),
        sources,
        replay: context.replay(),
    }))
}
