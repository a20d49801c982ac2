//! SportMonks football v3: fixtures with what is included, and how many calls are left in every answer.
//! SM-1: a member that must be included is there only where the request includes it; `rate_limit` counts an hour and an entity.
//! See docs/vendors/sportmonks.md. Each answer is one fixture of the parsers: its times lie around the start and stand still.

use serde_json::{Value, json};
use touchline_event::parse_utc_ms;

use super::{Endpoint, World, fixture};
use crate::answer::{Answer, Asked, WRONG_KEY};
use crate::budget::{Allowance, Spent};
use crate::moved::{UnixTimes, moved};

const VENDOR: &str = "sportmonks";
pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint { vendor: VENDOR, path: "/v3/football/livescores", plays: "Celtic v Rangers in the second half" },
    Endpoint { vendor: VENDOR, path: "/v3/football/livescores/inplay", plays: "the same" },
    Endpoint { vendor: VENDOR, path: "/v3/football/fixtures", plays: "two fixtures without includes" },
    Endpoint {
        vendor: VENDOR,
        path: "/v3/football/fixtures/{id}",
        plays: "19683241: decided by penalties; 18535517: Celtic v Rangers",
    },
    Endpoint {
        vendor: VENDOR,
        path: "/v3/football/teams, /leagues, /odds/pre-match, /news/pre-match, /squads/teams/{id}",
        plays: "one fixture each",
    },
];

const AN_HOUR: Allowance = Allowance { name: "sportmonks: hour", limit: 3_000, window_ms: 3_600_000 };
const TIMES: UnixTimes = UnixTimes { keys: &["starting_at_timestamp", "started", "ended"], unit_ms: 1_000 };

const LIVE: &[u8] = fixture!("sportmonks/v3_livescores_in_second_half.json");
/// Into the second half.
const LIVE_TAKEN_AT: &str = "2022-10-01T12:40:00Z";
const PENALTIES: &[u8] = fixture!("sportmonks/v3_fixture_decided_by_penalties.json");
const PENALTIES_TAKEN_AT: &str = "2026-05-30T19:00:00Z";
const FIXTURES: &[u8] = fixture!("sportmonks/v3_fixtures_single_page.json");
const FIXTURES_TAKEN_AT: &str = "2024-10-26T17:00:00Z";
const NEWS_TAKEN_AT: &str = "2024-01-01T12:00:00Z";
const TEAMS: &[u8] = fixture!("sportmonks/v3_teams.json");
const LEAGUES: &[u8] = fixture!("sportmonks/v3_leagues.json");
const ODDS: &[u8] = fixture!("sportmonks/v3_odds.json");
const NEWS: &[u8] = fixture!("sportmonks/v3_news.json");
const SQUAD: &[u8] = fixture!("sportmonks/v3_squad.json");

/// The vendor.
pub struct SportMonks {
    from_ms: i64,
}

impl SportMonks {
    pub(super) fn new(from_ms: i64) -> Self {
        Self { from_ms }
    }

