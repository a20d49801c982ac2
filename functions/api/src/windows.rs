//! `/v1/windows`: windows of one entity, merged from its panes at the moment of reading.
//! WNDW-1 (P14): any size and slide comes from the same panes, so no two windows can contradict each other.
//! WNDW-2: a window is final only if its panes are and the source's watermark has passed its end and grace; a pane that
//! nobody filled does not make it final early.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde::Serialize;
use touchline_event::format_utc_ms;
use touchline_metric::{FamilyState, OddsState, ScoreState, TradeState};
use touchline_store::{Pane, StoreError, panes, watermarks};
use touchline_window::{WindowPolicy, WindowSpec, merge_panes};
use utoipa::ToSchema;

use crate::decimal::{instant, money, odds, point};
use crate::page::{Page, paged};
use crate::problem::Problem;
use crate::query::{Query, Range};
use crate::{ApiContext, read};

/// One window.
#[derive(Debug, Serialize, ToSchema)]
pub struct Window {
    pub start_at: String,
    /// Exclusive.
    pub end_at: String,
    /// `provisional` while late events are still awaited, `final`, `corrected` once a final one was revised, `sealed` when
    /// nothing is applied any more but by a rebuild.
    pub state: &'static str,
    /// False while it is provisional.
    pub is_final: bool,
    /// 0 while provisional, 1 when first final, one more with every correction of any pane inside.
    pub revision: u32,
    /// Latest first arrival among the counted events.
    pub as_of: Option<String>,
    /// Events counted.
    pub event_count: u64,
    pub figures: Figures,
}

/// What the family measures.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Figures {
    Trades(TradeFigures),
    Odds(OddsFigures),
    Scores(ScoreFigures),
    Tally(TallyFigures),
}

/// Trades of a symbol. Prices, volume and turnover are decimal strings; null where there was no trade.
#[derive(Debug, Serialize, ToSchema)]
pub struct TradeFigures {
    pub trade_count: u64,
    /// Prints that their sale condition keeps out of every other figure.
    pub excluded_count: u64,
    pub volume: String,
    pub turnover: String,
    pub vwap: Option<String>,
    pub open: Option<String>,
    pub high: Option<String>,
    pub low: Option<String>,
    pub close: Option<String>,
    pub mean_price: Option<String>,
    pub price_stddev: Option<f64>,
    pub realised_volatility: Option<f64>,
    pub realised_volatility_annualised: Option<f64>,
}

/// Lines of a market.
#[derive(Debug, Serialize, ToSchema)]
pub struct OddsFigures {
    /// The vendor's word.
    pub status: Option<String>,
    pub lines: Vec<LineFigures>,
}

/// One line: book, outcome, point and side. Odds are decimal strings.
#[derive(Debug, Serialize, ToSchema)]
pub struct LineFigures {
    pub book: String,
    pub outcome: String,
    pub point: Option<String>,
    /// `back`, `lay` or `last_traded`.
    pub side: &'static str,
    pub quote_count: u64,
    pub open: String,
    pub high: String,
    pub low: String,
    pub close: String,
    pub quoted_at: String,
    pub implied_probability: f64,
    pub move_count: u64,
    pub volatility: Option<f64>,
    pub velocity_points_per_hour: Option<f64>,
}

/// Score of a game.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScoreFigures {
    pub home_score: Option<i32>,
    pub away_score: Option<i32>,
    /// Home minus away.
    pub lead: i32,
    pub largest_lead: i32,
    pub lead_change_count: u64,
    pub update_count: u64,
    pub play_count: u64,
    pub home_win_probability: Option<f64>,
}

/// Events that no metric measures, by kind.
#[derive(Debug, Serialize, ToSchema)]
pub struct TallyFigures {
    pub counts: BTreeMap<String, u64>,
}

