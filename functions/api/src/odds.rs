//! `/v1/odds/{event}`: every market of an event: who quotes what, what it means without margin, and how it moved.
//! ODDS-1: books are compared only at the same point: an over 45.5 and an over 47.5 are different bets.
//! ODDS-2: a quote that its book has since replaced at another point stays visible as not current and counts for nothing.
//! ODDS-3: consensus, overround and best price come from prices that can be backed; lay and last traded prices stand apart.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::Uri;
use serde::Serialize;
use touchline_event::{Side, format_utc_ms};
use touchline_metric::{
    Family, FamilyState, LineMetrics, LineState, OddsState, SeriesKey, best_prices, consensus, devig_multiplicative,
    overround,
};
use touchline_store::directory;
use utoipa::ToSchema;

use crate::ApiContext;
use crate::decimal::{instant, odds as odds_text, point as point_text};
use crate::games::{self, GameNames};
use crate::page::nothing_there;
use crate::problem::Problem;
use crate::query::Query;
use crate::read::{self, event_of};

/// Points of one path; where more are kept, the latest are shown.
const PATH_POINTS_MAX: usize = 2000;

/// Prices by book and outcome, as the market figures take them.
type Prices = BTreeMap<String, BTreeMap<String, f64>>;

/// An event and its markets.
#[derive(Debug, Serialize, ToSchema)]
pub struct OddsEvent {
    /// `<source>:<game id>`.
    pub event: String,
    pub source: String,
    /// Who plays, where a vendor told it.
    pub game: Option<GameNames>,
    pub markets: Vec<Market>,
}

/// One market of an event.
#[derive(Debug, Serialize, ToSchema)]
pub struct Market {
    /// `h2h`, `spreads`, `totals`, or the vendor's word.
    pub market: String,
    pub status: Option<MarketStatusView>,
    /// Latest first arrival among the counted quotes.
    pub as_of: Option<String>,
    /// One entry per point, the one that most books quote first. Head-to-head markets have a single one without a point.
    pub points: Vec<PointView>,
    /// Exchanges only.
    pub traded: Vec<Traded>,
}

/// What the vendor last said of the market.
#[derive(Debug, Serialize, ToSchema)]
pub struct MarketStatusView {
    /// The vendor's word: `open`, `suspended`.
    pub status: String,
    pub is_in_play: bool,
    pub starts_at: Option<String>,
}

/// Books that can be compared with each other.
#[derive(Debug, Serialize, ToSchema)]
pub struct PointView {
    /// Total, or size of the handicap without its sign.
    pub point: Option<String>,
    pub books: Vec<BookView>,
    pub consensus: Vec<Consensus>,
    pub best: Vec<Best>,
    /// Sum of 1 / best price, minus 1: below 0 the best prices together are an arbitrage. Null where an outcome has no price.
    pub best_overround: Option<f64>,
}

/// One book's quotes.
#[derive(Debug, Serialize, ToSchema)]
pub struct BookView {
    pub book: String,
    /// Sum of 1 / price over the outcomes, minus 1; null where the book quotes only some of them.
    pub overround: Option<f64>,
    pub quotes: Vec<QuoteView>,
}

/// One line.
#[derive(Debug, Serialize, ToSchema)]
pub struct QuoteView {
    pub outcome: String,
    /// With its sign.
    pub point: Option<String>,
    /// `back`, `lay` or `last_traded`.
    pub side: &'static str,
    pub price: String,
    pub implied_probability: f64,
    /// Multiplicative devig: the outcome's share of the book's implied total.
    pub fair_probability: Option<f64>,
    /// First price seen.
    pub open: String,
    pub quoted_at: String,
    pub age_ms: i64,
    /// False once the book quotes this outcome at another point.
    pub is_current: bool,
    pub move_count: u64,
    /// Standard deviation of log-odds changes between moves on the one-second grid.
    pub volatility: Option<f64>,
    pub velocity_points_per_hour: Option<f64>,
    /// Where the price changed, oldest first, and the latest quote.
    pub path: Vec<PathPoint>,
}

/// A price from this moment on.
#[derive(Debug, Serialize, ToSchema)]
pub struct PathPoint {
    pub at: String,
    pub price: String,
}

/// An outcome's fair probability over books.
#[derive(Debug, Serialize, ToSchema)]
pub struct Consensus {
    pub outcome: String,
    /// Median over books of the multiplicatively devigged probability.
    pub fair_probability: f64,
    /// 1 / fair probability.
    pub fair_price: String,
    pub book_count: usize,
}

