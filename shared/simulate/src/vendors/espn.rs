//! ESPN's site API: scoreboards and summaries of an instant, without a key.
//! ESPN-1: what is told of a game is what the recording says of that instant: no play, score or winner that was not known.
//! See docs/vendors/espn.md. A summary's game stands in its league's scoreboard too, by the summary's own header.

use serde_json::{Value, json};
use touchline_event::{format_utc_ms, parse_utc_ms};

use super::{Endpoint, fixture};
use crate::answer::{Answer, Asked};
use crate::moved::{UnixTimes, moved};
use crate::recordings::{Bundled, Kind, RecordingError};
use crate::schedule::{Schedule, Snapshot};
use crate::slices;

const VENDOR: &str = "espn";
pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        vendor: VENDOR,
        path: "/apis/site/v2/sports/{sport}/{league}/scoreboard",
        plays: "soccer/fifa.world: 13 captures; football/nfl, basketball/nba: the summaries' games; baseball/mlb, hockey/nhl, soccer/eng.1, soccer/usa.1: one fixture each",
    },
    Endpoint {
        vendor: VENDOR,
        path: "/apis/site/v2/sports/{sport}/{league}/summary?event={id}",
        plays: "football/nfl 401547505, basketball/nba 401585135: play by play",
    },
    Endpoint {
        vendor: VENDOR,
        path: "/apis/site/v2/sports/{sport}/{league}/teams/{id}/roster",
        plays: "football/nfl: one fixture",
    },
];

/// ESPN lets caches keep an answer this long.
const CACHE_SECONDS: u32 = 5;
/// ESPN's days are New York's; in summer they begin four hours after those of UTC.
const DAY_STARTS_MS: i64 = 4 * 3_600_000;
/// The fixtures' first games start here on the match day.
const FIXTURES_START: &str = "2026-07-04T17:00:00Z";

/// Scoreboards that are one fixture, with the start of their first game.
const FIXTURES: [(&str, &str, &[u8]); 4] = [
    ("baseball/mlb", "2022-09-17T19:07:00Z", fixture!("espn/mlb_scoreboard_live_with_odds.json")),
    ("hockey/nhl", "2025-09-20T23:00:00Z", fixture!("espn/nhl_scoreboard_scheduled.json")),
    ("soccer/eng.1", "2025-09-27T14:00:00Z", fixture!("espn/epl_scoreboard_own_goals_and_decimal_odds.json")),
    ("soccer/usa.1", "2022-09-18T00:00:00Z", fixture!("espn/mls_scoreboard_first_half_and_decimal_odds.json")),
];
const ROSTER: &[u8] = fixture!("espn/team_roster.json");

/// What is played.
pub struct Espn {
    /// By `sport/league`.
    scoreboards: Vec<(String, Schedule)>,
    games: Vec<Game>,
}

/// A game told by its summary.
struct Game {
    league: &'static str,
    id: String,
    summary: Value,
    last_play_ms: i64,
    shift_ms: i64,
}

impl Espn {
    pub(super) fn new(recordings: &[Bundled]) -> Result<Self, RecordingError> {
        let (mut scoreboards, mut games) = (Vec::new(), Vec::new());
        for recording in recordings.iter().filter(|recording| recording.source == VENDOR) {
            match recording.kind {
                Kind::Summary => games.push(Game::new(recording)?),
                _ => scoreboards.push(("soccer/fifa.world".to_owned(), Schedule::of_polls(recording)?)),
            }
        }
        let start_ms = utc_ms(FIXTURES_START)?;
        for (league, first_game, bytes) in FIXTURES {
            let snapshot = Snapshot::new(i64::MIN, start_ms - utc_ms(first_game)?, bytes.to_vec());
            scoreboards.push((league.to_owned(), Schedule::new(vec![snapshot])));
        }
        Ok(Self { scoreboards, games })
    }

    pub(super) fn answer(&self, asked: &Asked<'_>) -> Answer {
        let answer = match asked.parts().as_slice() {
            ["apis", "site", "v2", "sports", sport, league, "scoreboard"] => {
                self.scoreboard(&format!("{sport}/{league}"), asked)
            }
            ["apis", "site", "v2", "sports", sport, league, "summary"] => {
                self.summary(&format!("{sport}/{league}"), asked)
            }
            ["apis", "site", "v2", "sports", "football", "nfl", "teams", _, "roster"] => {
                Some(Answer::bytes(200, ROSTER.to_vec()))
            }
            _ => None,
        };
        let missing =
            || Answer::json(404, &json!({"code": 404, "message": "Failed to get the requested resource [404]"}));
        answer.unwrap_or_else(missing).with("cache-control", format!("max-age={CACHE_SECONDS}"))
    }