#[utoipa::path(
    get, path = "/v1/windows", tag = "windows",
    params(
        ("family" = String, Query, description = "`trades`, `odds` or `scores`"),
        ("entity" = String, Query, description = "As `/v1/entities` lists it: `finnhub:AAPL`, `espn:401547505`, `espn:401547505|h2h`"),
        ("size" = Option<String>, Query, description = "`1m`, `3m`, `5m`, `10m`, `20m`; a pane where not given"),
        ("slide" = Option<String>, Query, description = "Step between windows, up to the size; the size (tumbling) where not given"),
        ("from" = Option<String>, Query, description = "Earliest window start, RFC 3339 or UTC ms; at most 31 days before `to`"),
        ("to" = Option<String>, Query, description = "Window starts are before this"),
        ("order" = Option<String>, Query, description = "`newest` first (default) or `oldest`"),
        ("limit" = Option<u32>, Query, description = "Rows of a page, 1 to 1000; 100 where not given"),
        ("next" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, description = "Windows in order", body = Page<Window>),
        (status = 400, description = "A parameter is wrong", content_type = "application/problem+json", body = Problem),
        (status = 503, description = "The store does not answer", content_type = "application/problem+json", body = Problem),
    )
)]
/// Windows of one entity.
pub async fn windows(State(context): State<ApiContext>, uri: Uri) -> Result<Json<Page<Window>>, Problem> {
    let known = ["family", "entity", "size", "slide", "from", "to", "order", "limit", "next"];
    let query = Query::read(&uri, &known)?;
    let family = query.family()?;
    let entity = query.required("entity", "take one from /v1/entities?family=..")?;
    let spec = query.window(context.pane_ms)?;
    let range = query.range()?;
    let is_newest_first = query.choice("order", "newest", &["newest", "oldest"])? == "newest";
    query.limit()?;
    // The last window of the range reaches beyond it by all but one pane.
    let to_ms = range.to_ms.map(|to_ms| to_ms.saturating_add(spec.size_ms - context.pane_ms));
    let store = context.store.as_ref();
    let panes = panes::read(store, family, entity, context.pane_ms, range.from_ms, to_ms).await?;
    let final_until_ms = final_until_ms(&context, entity).await?;
    let mut rows = merged_windows(&panes, spec, context.pane_ms, range, final_until_ms);
    if is_newest_first {
        rows.reverse();
    }
    Ok(Json(paged(rows, &query, |window| window.start_at.clone())?))
}

/// The latest window end that the source's watermark and the grace for late events have passed.
async fn final_until_ms(context: &ApiContext, entity: &str) -> Result<i64, StoreError> {
    let marks = watermarks::read(context.store.as_ref(), read::source_of(entity)).await?;
    Ok(marks.overall().map_or(i64::MIN, |mark| mark.saturating_sub(WindowPolicy::DEFAULT.lateness_ms)))
}

/// Windows that start in the range, oldest first.
fn merged_windows(panes: &[Pane], spec: WindowSpec, pane_ms: i64, range: Range, final_until_ms: i64) -> Vec<Window> {
    let states = merge_panes(panes.iter().map(|pane| (pane.start_ms, &pane.state)), spec);
    let is_inside = |start_ms: i64| {
        range.from_ms.is_none_or(|from_ms| from_ms <= start_ms) && range.to_ms.is_none_or(|to_ms| start_ms < to_ms)
    };
    states
        .into_iter()
        .filter(|(start_ms, _)| is_inside(*start_ms))
        .map(|(start_ms, state)| {
            let end_ms = start_ms.saturating_add(spec.size_ms);
            let first = panes.partition_point(|pane| pane.start_ms < start_ms);
            let last = panes.partition_point(|pane| pane.start_ms < end_ms);
            let parts = &panes[first..last];
            // A window of one pane has the pane's own word; several panes say nothing about the minutes between them.
            let is_past = spec.size_ms == pane_ms || end_ms <= final_until_ms;
            let is_final = is_past && parts.iter().all(|pane| pane.is_final);
            window(start_ms, spec.size_ms, &state, parts, is_final)
        })
        .collect()
}

