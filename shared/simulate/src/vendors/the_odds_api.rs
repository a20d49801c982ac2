//! The Odds API v4: odds by poll, credits as markets x regions, history by date.
//! ODDS-1: a request costs what the vendor's price list says, before it is answered; nothing is taken for an empty answer or an error.
//! See docs/vendors/the-odds-api.md. American prices are reckoned from the recorded decimal ones.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use touchline_event::{format_utc_ms, parse_utc_ms};

use super::{Endpoint, World, fixture};
use crate::answer::{Answer, Asked, WRONG_KEY};
use crate::books;
use crate::budget::{Allowance, Spent};
use crate::moved::UnixTimes;
use crate::recordings::{Bundled, Kind, RecordingError};
use crate::schedule::{Schedule, Snapshot};
use crate::tables;

const VENDOR: &str = "the-odds-api";
pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint { vendor: VENDOR, path: "/v4/sports", plays: "the sports below" },
    Endpoint { vendor: VENDOR, path: "/v4/sports/{sport}/events", plays: "the games of its odds" },
    Endpoint {
        vendor: VENDOR,
        path: "/v4/sports/{sport}/odds",
        plays: "americanfootball_nfl: five polls; soccer_usa_mls: one poll",
    },
    Endpoint { vendor: VENDOR, path: "/v4/sports/{sport}/events/{id}/odds", plays: "one game of the same" },
    Endpoint {
        vendor: VENDOR,
        path: "/v4/sports/{sport}/scores",
        plays: "basketball_wnba: two fixtures; no scores elsewhere",
    },
    Endpoint {
        vendor: VENDOR,
        path: "/v4/historical/sports/{sport}/odds",
        plays: "the poll of that date, with its neighbours",
    },
    Endpoint { vendor: VENDOR, path: "/v4/historical/sports/{sport}/events", plays: "the same without prices" },
];

const PER_SECOND: Allowance = Allowance { name: "the-odds-api: second", limit: 30, window_ms: 1_000 };
const MONTH_MS: i64 = 30 * 86_400_000;
const REGIONS: [&str; 10] = ["us", "us2", "us_dfs", "us_ex", "uk", "au", "eu", "fr", "se", "ca"];
const FEATURED: [&str; 6] = ["h2h", "spreads", "totals", "outrights", "h2h_lay", "outrights_lay"];
/// Bookmakers that cost as much as a region.
const BOOKS_PER_REGION: usize = 10;
/// What history costs more.
const HISTORY_FACTOR: u64 = 10;
const SECOND_OF_SCORES: &str = "2026-07-07T09:22:48Z";
/// When the two fixtures of scores are what is known.
const SCORES_AT: [&str; 2] = ["2026-07-04T16:00:00Z", "2026-07-04T18:00:00Z"];

/// Key, group, title of what is played.
const SPORTS: [(&str, &str, &str, &str); 3] = [
    ("americanfootball_nfl", "American Football", "NFL", "US Football"),
    ("basketball_wnba", "Basketball", "WNBA", "US Basketball"),
    ("soccer_usa_mls", "Soccer", "MLS", "Major League Soccer"),
];

/// What is played of each sport.
pub struct TheOddsApi {
    odds: BTreeMap<String, Schedule>,
    scores: Schedule,
}

/// What an answer is made of before it is priced.
struct Priced {
    body: Value,
    cost: u64,
    modified_at_ms: Option<i64>,
}

impl TheOddsApi {
    pub(super) fn new(recordings: &[Bundled]) -> Result<Self, RecordingError> {
        let mut odds = BTreeMap::new();
        for recording in recordings.iter().filter(|recording| recording.source == VENDOR) {
            let (sport, schedule) = match recording.kind {
                Kind::Table => {
                    let at_ms = recording.ends_at_ms + recording.shift_ms;
                    let body = tables::nested(&recording.bytes)?;
                    ("soccer_usa_mls", Schedule::new(vec![Snapshot::new(at_ms, recording.shift_ms, body)]))
                }
                _ => ("americanfootball_nfl", Schedule::of_polls(recording)?),
            };
            odds.insert(sport.to_owned(), schedule);
        }
        Ok(Self { odds, scores: scores()? })
    }