    pub(super) fn answer(&self, world: &World<'_>, asked: &Asked<'_>) -> Answer {
        let key = asked.get("api_token").or_else(|| asked.header("authorization"));
        let Some(key) = key.filter(|key| *key != WRONG_KEY) else {
            return Answer::json(401, &json!({"message": "Unauthenticated.", "link": "https://docs.sportmonks.com"}));
        };
        let parts = asked.parts();
        let Some((entity, (bytes, taken_at))) = parts.get(2).and_then(|_| recorded(&parts)) else {
            return Answer::json(404, &json!({"message": "The requested endpoint does not exist.", "code": 404}));
        };
        let (is_granted, remaining, resets_in_s) =
            match world.budgets.spend(AN_HOUR, &format!("{key} {entity}"), 1, asked.moment.elapsed_ms) {
                Spent::Granted { remaining, resets_in_s, .. } => (true, remaining, resets_in_s),
                Spent::Refused { remaining, resets_in_s, .. } => (false, remaining, resets_in_s),
            };
        let rate_limit = json!({"resets_in_seconds": resets_in_s, "remaining": remaining, "requested_entity": entity});
        if !is_granted {
            return too_many().with("retry-after", resets_in_s);
        }
        let mut body = self.placed(bytes, taken_at, asked);
        let includes: Vec<&str> =
            asked.list("include").into_iter().map(|name| name.split(['.', ':']).next().unwrap_or(name)).collect();
        if let ["v3", "football", "fixtures", id] = parts.as_slice()
            && id.parse().ok() != body["data"]["id"].as_u64()
        {
            let message = "No result(s) found matching your request.";
            body = json!({"message": message, "subscription": []});
        }
        match body.get_mut("data") {
            Some(Value::Array(rows)) => rows.iter_mut().for_each(|row| keep_included(row, &includes)),
            Some(row) => keep_included(row, &includes),
            None => {}
        }
        body["rate_limit"] = rate_limit;
        body["timezone"] = json!("UTC");
        Answer::json(200, &body)
    }

    /// The fixture with the instant of its taking at the simulation's start.
    fn placed(&self, bytes: &[u8], taken_at: &str, asked: &Asked<'_>) -> Value {
        let by_ms = parse_utc_ms(taken_at).map_or(0, |taken_ms| self.from_ms - taken_ms) + asked.moment.offset_ms;
        // Starts are given to the minute in two spellings, which must stay equal.
        let whole_minutes_ms = by_ms.div_euclid(60_000) * 60_000;
        let mut body: Value = serde_json::from_slice(&moved(bytes, whole_minutes_ms, TIMES)).unwrap_or(Value::Null);
        if asked.parts().as_slice() == ["v3", "football", "fixtures", "18535517"] {
            body["data"] = body["data"][0].take();
        }
        body
    }
}

/// The entity that is counted, the bytes, and when they were taken.
fn recorded(parts: &[&str]) -> Option<(&'static str, (&'static [u8], &'static str))> {
    Some(match parts {
        ["v3", "football", "livescores"] | ["v3", "football", "livescores", "inplay" | "latest"] => {
            ("Livescore", (LIVE, LIVE_TAKEN_AT))
        }
        ["v3", "football", "fixtures", "18535517"] => ("Fixture", (LIVE, LIVE_TAKEN_AT)),
        ["v3", "football", "fixtures", "date", _] | ["v3", "football", "fixtures"] => {
            ("Fixture", (FIXTURES, FIXTURES_TAKEN_AT))
        }
        ["v3", "football", "fixtures", _] => ("Fixture", (PENALTIES, PENALTIES_TAKEN_AT)),
        ["v3", "football", "teams"] => ("Team", (TEAMS, FIXTURES_TAKEN_AT)),
        ["v3", "football", "leagues"] => ("League", (LEAGUES, FIXTURES_TAKEN_AT)),
        ["v3", "football", "odds", "pre-match", ..] => ("Odd", (ODDS, FIXTURES_TAKEN_AT)),
        ["v3", "football", "news", "pre-match", ..] => ("News", (NEWS, NEWS_TAKEN_AT)),
        ["v3", "football", "squads", "teams", _] => ("Squad", (SQUAD, FIXTURES_TAKEN_AT)),
        _ => return None,
    })
}

/// Members that are objects or lists are there only if they are included.
fn keep_included(row: &mut Value, includes: &[&str]) {
    if let Some(members) = row.as_object_mut() {
        members.retain(|name, member| !(member.is_object() || member.is_array()) || includes.contains(&name.as_str()));
    }
}

/// What comes beyond an hour's calls.
pub(super) fn too_many() -> Answer {
    Answer::json(429, &json!({"message": "Too Many Requests", "link": "https://docs.sportmonks.com"}))
}