    fn scoreboard(&self, league: &str, asked: &Asked<'_>) -> Option<Answer> {
        let moment = asked.moment;
        let recorded = self.scoreboards.iter().find(|(known, _)| known == league);
        let told = recorded.map(|(_, schedule)| schedule.at(moment.now_ms));
        let games: Vec<&Game> = self.games.iter().filter(|game| game.league == league).collect();
        let mut board: Value = match told {
            // A league that is known and has no capture yet has no games on today.
            Some(None) => json!({"leagues": [], "events": []}),
            Some(Some((_, snapshot))) => {
                serde_json::from_slice(&snapshot.told(moment.offset_ms, UnixTimes::NONE)).ok()?
            }
            None if games.is_empty() => return None,
            None => json!({"leagues": [games[0].league_entry()], "events": []}),
        };
        let events = board["events"].as_array_mut()?;
        events.extend(games.into_iter().filter_map(|game| game.event(asked)));
        if let Some((from, to)) = asked.get("dates").and_then(days) {
            events
                .retain(|event| day_of(event).is_some_and(|day| (from.as_str()..=to.as_str()).contains(&day.as_str())));
        }
        let answer = Answer::json(200, &board);
        Some(match told.flatten() {
            Some((_, snapshot)) if snapshot.at_ms > i64::MIN => answer.modified_at(snapshot.at_ms + moment.offset_ms),
            _ => answer,
        })
    }

    fn summary(&self, league: &str, asked: &Asked<'_>) -> Option<Answer> {
        let id = asked.get("event")?;
        let game = self.games.iter().find(|game| game.league == league && game.id == id)?;
        Some(Answer::bytes(200, game.told(&game.as_of(asked.moment.now_ms), asked)))
    }
}

impl Game {
    fn new(recording: &Bundled) -> Result<Self, RecordingError> {
        let summary: Value = serde_json::from_slice(&recording.bytes)?;
        let last_play_ms = *slices::wall_clocks(&summary).last().ok_or(RecordingError::NoWallClock)?;
        let league = if summary["header"]["league"]["slug"] == "nba" { "basketball/nba" } else { "football/nfl" };
        let id = summary["header"]["id"].as_str().unwrap_or_default().to_owned();
        Ok(Self { league, id, summary, last_play_ms, shift_ms: recording.shift_ms })
    }

    /// The summary as it was known at an instant of the match day, with its own times.
    fn as_of(&self, now_ms: i64) -> Value {
        let own_ms = now_ms - self.shift_ms;
        if own_ms > self.last_play_ms {
            return self.summary.clone();
        }
        slices::rewound(&self.summary, i64::MIN, own_ms).unwrap_or_else(|| slices::before_start(&self.summary))
    }

    fn told(&self, value: &Value, asked: &Asked<'_>) -> Vec<u8> {
        let bytes = serde_json::to_vec(value).unwrap_or_default();
        moved(&bytes, self.shift_ms + asked.moment.offset_ms, UnixTimes::NONE)
    }

    fn league_entry(&self) -> Value {
        self.summary["header"]["league"].clone()
    }

    /// The game as a scoreboard lists it: the summary's header under the scoreboard's names.
    fn event(&self, asked: &Asked<'_>) -> Option<Value> {
        let header = &self.as_of(asked.moment.now_ms)["header"];
        let competition = &header["competitions"][0];
        let event = json!({
            "id": header["id"], "uid": header["uid"], "season": header["season"],
            "date": competition["date"], "status": competition["status"], "competitions": header["competitions"],
        });
        serde_json::from_slice(&self.told(&event, asked)).ok()
    }
}

fn utc_ms(text: &str) -> Result<i64, RecordingError> {
    parse_utc_ms(text).ok_or_else(|| RecordingError::Time { line: 0, text: text.to_owned() })
}

/// `20260704` or `20260704-20260706`.
fn days(text: &str) -> Option<(String, String)> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let is_day = |day: &str| day.len() == 8 && day.bytes().all(|byte| byte.is_ascii_digit());
    (is_day(from) && is_day(to)).then(|| (from.to_owned(), to.to_owned()))
}

fn day_of(event: &Value) -> Option<String> {
    let at_ms = parse_utc_ms(event["date"].as_str()?)? - DAY_STARTS_MS;
    Some(format_utc_ms(at_ms)[..10].replace('-', ""))
}