    pub(super) fn answer(&self, world: &World<'_>, asked: &Asked<'_>) -> Answer {
        let Some(key) = asked.get("apiKey") else {
            return error(401, "MISSING_KEY", "API key is missing");
        };
        if key == WRONG_KEY {
            return error(401, "INVALID_KEY", "API key is not valid");
        }
        if let Spent::Refused { .. } = world.budgets.spend(PER_SECOND, key, 1, asked.moment.elapsed_ms) {
            return too_many().with("retry-after", 1);
        }
        let month = Allowance { name: "the-odds-api: month", limit: world.credits, window_ms: MONTH_MS };
        let spend = |cost| world.budgets.spend(month, key, cost, asked.moment.elapsed_ms);
        match self.priced(asked) {
            Err(refused) => with_credits(refused, spend(0), 0),
            Ok(Priced { body, cost, modified_at_ms }) => match spend(cost) {
                spent @ Spent::Granted { .. } => {
                    let answer = Answer { modified_at_ms, ..Answer::json(200, &body) };
                    with_credits(answer, spent, cost)
                }
                spent => {
                    let message = "Usage quota has been reached. See usage plans at https://the-odds-api.com";
                    with_credits(error(401, "OUT_OF_USAGE_CREDITS", message), spent, 0)
                }
            },
        }
    }

    fn priced(&self, asked: &Asked<'_>) -> Result<Priced, Answer> {
        match asked.parts().as_slice() {
            ["v4", "sports"] => Ok(Priced { body: sports(), cost: 0, modified_at_ms: None }),
            ["v4", "sports", sport, "events"] => {
                let (body, at) = self.snapshot(sport, asked)?;
                Ok(Priced { body: games_only(body), cost: 0, modified_at_ms: Some(at) })
            }
            ["v4", "sports", sport, "odds"] => self.odds(sport, asked),
            ["v4", "sports", sport, "events", id, "odds"] => self.event_odds(sport, id, asked),
            ["v4", "sports", sport, "scores"] => self.scores(sport, asked),
            ["v4", "historical", "sports", sport, kind @ ("odds" | "events")] => self.history(sport, kind, asked),
            _ => Err(Answer::json(404, &json!({"message": "Not found"}))),
        }
    }

    /// The sport's last poll by now, and when it was made by the clients' clock.
    fn snapshot(&self, sport: &str, asked: &Asked<'_>) -> Result<(Value, i64), Answer> {
        let Some(schedule) = self.odds.get(sport) else {
            return if is_played(sport) { Ok((json!([]), 0)) } else { Err(unknown_sport()) };
        };
        Ok(schedule.at(asked.moment.now_ms).map_or((json!([]), 0), |(_, snapshot)| told(snapshot, asked)))
    }

    fn odds(&self, sport: &str, asked: &Asked<'_>) -> Result<Priced, Answer> {
        let wanted = Wanted::of(asked, &FEATURED)?;
        let (body, at) = self.snapshot(sport, asked)?;
        let body = wanted.select(body);
        let cost = if is_empty(&body) { 0 } else { wanted.markets.len() as u64 * wanted.region_count };
        Ok(Priced { body, cost, modified_at_ms: Some(at) })
    }

    fn event_odds(&self, sport: &str, id: &str, asked: &Asked<'_>) -> Result<Priced, Answer> {
        let wanted = Wanted::of(asked, &[])?;
        let (body, at) = self.snapshot(sport, asked)?;
        let games = wanted.select(body);
        let Some(game) = games.as_array().into_iter().flatten().find(|game| game["id"] == *id) else {
            return Err(error(404, "EVENT_NOT_FOUND", "Event not found"));
        };
        let books = game["bookmakers"].as_array().into_iter().flatten();
        let markets: BTreeSet<&str> = books
            .flat_map(|book| book["markets"].as_array().into_iter().flatten())
            .filter_map(|market| market["key"].as_str())
            .collect();
        let cost = markets.len() as u64 * wanted.region_count;
        Ok(Priced { body: game.clone(), cost, modified_at_ms: Some(at) })
    }

