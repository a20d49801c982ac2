//! What nflverse sends: one row a game, by the names of its columns.
//! NFV-1: `gameday` and `gametime` are the clock of New York, wherever the game is played; without a time of day it is noon.

use touchline_event::{GameStatus, Team, parse_utc_ms};

use super::table;
use crate::RejectReason;
use crate::raw::{Fault, quote};
use crate::rows::Row;
use crate::zones::new_york_to_utc_ms;

/// Columns of which the table always has these.
pub(super) const COLUMNS: [&str; 4] = ["game_id", "gameday", "home_team", "away_team"];

/// One game.
pub(super) struct Game<'r> {
    pub(super) id: &'r str,
    pub(super) home: Team,
    pub(super) away: Team,
    pub(super) starts_at_ms: i64,
    pub(super) status: GameStatus,
    /// Home and away, once it was played.
    pub(super) score: Option<[i32; 2]>,
    pub(super) venue: Option<String>,
    pub(super) is_neutral_site: Option<bool>,
}

impl<'r> Game<'r> {
    pub(super) fn read(row: &'r Row<'_>) -> Result<Self, Fault> {
        let score = match (row.small("home_score", "points")?, row.small("away_score", "points")?) {
            (Some(home), Some(away)) => Some([home, away]),
            _ => None,
        };
        Ok(Self {
            id: row.need("game_id", "a game such as 2023_01_DET_KC")?,
            home: team(row, "home_team")?,
            away: team(row, "away_team")?,
            starts_at_ms: starts_at_ms(row)?,
            status: if score.is_some() { GameStatus::Final } else { GameStatus::Scheduled },
            score,
            venue: row.get("stadium")?.map(str::to_owned),
            is_neutral_site: row.get("location")?.and_then(table::is_neutral_site),
        })
    }
}

/// The vendor names teams by their abbreviation alone.
fn team(row: &Row<'_>, column: &str) -> Result<Team, Fault> {
    let name = row.need(column, "a team such as KC")?.to_owned();
    Ok(Team { id: name.clone(), abbreviation: Some(name.clone()), name })
}

fn starts_at_ms(row: &Row<'_>) -> Result<i64, Fault> {
    const WHAT: &str = "a day such as 2023-09-07 and a time such as 20:20";
    let day = row.need("gameday", WHAT)?;
    let time = row.get("gametime")?.unwrap_or("12:00");
    let local_ms = parse_utc_ms(&format!("{day}T{time}")).filter(|_| day.len() == 10 && time.len() >= 5);
    local_ms.map(new_york_to_utc_ms).ok_or_else(|| {
        row.fault(
            RejectReason::BadField,
            "gameday",
            format!("found {}; expected {WHAT}", quote(&format!("{day} {time}"))),
        )
    })
}
