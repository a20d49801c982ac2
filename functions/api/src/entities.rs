//! `/v1/entities`: who or what a family has windows of.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde::Serialize;
use touchline_store::directory;
use utoipa::ToSchema;

use crate::page::{Page, paged};
use crate::problem::Problem;
use crate::query::Query;
use crate::{ApiContext, read};

/// One entity.
#[derive(Debug, Serialize, ToSchema)]
pub struct Entity {
    /// As `entity` of `/v1/windows` takes it: `finnhub:AAPL`, `espn:401547505|h2h`.
    pub entity: String,
    pub source: String,
}

#[utoipa::path(
    get, path = "/v1/entities", tag = "windows",
    params(
        ("family" = String, Query, description = "`trades`, `odds` or `scores`"),
        ("limit" = Option<u32>, Query, description = "Rows of a page, 1 to 1000; 100 where not given"),
        ("next" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, description = "Entities by name", body = Page<Entity>),
        (status = 400, description = "A parameter is wrong", content_type = "application/problem+json", body = Problem),
    )
)]
/// The entities of a metric family.
pub async fn entities(State(context): State<ApiContext>, uri: Uri) -> Result<Json<Page<Entity>>, Problem> {
    let query = Query::read(&uri, &["family", "limit", "next"])?;
    let found = directory::list(context.store.as_ref(), query.family()?).await?;
    let rows: Vec<Entity> =
        found.into_iter().map(|entity| Entity { source: read::source_of(&entity).to_owned(), entity }).collect();
    Ok(Json(paged(rows, &query, |row| row.entity.clone())?))
}