    fn scores(&self, sport: &str, asked: &Asked<'_>) -> Result<Priced, Answer> {
        let cost = if asked.get("daysFrom").is_some() { 2 } else { 1 };
        if sport == "basketball_wnba" {
            let (body, at) =
                self.scores.at(asked.moment.now_ms).map_or((json!([]), 0), |(_, snapshot)| told(snapshot, asked));
            return Ok(Priced { body, cost, modified_at_ms: Some(at) });
        }
        let (mut body, at) = self.snapshot(sport, asked)?;
        for game in body.as_array_mut().into_iter().flatten() {
            game["completed"] = json!(false);
            game["scores"] = Value::Null;
            game["last_update"] = Value::Null;
        }
        Ok(Priced { body: games_only(body), cost, modified_at_ms: Some(at) })
    }

    fn history(&self, sport: &str, kind: &str, asked: &Asked<'_>) -> Result<Priced, Answer> {
        let Some(date) = asked.get("date") else {
            return Err(error(422, "MISSING_HISTORICAL_TIMESTAMP", "Missing parameter date"));
        };
        let Some(date_ms) = parse_utc_ms(date) else {
            return Err(error(422, "INVALID_HISTORICAL_TIMESTAMP", "Invalid date; expected ISO 8601"));
        };
        let schedule = self.odds.get(sport).ok_or_else(unknown_sport)?;
        let offset_ms = asked.moment.offset_ms;
        let Some((index, snapshot)) = schedule.at((date_ms - offset_ms).min(asked.moment.now_ms)) else {
            return Err(error(404, "HISTORICAL_DATA_NOT_FOUND", "No snapshot at or before this date"));
        };
        let is_known = |snapshot: &&Snapshot| snapshot.at_ms <= asked.moment.now_ms;
        let stamp = |snapshot: Option<&Snapshot>| snapshot.map(|one| seconds(one.at_ms + offset_ms));
        let (games, at) = told(snapshot, asked);
        let (games, cost) = match kind {
            "events" => (games_only(games), 1),
            _ => {
                let wanted = Wanted::of(asked, &FEATURED)?;
                (wanted.select(games), HISTORY_FACTOR * wanted.markets.len() as u64 * wanted.region_count)
            }
        };
        let cost = if is_empty(&games) { 0 } else { cost };
        let body = json!({
            "timestamp": stamp(Some(snapshot)),
            "previous_timestamp": stamp(index.checked_sub(1).and_then(|before| schedule.get(before))),
            "next_timestamp": stamp(schedule.get(index + 1).filter(is_known)),
            "data": games,
        });
        Ok(Priced { body, cost, modified_at_ms: Some(at) })
    }
}

/// What a request for odds asks for.
struct Wanted<'a> {
    markets: Vec<&'a str>,
    regions: Vec<&'a str>,
    books: Vec<&'a str>,
    region_count: u64,
    is_american: bool,
}

impl<'a> Wanted<'a> {
    /// Checked parameters; `known` are the markets that may be asked for, any where it is empty.
    fn of(asked: &Asked<'a>, known: &[&str]) -> Result<Self, Answer> {
        let (regions, books) = (asked.list("regions"), asked.list("bookmakers"));
        if regions.is_empty() && books.is_empty() {
            return Err(error(422, "MISSING_REGION", "Missing one of parameters regions, bookmakers"));
        }
        if let Some(region) = regions.iter().find(|region| !REGIONS.contains(region)) {
            return Err(error(422, "INVALID_REGION", &format!("Invalid region {region}")));
        }
        let mut markets = asked.list("markets");
        if markets.is_empty() {
            markets.push("h2h");
        }
        if let Some(market) = markets.iter().find(|market| !known.is_empty() && !known.contains(market)) {
            return Err(error(422, "INVALID_MARKET", &format!("Markets not supported by this endpoint: {market}")));
        }
        let is_american = match asked.get("oddsFormat") {
            None | Some("decimal") => false,
            Some("american") => true,
            Some(_) => return Err(error(422, "INVALID_ODDS_FORMAT", "oddsFormat is one of decimal, american")),
        };
        // Bookmakers take precedence over regions; every ten cost as one.
        let region_count = if books.is_empty() { regions.len() } else { books.len().div_ceil(BOOKS_PER_REGION) };
        Ok(Self { markets, regions, books, region_count: region_count as u64, is_american })
    }

    fn takes(&self, book: &str) -> bool {
        if self.books.is_empty() { self.regions.contains(&books::region_of(book)) } else { self.books.contains(&book) }
    }

