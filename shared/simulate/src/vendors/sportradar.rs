//! Sportradar: soccer v4 timelines that grow with the clock, and games of US leagues; one request a second.
//! SR-1: a timeline holds the moments up to now, and the score and state of the last of them.
//! See docs/vendors/sportradar.md. US games are one answer each: their times lie before the start and stand still.

use serde_json::{Value, json};
use touchline_event::parse_utc_ms;

use super::{Endpoint, World, fixture};
use crate::answer::{Answer, Asked, HTML, WRONG_KEY};
use crate::budget::{Allowance, Spent};
use crate::moved::{UnixTimes, moved};

const VENDOR: &str = "sportradar";
pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        vendor: VENDOR,
        path: "/soccer/{level}/v4/{lang}/sport_events/{id}/timeline.json",
        plays: "sr:sport_event:22926007, moment by moment from the start",
    },
    Endpoint {
        vendor: VENDOR,
        path: "/soccer/{level}/v4/{lang}/sport_events/{id}/lineups.json",
        plays: "the same game",
    },
    Endpoint {
        vendor: VENDOR,
        path: "/soccer/{level}/v4/{lang}/schedules/{date}/summaries.json",
        plays: "one fixture: closed, postponed, cancelled",
    },
    Endpoint {
        vendor: VENDOR,
        path: "/nba/{level}/v8/{lang}/games/{id}/summary.json, /pbp.json",
        plays: "one fixture each",
    },
    Endpoint {
        vendor: VENDOR,
        path: "/nfl/official/{level}/v7/{lang}/games/{id}/pbp.json, /statistics.json",
        plays: "one fixture each",
    },
    Endpoint { vendor: VENDOR, path: "/mlb/{level}/v7/{lang}/games/{id}/pbp.json", plays: "one fixture" },
    Endpoint { vendor: VENDOR, path: "/nhl/{level}/v7/{lang}/games/{id}/pbp.json", plays: "one fixture" },
];

const A_SECOND: Allowance = Allowance { name: "sportradar: second", limit: 1, window_ms: 1_000 };
const A_MONTH: Allowance = Allowance { name: "sportradar: month", limit: 1_000, window_ms: 30 * 86_400_000 };
const TIMELINE: &[u8] = fixture!("sportradar/soccer_v4_timeline.json");
const LINEUPS: &[u8] = fixture!("sportradar/soccer_v4_lineups.json");
/// Kick-off of the timeline's game.
const KICK_OFF: &str = "2020-08-21T16:00:00Z";

struct Recorded {
    bytes: &'static [u8],
    /// What lies at the simulation's start.
    taken_at: &'static str,
}

/// The vendor.
pub struct Sportradar {
    from_ms: i64,
}

impl Sportradar {
    pub(super) fn new(from_ms: i64) -> Self {
        Self { from_ms }
    }

    pub(super) fn answer(&self, world: &World<'_>, asked: &Asked<'_>) -> Answer {
        let key = asked.header("x-api-key").or_else(|| asked.get("api_key"));
        let Some(key) = key.filter(|key| *key != WRONG_KEY) else {
            return forbidden("Developer Inactive", "ERR_403_DEVELOPER_INACTIVE");
        };
        let api = asked.parts().first().copied().unwrap_or_default();
        let spend = |allowance| world.budgets.spend(allowance, &format!("{key} {api}"), 1, asked.moment.elapsed_ms);
        if let Spent::Refused { .. } = spend(A_SECOND) {
            return too_many().with("retry-after", 1);
        }
        if let Spent::Refused { .. } = spend(A_MONTH) {
            return forbidden("Developer Over Rate", "ERR_403_DEVELOPER_OVER_RATE");
        }
        match self.body(asked) {
            Some(body) => Answer::bytes(200, body),
            None => Answer::json(404, &json!({"message": "Not Found"})),
        }
    }

