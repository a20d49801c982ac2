//! `/v1/quarantine` and `/v1/late`: what no window counted, with its reason, and whether it was taken after all.
//! LDG-1: an entry stays listed when it was redriven or settled; `state` tells the two apart.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde::Serialize;
use touchline_event::{Event, format_utc_ms};
use touchline_store::{
    LateEntry, LateLedger, Ledger, QuarantineEntry, Redriven, late as late_records, quarantine as records, redriven,
};
use utoipa::ToSchema;

use crate::ApiContext;
use crate::decimal::instant;
use crate::page::{Page, paged};
use crate::problem::Problem;
use crate::query::Query;

/// Characters of a raw record that are shown; the lake has it whole.
const RAW_CHARS_MAX: usize = 2_000;
const STATES: [&str; 3] = ["open", "done", "all"];

/// A refused record.
#[derive(Debug, Serialize, ToSchema)]
pub struct Quarantined {
    /// `quarantine_id` of `bronze.quarantine`.
    pub id: String,
    pub source: String,
    /// `parse`: never in the stream. `stream`: refused by its consumer.
    pub stage: String,
    /// Why, as a word.
    pub reason: String,
    pub message: String,
    /// JSON pointer into the payload.
    pub pointer: String,
    /// The record as it came, its beginning where it is long.
    pub raw: String,
    pub object_key: Option<String>,
    pub event_count: u64,
    pub received_at: Option<String>,
    /// When it was taken after all; null while it is open.
    pub redriven_at: Option<String>,
}

/// An event that came too late.
#[derive(Debug, Serialize, ToSchema)]
pub struct LateEvent {
    pub id: String,
    pub source: String,
    /// `late`: beyond the horizon. `after_seal`: its window takes nothing any more.
    pub ledger: String,
    pub reason: String,
    pub event_id: Option<String>,
    pub entity: Option<String>,
    pub kind: Option<String>,
    pub event_at: Option<String>,
    pub first_arrival_at: Option<String>,
    /// When a rebuild or redrive counted it after all; null while it is open.
    pub settled_at: Option<String>,
}

#[utoipa::path(
    get, path = "/v1/quarantine", tag = "operations",
    params(
        ("source" = Option<String>, Query, description = "One vendor, or `unknown`"),
        ("reason" = Option<String>, Query, description = "One reason, such as `bad_field`"),
        ("state" = Option<String>, Query, description = "`open` (default), `done`, `all`"),
        ("limit" = Option<u32>, Query, description = "Rows of a page, 1 to 1000; 100 where not given"),
        ("next" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, description = "Refused records by vendor and place", body = Page<Quarantined>),
        (status = 400, description = "A parameter is wrong", content_type = "application/problem+json", body = Problem),
        (status = 503, description = "The store does not answer", content_type = "application/problem+json", body = Problem),
    )
)]
/// Records that were refused.
pub async fn quarantine(State(context): State<ApiContext>, uri: Uri) -> Result<Json<Page<Quarantined>>, Problem> {
    let query = Query::read(&uri, &["source", "reason", "state", "limit", "next"])?;
    query.limit()?;
    let state = query.choice("state", "open", &STATES)?;
    let mut rows = Vec::new();
    for source in sources(&context, &query).await? {
        let marks = redriven::list(context.store.as_ref(), Ledger::Quarantine, &source).await?;
        for (name, entry) in records::list(context.store.as_ref(), &source).await? {
            let is_wanted = query.text("reason").is_none_or(|reason| reason == entry.reason);
            if is_wanted && is_in(state, marks.get(&name)) {
                rows.push(quarantined(format!("{source}#{name}"), entry, marks.get(&name)));
            }
        }
    }
    Ok(Json(paged(rows, &query, |row: &Quarantined| row.id.clone())?))
}

