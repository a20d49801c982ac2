//! `/openapi.json`: the API in a form that tools read, made from the handlers themselves.
//! OAPI-1: every address under `/v1` is in it; a test compares it with the router.

use axum::Json;
use utoipa::OpenApi;

use crate::{accounting, anomalies, entities, games, health, ledgers, live, odds, proof, vendors, windows};

/// The description of every resource.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Touchline",
        description = "Live windows over sports, odds and markets in which every event counts exactly once. Money and odds are decimal strings, probabilities and statistics numbers, instants RFC 3339 in UTC. Lists answer `values` and `next`; errors are RFC 9457 problems.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(
        health::health,
        games::games,
        odds::odds,
        entities::entities,
        windows::windows,
        anomalies::anomalies,
        accounting::accounting,
        ledgers::quarantine,
        ledgers::late,
        proof::proof,
        vendors::vendors,
        live::live,
    ),
    tags(
        (name = "games", description = "Scores, states of play, chances"),
        (name = "odds", description = "Quotes, fair prices, line paths"),
        (name = "windows", description = "Figures per window, provisional, final and corrected"),
        (name = "anomalies", description = "Windows that stand out"),
        (name = "live", description = "Changes as they are committed"),
        (name = "operations", description = "Health, and what became of every event"),
    )
)]
pub struct Description;

/// The document.
pub async fn openapi() -> Json<utoipa::openapi::OpenApi> {
    Json(Description::openapi())
}
