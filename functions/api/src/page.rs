//! Lists a page at a time, and the static pages: the dashboard, its scripts, and what the problem types mean.
//! PAGE-1: a token names the last row served, so rows that arrive meanwhile are neither skipped nor shown twice.
//! PAGE-2: every byte of a page is embedded in the binary; nothing is fetched from elsewhere.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::{Problem, ProblemKind};
use crate::query::Query;

/// How long a browser may keep the chart library, which changes only with a release.
const LIBRARY_CACHE: &str = "public, max-age=86400";
/// Our own page and script are asked for again every time.
const OWN_CACHE: &str = "no-cache";

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Page<T> {
    pub values: Vec<T>,
    /// Hand back as `next` for the following page; null on the last one.
    pub next: Option<String>,
}

/// The rows after the one that `next` names, at most `limit`. `rows` are in their final order.
pub fn paged<T>(rows: Vec<T>, query: &Query, key: impl Fn(&T) -> String) -> Result<Page<T>, Problem> {
    let limit = query.limit()?;
    let skip = match query.text("next") {
        None => 0,
        Some(token) => 1 + rows.iter().position(|row| key(row) == token).ok_or_else(|| {
            Problem::parameter(
                "next",
                Some(token),
                "next names no row of this list",
                "hand back the next of the page before unchanged, with the same other parameters; or start again without",
            )
        })?,
    };
    let is_last = rows.len() <= skip + limit;
    let values: Vec<T> = rows.into_iter().skip(skip).take(limit).collect();
    let next = if is_last { None } else { values.last().map(key) };
    Ok(Page { values, next })
}

/// The dashboard.
pub async fn dashboard() -> Response {
    html(include_str!("../assets/index.html"))
}

/// The reference of the API, drawn from the OpenAPI document.
pub async fn reference() -> Response {
    html(include_str!("../assets/reference.html"))
}

fn html(text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, OWN_CACHE)], text).into_response()
}

/// Scripts, style and icon.
pub async fn asset(name: Result<Path<String>, PathRejection>) -> Result<Response, Problem> {
    let Ok(Path(name)) = name else { return Err(nothing_there()) };
    let (kind, cache, text) = match name.as_str() {
        "app.js" => ("text/javascript", OWN_CACHE, include_str!("../assets/app.js")),
        "charts.js" => ("text/javascript", OWN_CACHE, include_str!("../assets/charts.js")),
        "board.js" => ("text/javascript", OWN_CACHE, include_str!("../assets/board.js")),
        "games.js" => ("text/javascript", OWN_CACHE, include_str!("../assets/games.js")),
        "lines.js" => ("text/javascript", OWN_CACHE, include_str!("../assets/lines.js")),
        "parts.js" => ("text/javascript", OWN_CACHE, include_str!("../assets/parts.js")),
        "trades.js" => ("text/javascript", OWN_CACHE, include_str!("../assets/trades.js")),
        "reference.js" => ("text/javascript", OWN_CACHE, include_str!("../assets/reference.js")),
        "style.css" => ("text/css", OWN_CACHE, include_str!("../assets/style.css")),
        "charts.css" => ("text/css", OWN_CACHE, include_str!("../assets/charts.css")),
        "icon.svg" => ("image/svg+xml", LIBRARY_CACHE, include_str!("../assets/icon.svg")),
        "plotly-basic.min.js" => ("text/javascript", LIBRARY_CACHE, include_str!("../assets/plotly-basic.min.js")),
        "plotly-basic.LICENSE" => ("text/plain", LIBRARY_CACHE, include_str!("../assets/plotly-basic.LICENSE")),
        _ => return Err(nothing_there()),
    };
    let headers = [(header::CONTENT_TYPE, format!("{kind}; charset=utf-8")), (header::CACHE_CONTROL, cache.to_owned())];
    Ok((headers, text).into_response())
}

/// What a problem type means, so that its address leads somewhere.
pub async fn problem_type(name: Result<Path<String>, PathRejection>) -> Result<Response, Problem> {
    let Ok(Path(name)) = name else { return Err(nothing_there()) };
    let kind = ProblemKind::ALL
        .into_iter()
        .find(|kind| kind.address().ends_with(&format!("/{name}")))
        .ok_or_else(nothing_there)?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], format!("{}\n", kind.title())).into_response())
}

/// The answer to an address nobody serves.
pub fn nothing_there() -> Problem {
    Problem::new(ProblemKind::NotFound, "there is nothing under this address", "see /openapi.json for every address")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(query: &str) -> Result<Page<u32>, Problem> {
        let uri = format!("/?{query}").parse().unwrap();
        let query = Query::read(&uri, &["limit", "next"])?;
        paged(vec![10, 20, 30, 40], &query, u32::to_string)
    }

    #[test]
    fn pages_follow_each_other_without_gap_or_repeat() {
        let first = page("limit=3").unwrap();
        assert_eq!((first.values, first.next.as_deref()), (vec![10, 20, 30], Some("30")));
        let second = page("limit=3&next=30").unwrap();
        assert_eq!((second.values, second.next), (vec![40], None));
        assert_eq!(page("limit=4").unwrap().next, None);
    }

    #[test]
    fn a_token_from_elsewhere_is_refused() {
        assert_eq!(page("next=31").unwrap_err().parameter.as_deref(), Some("next"));
    }
}
