//! A finished game's summary as the answers a poller would have got while it was played: each with the plays so far of the
//! last minutes, and the header rewound to the last of them.
//! SLICE-1: plays are the vendor's, untouched; score, period and clock of a rewound header are those of the last play.
//! SLICE-2: neighbouring answers overlap, as those of a real poller do; equal plays have equal ids.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use touchline_event::parse_utc_ms;

use crate::recordings::{Part, RecordingError};

/// How often the recorded poller asks.
const POLL_EVERY_MS: i64 = 30_000;
/// How far back an answer repeats plays that the one before it had.
const OVERLAP_MS: i64 = 60_000;

/// Answers by the plays' wall clock; the last one is the summary as it was recorded.
pub fn by_wall_clock(bytes: &[u8]) -> Result<Vec<Part>, RecordingError> {
    let summary: Value = serde_json::from_slice(bytes)?;
    let times = wall_clocks(&summary);
    let (Some(first_ms), Some(last_ms)) = (times.first().copied(), times.last().copied()) else {
        return Err(RecordingError::NoWallClock);
    };
    let mut parts = Vec::new();
    let mut at_ms = first_ms;
    while at_ms < last_ms {
        let has_news = times.iter().any(|time| (at_ms - POLL_EVERY_MS + 1..=at_ms).contains(time));
        if has_news {
            let slice =
                rewound(&summary, at_ms - POLL_EVERY_MS - OVERLAP_MS, at_ms).ok_or(RecordingError::NoWallClock)?;
            parts.push(Part { at_ms, received_at_ms: Some(at_ms), bytes: serde_json::to_vec(&slice)? });
        }
        at_ms += POLL_EVERY_MS;
    }
    parts.push(Part {
        at_ms: last_ms + POLL_EVERY_MS,
        received_at_ms: Some(last_ms + POLL_EVERY_MS),
        bytes: bytes.to_vec(),
    });
    Ok(parts)
}

/// When the plays of a summary were made, ascending.
pub fn wall_clocks(summary: &Value) -> Vec<i64> {
    let mut times: Vec<i64> = plays_of(summary).into_iter().filter_map(wall_clock).collect();
    times.sort_unstable();
    times
}

fn plays_of(summary: &Value) -> Vec<&Value> {
    let flat = summary["plays"].as_array().into_iter().flatten();
    let drives = summary["drives"]["previous"].as_array().into_iter().flatten();
    flat.chain(drives.flat_map(|drive| drive["plays"].as_array().into_iter().flatten())).collect()
}

fn wall_clock(play: &Value) -> Option<i64> {
    parse_utc_ms(play["wallclock"].as_str()?)
}

/// The summary as of `at_ms`, with the plays after `since_ms`. `None` where no play was made by then.
pub fn rewound(summary: &Value, since_ms: i64, at_ms: i64) -> Option<Value> {
    let mut slice = summary.clone();
    let is_told = |play: &Value| wall_clock(play).is_some_and(|time| time <= at_ms && time > since_ms);
    if let Some(plays) = slice["plays"].as_array_mut() {
        plays.retain(is_told);
    }
    if let Some(drives) = slice["drives"]["previous"].as_array_mut() {
        for drive in drives.iter_mut() {
            if let Some(plays) = drive["plays"].as_array_mut() {
                plays.retain(is_told);
            }
        }
        drives.retain(|drive| drive["plays"].as_array().is_some_and(|plays| !plays.is_empty()));
    }
    let told: BTreeSet<String> =
        plays_of(&slice).iter().filter_map(|play| play["id"].as_str().map(str::to_owned)).collect();
    if let Some(points) = slice["winprobability"].as_array_mut() {
        points.retain(|point| point["playId"].as_str().is_some_and(|id| told.contains(id)));
    }
    let last = plays_of(&slice).into_iter().max_by_key(|play| wall_clock(play))?.clone();
    rewind_header(&mut slice["header"]["competitions"][0], &last);
    // What is only known at the end is not in an answer from the middle of the game.
    for block in ["boxscore", "scoringPlays"] {
        if let Some(object) = slice.as_object_mut() {
            object.remove(block);
        }
    }
    Some(slice)
}

/// The summary of a game that has not begun.
pub fn before_start(summary: &Value) -> Value {
    let mut before = summary.clone();
    if let Some(object) = before.as_object_mut() {
        for block in ["boxscore", "scoringPlays", "plays", "drives", "winprobability"] {
            object.remove(block);
        }
    }
    let competition = &mut before["header"]["competitions"][0];
    competition["status"] =
        json!({"type": {"id": "1", "name": "STATUS_SCHEDULED", "state": "pre", "completed": false}});
    forget_result(competition, |_| json!("0"));
    before
}

fn rewind_header(competition: &mut Value, last_play: &Value) {
    competition["status"] = json!({
        "type": {"id": "2", "name": "STATUS_IN_PROGRESS", "state": "in", "completed": false},
        "period": last_play["period"]["number"],
        "displayClock": last_play["clock"]["displayValue"],
    });
    forget_result(competition, |side| Value::String(last_play[side].to_string()));
}

/// Scores by `score_of` the side, and nothing that is known only at the end.
fn forget_result(competition: &mut Value, score_of: impl Fn(&str) -> Value) {
    for competitor in competition["competitors"].as_array_mut().into_iter().flatten() {
        let side = if competitor["homeAway"] == "home" { "homeScore" } else { "awayScore" };
        competitor["score"] = score_of(side);
        if let Some(object) = competitor.as_object_mut() {
            object.remove("winner");
            object.remove("linescores");
        }
    }
}