/// The highest price of an outcome.
#[derive(Debug, Serialize, ToSchema)]
pub struct Best {
    pub outcome: String,
    pub book: String,
    pub price: String,
}

/// Money matched on an exchange.
#[derive(Debug, Serialize, ToSchema)]
pub struct Traded {
    pub outcome: String,
    /// In the exchange's currency.
    pub volume: String,
    /// Volume-weighted odds.
    pub vwap_odds: String,
}

/// A line with its figures.
struct Line<'a> {
    key: &'a SeriesKey,
    state: &'a LineState,
    metrics: LineMetrics,
    is_current: bool,
}

#[utoipa::path(
    get, path = "/v1/odds/{event}", tag = "odds",
    params(("event" = String, Path, description = "`<source>:<game id>`, as `odds_events` of `/v1/games` has it")),
    responses(
        (status = 200, description = "Every market of the event", body = OddsEvent),
        (status = 404, description = "No market of this event is known", content_type = "application/problem+json", body = Problem),
        (status = 503, description = "The store does not answer", content_type = "application/problem+json", body = Problem),
    )
)]
/// Every market of an event.
pub async fn odds(
    State(context): State<ApiContext>,
    event: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Result<Json<OddsEvent>, Problem> {
    Query::read(&uri, &[])?;
    let Ok(Path(event)) = event else { return Err(nothing_there()) };
    let mut markets = Vec::new();
    for entity in directory::list(context.store.as_ref(), Family::Odds).await? {
        if event_of(&entity) != event {
            continue;
        }
        let Some(merged) = read::merged(&context, Family::Odds, &entity).await? else { continue };
        let FamilyState::Odds(state) = &merged.state else { continue };
        let name = entity.split_once('|').map_or("", |(_, market)| market);
        markets.push(market(name, state, merged.as_of_ms, (context.clock)()));
    }
    if markets.is_empty() {
        let (detail, remedy) = ("no market of this event is known", "see odds_events of /v1/games");
        return Err(Problem::not_found("event", &event, detail, remedy));
    }
    let game = games::names_of(&context, &event).await?;
    Ok(Json(OddsEvent { source: read::source_of(&event).to_owned(), event, game, markets }))
}

/// One market as it stands.
pub fn market(name: &str, state: &OddsState, as_of_ms: i64, now_ms: i64) -> Market {
    let lines = lines(state);
    let mut by_point: BTreeMap<Option<i64>, Vec<&Line<'_>>> = BTreeMap::new();
    for line in &lines {
        // Handicaps of the two sides differ in sign only and are one bet.
        by_point.entry(line.key.point_e2.map(i64::abs)).or_default().push(line);
    }
    let mut points: Vec<PointView> =
        by_point.into_iter().map(|(point, lines)| point_view(point, &lines, now_ms)).collect();
    let current_books =
        |view: &PointView| view.books.iter().filter(|book| book.quotes.iter().any(|quote| quote.is_current)).count();
    points.sort_by_key(|view| std::cmp::Reverse(current_books(view)));
    let mut outcomes: Vec<&str> = lines.iter().map(|line| line.key.outcome.as_str()).collect();
    outcomes.sort_unstable();
    outcomes.dedup();
    let traded = outcomes.into_iter().filter_map(|outcome| {
        let (volume, vwap_odds) = state.matched(outcome)?;
        Some(Traded {
            outcome: outcome.to_owned(),
            volume: crate::decimal::money(volume),
            vwap_odds: odds_text(vwap_odds),
        })
    });
    Market {
        market: name.to_owned(),
        status: state.status().map(|status| MarketStatusView {
            status: status.status.clone(),
            is_in_play: status.is_in_play,
            starts_at: status.market_time_ms.and_then(instant),
        }),
        as_of: instant(as_of_ms),
        traded: traded.collect(),
        points,
    }
}

/// Fair probability by outcome of the market's main point; nothing where no book is complete.
pub fn main_consensus(state: &OddsState) -> Vec<Consensus> {
    market("", state, i64::MIN, 0).points.into_iter().next().map(|view| view.consensus).unwrap_or_default()
}

fn lines(state: &OddsState) -> Vec<Line<'_>> {
    let mut latest: BTreeMap<(&str, &str, Side), i64> = BTreeMap::new();
    let mut lines = Vec::new();
    for (key, state) in state.lines() {
        let Some(metrics) = state.metrics() else { continue };
        let slot = latest.entry((&key.book, &key.outcome, key.side)).or_insert(metrics.quoted_at_ms);
        *slot = metrics.quoted_at_ms.max(*slot);
        lines.push(Line { key, state, metrics, is_current: true });
    }
    for line in &mut lines {
        let newest = latest.get(&(line.key.book.as_str(), line.key.outcome.as_str(), line.key.side));
        // Alternate lines are quoted together, at one time: all of them are current.
        line.is_current = newest.is_none_or(|newest| line.metrics.quoted_at_ms >= *newest);
    }
    lines
}

