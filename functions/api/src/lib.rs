//! The door people and programs read through: REST, server-sent events, and the dashboard on one page.
//! API-1: reads only; nothing here changes the store, and a reader cannot slow the writers down.
//! API-2: vendor text leaves as JSON strings and enters the page as text, never as HTML.
//! Windows are merged from panes at read; no figure is computed here that the metric room does not define.

mod accounting;
mod anomalies;
mod decimal;
mod entities;
mod games;
mod health;
mod hub;
mod ledgers;
mod live;
mod odds;
mod openapi;
mod page;
mod problem;
mod proof;
mod query;
mod read;
mod vendors;
mod windows;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::get;
use futures::future::BoxFuture;
use serde::Serialize;
use tokio::sync::Semaphore;
use touchline_store::{ItemStore, SourceAccount, StoreError};
use utoipa::ToSchema;

pub use hub::{LiveChange, LiveHub};
pub use live::READERS_MAX;
pub use query::{PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX, RANGE_MS_MAX, WINDOW_MS_MAX};

/// Nothing is loaded from elsewhere and nothing on the page is executed but our own files.
const CONTENT_POLICY: &str = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; \
                              form-action 'none'; frame-ancestors 'none'";

/// Answers with every source's account and what its producers offered.
pub type AccountingSource =
    Arc<dyn Fn() -> BoxFuture<'static, Result<BTreeMap<String, OfferedAccount>, StoreError>> + Send + Sync>;

/// Now in UTC ms: the wall clock, or the replay's own.
pub type NowMs = Arc<dyn Fn() -> i64 + Send + Sync>;

/// What a source's producers offered and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OfferedAccount {
    pub offered: u64,
    pub account: SourceAccount,
}

/// Where a replay of recordings stands.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ReplayStatus {
    pub title: String,
    /// The replay's clock, UTC ms.
    pub position_ms: i64,
    /// 0 to 1.
    pub progress: f64,
    pub is_finished: bool,
    /// Replayed time per real time; 0 means as fast as it goes.
    pub speed: f64,
}

/// What the router reads from. Clones share everything.
#[derive(Clone)]
pub struct ApiContext {
    pub store: Arc<dyn ItemStore>,
    pub live: LiveHub,
    pub accounting: AccountingSource,
    pub pane_ms: i64,
    pub clock: NowMs,
    pub demo: Arc<RwLock<Option<ReplayStatus>>>,
    merged: Arc<read::MergedStates>,
    readers: live::ReaderSlots,
}

impl ApiContext {
    /// A context with empty memory. `live` must be told of every commit that this process makes to `store`.
    pub fn new(
        store: Arc<dyn ItemStore>,
        live: LiveHub,
        accounting: AccountingSource,
        pane_ms: i64,
        clock: NowMs,
        demo: Arc<RwLock<Option<ReplayStatus>>>,
    ) -> Self {
        let readers = Arc::new(Semaphore::new(READERS_MAX));
        Self { store, live, accounting, pane_ms, clock, demo, merged: Arc::default(), readers }
    }

    fn replay(&self) -> Option<ReplayStatus> {
        self.demo.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Every address.
pub fn router(context: ApiContext) -> Router {
    Router::new()
        .route("/", get(page::dashboard))
        .route("/docs", get(page::reference))
        .route("/assets/{name}", get(page::asset))
        .route("/problems/{name}", get(page::problem_type))
        .route("/openapi.json", get(openapi::openapi))
        .route("/health", get(health::health))
        .route("/v1/games", get(games::games))
        .route("/v1/odds/{event}", get(odds::odds))
        .route("/v1/entities", get(entities::entities))
        .route("/v1/windows", get(windows::windows))
        .route("/v1/anomalies", get(anomalies::anomalies))
        .route("/v1/accounting", get(accounting::accounting))
        .route("/v1/quarantine", get(ledgers::quarantine))
        .route("/v1/late", get(ledgers::late))
        .route("/v1/proof", get(proof::proof))
        .route("/v1/vendors", get(vendors::vendors))
        .route("/v1/live", get(live::live))
        .fallback(async || page::nothing_there())
        .method_not_allowed_fallback(async || {
            problem::Problem::new(problem::ProblemKind::MethodNotAllowed, "this address is only read", "use GET")
        })
        .layer(map_response(secured))
        .with_state(context)
}

async fn secured(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        ("content-security-policy", CONTENT_POLICY),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}
