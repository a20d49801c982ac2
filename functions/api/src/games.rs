//! `/v1/games`: every game with its score, state of play, chances, and how old that is.
//! GAME-1: one value per vendor's game; the same game of another vendor is named in `same_game`, never mixed in.
//! GAME-2: the market's chance stands beside the vendor's model, never instead of it.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde::Serialize;
use touchline_event::{GameStatus, format_utc_ms};
use touchline_metric::{Family, FamilyState, ScoreState};
use touchline_store::{StoreError, directory};
use utoipa::ToSchema;

use crate::ApiContext;
use crate::decimal::instant;
use crate::odds::main_consensus;
use crate::page::{Page, paged};
use crate::problem::Problem;
use crate::query::Query;
use crate::read::{self, event_of, source_of};

/// Two vendors' games of the same teams are one game if they start within this.
const SAME_GAME_MS: i64 = 12 * 3_600_000;

/// One vendor's game.
#[derive(Debug, Serialize, ToSchema)]
pub struct Game {
    /// `espn:401547505`.
    pub entity: String,
    pub source: String,
    pub sport: Option<String>,
    pub league: Option<String>,
    pub home: Competitor,
    pub away: Competitor,
    /// `scheduled`, `in_progress`, `halftime`, `final` and so on.
    pub status: &'static str,
    pub is_live: bool,
    pub period: Option<u16>,
    /// The vendor's game clock.
    pub game_clock: Option<String>,
    pub starts_at: Option<String>,
    pub venue: Option<String>,
    /// The vendor's own model.
    pub home_win_probability: Option<f64>,
    /// The market's view, without margin.
    pub market: Option<MarketChance>,
    pub lead_change_count: u64,
    pub largest_lead: i32,
    pub update_count: u64,
    pub play_count: u64,
    /// Event time of the vendor's last word on this game.
    pub changed_at: Option<String>,
    pub age_ms: Option<i64>,
    /// Latest first arrival among the counted events.
    pub as_of: Option<String>,
    /// Other vendors' games of the same teams at the same time.
    pub same_game: Vec<String>,
    /// Addresses for `/v1/odds/{event}`, of this game and of `same_game`.
    pub odds_events: Vec<String>,
}

/// One side.
#[derive(Debug, Serialize, ToSchema)]
pub struct Competitor {
    /// Null where no fixture was told yet.
    pub name: Option<String>,
    pub score: Option<i32>,
}

/// Chances out of the head-to-head market: median over books of the multiplicatively devigged probability.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct MarketChance {
    pub event: String,
    pub home: f64,
    pub draw: Option<f64>,
    pub away: f64,
    pub book_count: usize,
}

/// Who plays.
#[derive(Debug, Serialize, ToSchema)]
pub struct GameNames {
    pub home: String,
    pub away: String,
    pub sport: Option<String>,
    pub league: Option<String>,
    pub starts_at: Option<String>,
}

#[utoipa::path(
    get, path = "/v1/games", tag = "games",
    params(
        ("status" = Option<String>, Query, description = "One status, or `live` for all in which the game goes on"),
        ("league" = Option<String>, Query, description = "The vendor's league key, as in `league`"),
        ("limit" = Option<u32>, Query, description = "Rows of a page, 1 to 1000; 100 where not given"),
        ("next" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, description = "Games: live ones first, then by start", body = Page<Game>),
        (status = 400, description = "A parameter is wrong", content_type = "application/problem+json", body = Problem),
        (status = 503, description = "The store does not answer", content_type = "application/problem+json", body = Problem),
    )
)]
/// Every game with its score, state of play and chances.
pub async fn games(State(context): State<ApiContext>, uri: Uri) -> Result<Json<Page<Game>>, Problem> {
    let query = Query::read(&uri, &["status", "league", "limit", "next"])?;
    let status = query.choice("status", "", &STATUSES)?;
    query.limit()?;
    let mut games = Vec::new();
    for entity in directory::list(context.store.as_ref(), Family::Scores).await? {
        let Some(merged) = read::merged(&context, Family::Scores, &entity).await? else { continue };
        let FamilyState::Scores(state) = &merged.state else { continue };
        games.push(game(entity, state, merged.as_of_ms, (context.clock)()));
    }
    relate(&mut games);
    attach_odds_events(&context, &mut games).await?;
    games.retain(|game| {
        let is_status = status.is_empty() || game.status == status || (status == "live" && game.is_live);
        is_status && query.text("league").is_none_or(|league| game.league.as_deref() == Some(league))
    });
    games.sort_by(|a, b| (!a.is_live, &a.starts_at, &a.entity).cmp(&(!b.is_live, &b.starts_at, &b.entity)));
    let mut page = paged(games, &query, |game| game.entity.clone())?;
    for game in &mut page.values {
        game.market = market_chance(&context, game).await?;
    }
    Ok(Json(page))
}

/// What `status` may be: the empty text stands for any.
const STATUSES: [&str; 16] = [
    "",
    "live",
    "scheduled",
    "in_progress",
    "halftime",
    "end_of_period",
    "overtime",
    "shootout",
    "delayed",
    "suspended",
    "postponed",
    "canceled",
    "abandoned",
    "forfeit",
    "final",
    "unknown",
];