    fn body(&self, asked: &Asked<'_>) -> Option<Vec<u8>> {
        let parts = asked.parts();
        if let ["soccer", _, "v4", _, "sport_events", id, what] = parts.as_slice() {
            return match (*id, *what) {
                ("sr:sport_event:22926007", "timeline.json") => self.timeline(asked),
                ("sr:sport_event:22926007", "lineups.json") => {
                    Some(self.placed(&Recorded { bytes: LINEUPS, taken_at: KICK_OFF }, asked))
                }
                _ => None,
            };
        }
        Some(self.placed(&recorded(&parts)?, asked))
    }

    fn shift_ms(&self, taken_at: &str) -> i64 {
        parse_utc_ms(taken_at).map_or(0, |taken_ms| self.from_ms - taken_ms)
    }

    fn placed(&self, recorded: &Recorded, asked: &Asked<'_>) -> Vec<u8> {
        moved(recorded.bytes, self.shift_ms(recorded.taken_at) + asked.moment.offset_ms, UnixTimes::NONE)
    }

    /// The timeline as of now: its later moments are left out, and the result until the last one is there.
    fn timeline(&self, asked: &Asked<'_>) -> Option<Vec<u8>> {
        let mut body: Value = serde_json::from_slice(TIMELINE).ok()?;
        let own_ms = asked.moment.now_ms - self.shift_ms(KICK_OFF);
        let moments = body["timeline"].as_array_mut()?;
        let all = moments.len();
        moments.retain(|moment| moment["time"].as_str().and_then(parse_utc_ms).is_some_and(|at_ms| at_ms <= own_ms));
        if moments.len() < all {
            let score = moments.iter().rev().find(|moment| moment.get("home_score").is_some()).cloned();
            let is_live = !moments.is_empty();
            let side = |name: &str| score.as_ref().map_or(json!(0), |moment| moment[name].clone());
            body["sport_event_status"] = if is_live {
                json!({"status": "live", "match_status": "live", "home_score": side("home_score"), "away_score": side("away_score")})
            } else {
                json!({"status": "not_started", "match_status": "not_started"})
            };
        }
        let bytes = serde_json::to_vec(&body).ok()?;
        Some(moved(&bytes, self.shift_ms(KICK_OFF) + asked.moment.offset_ms, UnixTimes::NONE))
    }
}

fn recorded(parts: &[&str]) -> Option<Recorded> {
    let (bytes, taken_at): (&'static [u8], _) = match parts {
        ["soccer", _, "v4", _, "schedules", _, "summaries.json" | "schedules.json"] => {
            (fixture!("sportradar/soccer_v4_schedule_closed_postponed_cancelled.json"), "2023-01-14T19:26:00Z")
        }
        ["nba", _, _, _, "games", _, "summary.json"] => {
            (fixture!("sportradar/nba_summary.json"), "2017-01-21T03:00:00Z")
        }
        ["nba", _, _, _, "games", _, "pbp.json"] => {
            (fixture!("sportradar/nba_pbp_2017_without_running_score.json"), "2017-01-21T03:00:00Z")
        }
        ["nfl", "official", _, _, _, "games", _, "pbp.json"] => {
            (fixture!("sportradar/nfl_pbp_drives.json"), "2016-11-14T05:00:00Z")
        }
        ["nfl", "official", _, _, _, "games", _, "statistics.json"] => {
            (fixture!("sportradar/nfl_statistics.json"), "2016-11-14T05:00:00Z")
        }
        ["mlb", _, _, _, "games", _, "pbp.json"] => {
            (fixture!("sportradar/mlb_pbp_innings.json"), "2022-06-29T20:00:00Z")
        }
        ["nhl", _, _, _, "games", _, "pbp.json"] => (fixture!("sportradar/nhl_pbp.json"), "2017-01-28T00:30:00Z"),
        _ => return None,
    };
    Some(Recorded { bytes, taken_at })
}

/// The gateway's refusals are small pages with the reason in a header.
fn forbidden(reason: &str, code: &str) -> Answer {
    let page = Answer::bytes(403, format!("<h1>403 {reason}</h1>").into_bytes());
    Answer { content_type: HTML, ..page }.with("x-mashery-error-code", code)
}

/// What comes beyond one request a second.
pub(super) fn too_many() -> Answer {
    Answer::json(429, &json!({"message": "Too Many Requests"}))
}