    /// The games with the books and markets that were asked for.
    fn select(&self, mut games: Value) -> Value {
        for game in games.as_array_mut().into_iter().flatten() {
            let Some(books) = game["bookmakers"].as_array_mut() else { continue };
            for book in books.iter_mut() {
                if let Some(markets) = book["markets"].as_array_mut() {
                    markets.retain(|market| market["key"].as_str().is_some_and(|key| self.markets.contains(&key)));
                    if self.is_american {
                        markets.iter_mut().for_each(quote_american);
                    }
                }
            }
            books.retain(|book| {
                let has_markets = book["markets"].as_array().is_some_and(|markets| !markets.is_empty());
                has_markets && book["key"].as_str().is_some_and(|key| self.takes(key))
            });
        }
        games
    }
}

fn quote_american(market: &mut Value) {
    for outcome in market["outcomes"].as_array_mut().into_iter().flatten() {
        if let Some(price) = outcome["price"].as_f64() {
            outcome["price"] = json!(american(price));
        }
    }
}

/// Decimal odds as American ones, as books show them: whole numbers.
fn american(decimal: f64) -> i64 {
    let profit = decimal - 1.0;
    let odds = if profit >= 1.0 { profit * 100.0 } else { -100.0 / profit };
    odds.round() as i64
}

fn told(snapshot: &Snapshot, asked: &Asked<'_>) -> (Value, i64) {
    let offset_ms = asked.moment.offset_ms;
    let bytes = snapshot.told(offset_ms, UnixTimes::NONE);
    (serde_json::from_slice(&bytes).unwrap_or_else(|_| json!([])), snapshot.at_ms + offset_ms)
}

/// The two fixtures of scores, on the match day's clock.
fn scores() -> Result<Schedule, RecordingError> {
    let bodies: [&[u8]; 2] =
        [fixture!("the-odds-api/scores_in_progress.json"), fixture!("the-odds-api/scores_final_and_scheduled.json")];
    let time = |text: &str| parse_utc_ms(text).ok_or(RecordingError::Time { line: 0, text: text.to_owned() });
    let taken_at_ms = time(SECOND_OF_SCORES)?;
    let mut snapshots = Vec::new();
    for (at, body) in SCORES_AT.iter().zip(bodies) {
        let at_ms = time(at)?;
        snapshots.push(Snapshot::new(at_ms, at_ms - taken_at_ms, body.to_vec()));
    }
    Ok(Schedule::new(snapshots))
}

fn sports() -> Value {
    let sport = |(key, group, title, description): (&str, &str, &str, &str)| json!({"key": key, "group": group, "title": title, "description": description, "active": true, "has_outrights": false});
    Value::Array(SPORTS.into_iter().map(sport).collect())
}

fn is_played(sport: &str) -> bool {
    SPORTS.iter().any(|(key, ..)| *key == sport)
}

fn games_only(mut games: Value) -> Value {
    for game in games.as_array_mut().into_iter().flatten() {
        if let Some(game) = game.as_object_mut() {
            game.remove("bookmakers");
        }
    }
    games
}

fn is_empty(body: &Value) -> bool {
    body.as_array().is_none_or(Vec::is_empty)
}

fn seconds(at_ms: i64) -> String {
    format!("{}Z", &format_utc_ms(at_ms)[..19])
}

fn with_credits(answer: Answer, spent: Spent, cost: u64) -> Answer {
    let (Spent::Granted { used, remaining, .. } | Spent::Refused { used, remaining, .. }) = spent;
    answer.with("x-requests-remaining", remaining).with("x-requests-used", used).with("x-requests-last", cost)
}

fn unknown_sport() -> Answer {
    error(404, "UNKNOWN_SPORT", "Unknown sport")
}

/// What comes beyond thirty requests a second.
pub(super) fn too_many() -> Answer {
    error(429, "EXCEEDED_FREQ_LIMIT", "Requests are too frequent; space them out over several seconds")
}

fn error(status: u16, code: &str, message: &str) -> Answer {
    let anchor = code.to_lowercase().replace('_', "-");
    let page = "https://the-odds-api.com/liveapi/guides/v4/api-error-codes.html";
    Answer::json(status, &json!({"message": message, "error_code": code, "details_url": format!("{page}#{anchor}")}))
}