fn window(start_ms: i64, size_ms: i64, state: &FamilyState, parts: &[Pane], is_final: bool) -> Window {
    let is_sealed = is_final && !parts.is_empty() && parts.iter().all(|pane| pane.is_sealed);
    let corrections: u32 = parts.iter().map(|pane| pane.revision.saturating_sub(1)).sum();
    Window {
        start_at: format_utc_ms(start_ms),
        end_at: format_utc_ms(start_ms.saturating_add(size_ms)),
        state: state_of(is_final, is_sealed, corrections),
        is_final,
        revision: if is_final { 1 + corrections } else { 0 },
        as_of: parts.iter().map(|pane| pane.as_of_ms).max().and_then(instant),
        event_count: parts.iter().map(|pane| pane.applied_count).sum(),
        figures: figures(state, size_ms),
    }
}

fn state_of(is_final: bool, is_sealed: bool, corrections: u32) -> &'static str {
    match (is_final, is_sealed, corrections) {
        (false, ..) => "provisional",
        (true, true, _) => "sealed",
        (true, false, 0) => "final",
        _ => "corrected",
    }
}

fn figures(state: &FamilyState, size_ms: i64) -> Figures {
    match state {
        FamilyState::Trades(state) => Figures::Trades(trade_figures(state, size_ms)),
        FamilyState::Odds(state) => Figures::Odds(odds_figures(state)),
        FamilyState::Scores(state) => Figures::Scores(score_figures(state)),
        FamilyState::Tally(state) => Figures::Tally(TallyFigures {
            counts: state.counts().iter().map(|(kind, count)| (kind.as_str().to_owned(), *count)).collect(),
        }),
    }
}

fn trade_figures(state: &TradeState, size_ms: i64) -> TradeFigures {
    let metrics = state.metrics(size_ms);
    TradeFigures {
        trade_count: metrics.trade_count,
        excluded_count: metrics.excluded_count,
        volume: money(metrics.volume),
        turnover: money(metrics.turnover),
        vwap: metrics.vwap.map(money),
        open: metrics.open.map(money),
        high: metrics.high.map(money),
        low: metrics.low.map(money),
        close: metrics.close.map(money),
        mean_price: metrics.mean_price.map(money),
        price_stddev: metrics.price_stddev,
        realised_volatility: metrics.realised_volatility,
        realised_volatility_annualised: metrics.realised_volatility_annualised,
    }
}

fn odds_figures(state: &OddsState) -> OddsFigures {
    let lines = state.lines().filter_map(|(key, line)| {
        let metrics = line.metrics()?;
        Some(LineFigures {
            book: key.book.clone(),
            outcome: key.outcome.clone(),
            point: key.point_e2.map(point),
            side: key.side.as_str(),
            quote_count: metrics.quote_count,
            open: odds(metrics.open),
            high: odds(metrics.high),
            low: odds(metrics.low),
            close: odds(metrics.close),
            quoted_at: format_utc_ms(metrics.quoted_at_ms),
            implied_probability: metrics.implied_probability,
            move_count: metrics.move_count,
            volatility: metrics.volatility,
            velocity_points_per_hour: metrics.velocity_points_per_hour,
        })
    });
    OddsFigures { status: state.status().map(|status| status.status.clone()), lines: lines.collect() }
}

fn score_figures(state: &ScoreState) -> ScoreFigures {
    let metrics = state.metrics();
    ScoreFigures {
        home_score: metrics.score.map(|score| score.home_score),
        away_score: metrics.score.map(|score| score.away_score),
        lead: metrics.lead,
        largest_lead: metrics.largest_lead,
        lead_change_count: metrics.lead_change_count,
        update_count: metrics.update_count,
        play_count: metrics.play_count,
        home_win_probability: metrics.home_win_probability,
    }
}