/// Who plays in an event, where its vendor told it.
pub async fn names_of(context: &ApiContext, event: &str) -> Result<Option<GameNames>, StoreError> {
    let Some(merged) = read::merged(context, Family::Scores, event).await? else { return Ok(None) };
    let FamilyState::Scores(state) = &merged.state else { return Ok(None) };
    Ok(state.fixture().map(|fixture| GameNames {
        home: fixture.home.clone(),
        away: fixture.away.clone(),
        sport: fixture.sport.clone(),
        league: fixture.league.clone(),
        starts_at: fixture.starts_at_ms.and_then(instant),
    }))
}

fn game(entity: String, state: &ScoreState, as_of_ms: i64, now_ms: i64) -> Game {
    let metrics = state.metrics();
    let (fixture, status) = (state.fixture(), state.status());
    let scored_at_ms = state.path().last().map(|(at_ms, _)| at_ms);
    let changed_at_ms = status.map(|(_, at_ms)| at_ms).max(scored_at_ms);
    let kind = status.map_or(GameStatus::Unknown, |(value, _)| value.status);
    Game {
        source: source_of(&entity).to_owned(),
        entity,
        sport: fixture.and_then(|fixture| fixture.sport.clone()),
        league: fixture.and_then(|fixture| fixture.league.clone()),
        home: Competitor {
            name: fixture.map(|fixture| fixture.home.clone()),
            score: metrics.score.map(|score| score.home_score),
        },
        away: Competitor {
            name: fixture.map(|fixture| fixture.away.clone()),
            score: metrics.score.map(|score| score.away_score),
        },
        status: kind.as_str(),
        is_live: kind.is_live(),
        period: status.and_then(|(value, _)| value.period),
        game_clock: status.and_then(|(value, _)| value.game_clock.clone()),
        starts_at: fixture.and_then(|fixture| fixture.starts_at_ms).and_then(instant),
        venue: fixture.and_then(|fixture| fixture.venue.clone()),
        home_win_probability: metrics.home_win_probability,
        market: None,
        lead_change_count: metrics.lead_change_count,
        largest_lead: metrics.largest_lead,
        update_count: metrics.update_count,
        play_count: metrics.play_count,
        changed_at: changed_at_ms.map(format_utc_ms),
        age_ms: changed_at_ms.map(|at_ms| now_ms.saturating_sub(at_ms)),
        as_of: instant(as_of_ms),
        same_game: Vec::new(),
        odds_events: Vec::new(),
    }
}

/// Names each game's twins at other vendors: same two teams, starts within half a day.
fn relate(games: &mut [Game]) {
    let mut by_teams: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
    for (index, game) in games.iter().enumerate() {
        if let (Some(home), Some(away)) = (&game.home.name, &game.away.name) {
            by_teams.entry((normalised(home), normalised(away))).or_default().push(index);
        }
    }
    let starts_ms: Vec<Option<i64>> =
        games.iter().map(|game| game.starts_at.as_deref().and_then(touchline_event::parse_utc_ms)).collect();
    for twins in by_teams.values().filter(|twins| twins.len() > 1) {
        for &index in twins {
            let is_twin = |other: &usize| {
                let starts = starts_ms[index].zip(starts_ms[*other]);
                games[*other].source != games[index].source
                    && starts.is_some_and(|(a, b)| a.abs_diff(b) <= SAME_GAME_MS as u64)
            };
            let same_game = twins.iter().filter(|other| is_twin(other)).map(|other| games[*other].entity.clone());
            games[index].same_game = same_game.collect();
        }
    }
}

async fn attach_odds_events(context: &ApiContext, games: &mut [Game]) -> Result<(), StoreError> {
    let odds = directory::list(context.store.as_ref(), Family::Odds).await?;
    let events: std::collections::BTreeSet<&str> = odds.iter().map(|entity| event_of(entity)).collect();
    for game in games {
        let own = std::iter::once(&game.entity).chain(&game.same_game);
        game.odds_events = own.filter(|entity| events.contains(entity.as_str())).cloned().collect();
    }
    Ok(())
}

/// The chances that the most books agree on, among the game's odds events.
async fn market_chance(context: &ApiContext, game: &Game) -> Result<Option<MarketChance>, StoreError> {
    let (Some(home), Some(away)) = (&game.home.name, &game.away.name) else { return Ok(None) };
    let mut best: Option<MarketChance> = None;
    for event in &game.odds_events {
        let entity = format!("{event}|h2h");
        let Some(merged) = read::merged(context, Family::Odds, &entity).await? else { continue };
        let FamilyState::Odds(state) = &merged.state else { continue };
        let (mut chances, mut book_count) = ([None; 3], 0);
        for fair in main_consensus(state) {
            let outcome = normalised(&fair.outcome);
            let side = match outcome.as_str() {
                "home" => 0,
                "away" => 2,
                "draw" | "tie" | "thedraw" => 1,
                name if name == normalised(home) => 0,
                name if name == normalised(away) => 2,
                _ => continue,
            };
            chances[side] = Some(fair.fair_probability);
            book_count = fair.book_count;
        }
        if let [Some(home), draw, Some(away)] = chances
            && best.as_ref().is_none_or(|best| best.book_count < book_count)
        {
            best = Some(MarketChance { event: event.clone(), home, draw, away, book_count });
        }
    }
    Ok(best)
}

/// Letters and digits in lower case: vendors differ in spaces, dots and capitals.
fn normalised(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