fn point_view(point: Option<i64>, lines: &[&Line<'_>], now_ms: i64) -> PointView {
    let mut prices: Prices = BTreeMap::new();
    for line in lines.iter().filter(|line| line.is_current && line.key.side == Side::Back) {
        let book = prices.entry(line.key.book.clone()).or_default();
        book.insert(line.key.outcome.clone(), line.metrics.close);
    }
    let outcome_count = prices.values().map(BTreeMap::len).max().unwrap_or(0);
    let best = best_prices(&prices);
    let is_priced = outcome_count > 1 && best.len() == outcome_count;
    let best_overround = is_priced.then(|| overround(&best.iter().map(|best| best.price).collect::<Vec<f64>>()));
    let mut by_book: BTreeMap<&str, Vec<&Line<'_>>> = BTreeMap::new();
    for line in lines {
        by_book.entry(&line.key.book).or_default().push(line);
    }
    let books = by_book.into_iter().map(|(book, lines)| {
        let complete = prices.get(book).filter(|prices| prices.len() == outcome_count && outcome_count > 1);
        book_view(book, &lines, complete, now_ms)
    });
    PointView {
        point: point.map(point_text),
        books: books.collect(),
        consensus: consensus(&prices)
            .into_iter()
            .map(|fair| Consensus {
                outcome: fair.outcome,
                fair_price: odds_text(1.0 / fair.fair_probability),
                fair_probability: fair.fair_probability,
                book_count: fair.book_count,
            })
            .collect(),
        best: best
            .into_iter()
            .map(|best| Best { outcome: best.outcome, book: best.book, price: odds_text(best.price) })
            .collect(),
        best_overround,
    }
}

/// `complete`: the book's prices by outcome, where it quotes every outcome.
fn book_view(book: &str, lines: &[&Line<'_>], complete: Option<&BTreeMap<String, f64>>, now_ms: i64) -> BookView {
    let prices: Vec<f64> = complete.into_iter().flat_map(BTreeMap::values).copied().collect();
    let fair: BTreeMap<&str, f64> =
        complete.into_iter().flat_map(BTreeMap::keys).map(String::as_str).zip(devig_multiplicative(&prices)).collect();
    let quotes = lines.iter().map(|line| {
        let is_counted = line.is_current && line.key.side == Side::Back;
        let fair_probability = fair.get(line.key.outcome.as_str()).copied().filter(|_| is_counted);
        quote_view(line, fair_probability, now_ms)
    });
    BookView { book: book.to_owned(), overround: complete.map(|_| overround(&prices)), quotes: quotes.collect() }
}

fn quote_view(line: &Line<'_>, fair_probability: Option<f64>, now_ms: i64) -> QuoteView {
    let metrics = &line.metrics;
    QuoteView {
        outcome: line.key.outcome.clone(),
        point: line.key.point_e2.map(point_text),
        side: line.key.side.as_str(),
        price: odds_text(metrics.close),
        implied_probability: metrics.implied_probability,
        fair_probability,
        open: odds_text(metrics.open),
        quoted_at: format_utc_ms(metrics.quoted_at_ms),
        age_ms: now_ms.saturating_sub(metrics.quoted_at_ms),
        is_current: line.is_current,
        move_count: metrics.move_count,
        volatility: metrics.volatility,
        velocity_points_per_hour: metrics.velocity_points_per_hour,
        path: path(line.state),
    }
}

/// Where the price changed, and the last second that saw a quote.
fn path(state: &LineState) -> Vec<PathPoint> {
    let mut points: Vec<(i64, f64)> = Vec::new();
    let mut last = None;
    for (second, price) in state.path() {
        if points.last().is_none_or(|(_, kept)| *kept != price) {
            points.push((second, price));
        }
        last = Some((second, price));
    }
    points.extend(last.filter(|(second, _)| points.last().is_some_and(|(kept, _)| kept < second)));
    let skip = points.len().saturating_sub(PATH_POINTS_MAX);
    points
        .into_iter()
        .skip(skip)
        .map(|(second, price)| PathPoint { at: format_utc_ms(second * 1000), price: odds_text(price) })
        .collect()
}