#[utoipa::path(
    get, path = "/v1/late", tag = "operations",
    params(
        ("source" = Option<String>, Query, description = "One vendor"),
        ("ledger" = Option<String>, Query, description = "`late` or `after_seal`; both where not given"),
        ("state" = Option<String>, Query, description = "`open` (default), `done`, `all`"),
        ("limit" = Option<u32>, Query, description = "Rows of a page, 1 to 1000; 100 where not given"),
        ("next" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, description = "Late events by vendor and place", body = Page<LateEvent>),
        (status = 400, description = "A parameter is wrong", content_type = "application/problem+json", body = Problem),
        (status = 503, description = "The store does not answer", content_type = "application/problem+json", body = Problem),
    )
)]
/// Events beyond the horizon or after their window's seal.
pub async fn late(State(context): State<ApiContext>, uri: Uri) -> Result<Json<Page<LateEvent>>, Problem> {
    let query = Query::read(&uri, &["source", "ledger", "state", "limit", "next"])?;
    query.limit()?;
    let state = query.choice("state", "open", &STATES)?;
    let ledger = query.choice("ledger", "any", &["any", "late", "after_seal"])?;
    let mut rows = Vec::new();
    for source in sources(&context, &query).await? {
        let marks = redriven::list(context.store.as_ref(), Ledger::Late, &source).await?;
        for (name, entry) in late_records::list(context.store.as_ref(), &source).await? {
            let own = ledger_name(&entry);
            if (ledger == "any" || ledger == own) && is_in(state, marks.get(&name)) {
                rows.push(late_event(format!("{source}#{name}"), &source, own, entry, marks.get(&name)));
            }
        }
    }
    Ok(Json(paged(rows, &query, |row: &LateEvent| row.id.clone())?))
}

/// The vendor asked for, or every one that has an account.
async fn sources(context: &ApiContext, query: &Query) -> Result<Vec<String>, Problem> {
    let accounts: BTreeMap<_, _> = (context.accounting)().await?;
    let wanted = query.text("source");
    Ok(accounts.into_keys().filter(|source| wanted.is_none_or(|wanted| wanted == source)).collect())
}

fn is_in(state: &str, mark: Option<&Redriven>) -> bool {
    match state {
        "open" => mark.is_none(),
        "done" => mark.is_some(),
        _ => true,
    }
}

fn ledger_name(entry: &LateEntry) -> &'static str {
    match entry.ledger {
        LateLedger::Late => "late",
        LateLedger::AfterSeal => "after_seal",
    }
}

fn quarantined(id: String, entry: QuarantineEntry, mark: Option<&Redriven>) -> Quarantined {
    Quarantined {
        id,
        source: entry.source,
        stage: entry.stage,
        reason: entry.reason,
        message: entry.message,
        pointer: entry.pointer,
        raw: String::from_utf8_lossy(&entry.raw).chars().take(RAW_CHARS_MAX).collect(),
        object_key: entry.object_key,
        event_count: entry.event_count,
        received_at: Some(entry.at_ms).filter(|at_ms| *at_ms != 0).and_then(instant),
        redriven_at: mark.map(|mark| format_utc_ms(mark.at_ms)),
    }
}

fn late_event(id: String, source: &str, ledger: &str, entry: LateEntry, mark: Option<&Redriven>) -> LateEvent {
    let event: Option<Event> = serde_json::from_str(&entry.event_json).ok();
    let event = event.as_ref();
    LateEvent {
        id,
        source: source.to_owned(),
        ledger: ledger.to_owned(),
        reason: entry.reason,
        event_id: event.map(|event| event.event_id.to_string()),
        entity: event.map(Event::entity),
        kind: event.map(|event| event.kind.as_str().to_owned()),
        event_at: event.and_then(|event| instant(event.timestamp_ms)),
        first_arrival_at: event.and_then(|event| instant(event.first_arrival_ms)),
        settled_at: mark.map(|mark| format_utc_ms(mark.at_ms)),
    }
}
