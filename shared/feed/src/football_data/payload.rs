//! What football-data.co.uk sends: one row a match, by the names of its columns in all their generations.
//! FBD-2: `Date` is `dd/mm/yy` or `dd/mm/yyyy`, `Time` (since 2019/20) the clock of London; without one the day begins.

use touchline_event::{GameStatus, Team, parse_utc_ms};

use crate::RejectReason;
use crate::raw::{Fault, quote};
use crate::rows::Row;
use crate::zones::london_to_utc_ms;

/// Names of the home side's column, then of the away side's, newest first.
const HOME: [&str; 3] = ["HomeTeam", "Home", "HT"];
const AWAY: [&str; 3] = ["AwayTeam", "Away", "AT"];
const HOME_GOALS: [&str; 2] = ["FTHG", "HG"];
const AWAY_GOALS: [&str; 2] = ["FTAG", "AG"];
const DAY_MS: i64 = 86_400_000;
/// The vendor collects in the afternoon; the hour is ours.
const COLLECTED_AT_MS: i64 = 15 * 3_600_000;

/// Whether the header is one of the vendor's.
pub(super) fn is_table(names: &[String]) -> bool {
    let has = |any: &[&str]| any.iter().any(|name| names.iter().any(|known| known == name));
    has(&["Div", "League", "Country"]) && has(&["Date"]) && has(&HOME) && has(&AWAY)
}

/// One match.
pub(super) struct Match<'r> {
    pub(super) id: String,
    pub(super) league: String,
    pub(super) home: &'r str,
    pub(super) away: &'r str,
    pub(super) starts_at_ms: i64,
    /// Home and away goals, once it was played.
    pub(super) score: Option<[i32; 2]>,
    pub(super) half_time: Option<[i32; 2]>,
}

impl<'r> Match<'r> {
    pub(super) fn read(row: &'r Row<'_>) -> Result<Self, Fault> {
        let (home, away) = (side(row, &HOME)?, side(row, &AWAY)?);
        let league = match row.get("Div")? {
            Some(division) => division.to_owned(),
            None => row.any(&["League", "Country"])?.map_or_else(String::new, |(_, league)| league.to_owned()),
        };
        let day_ms = day_ms(row)?;
        let date = touchline_event::format_utc_ms(day_ms);
        Ok(Self {
            id: format!("{league}_{}_{home}_{away}", &date[..date.len().min(10)]),
            league,
            home,
            away,
            starts_at_ms: starts_at_ms(row, day_ms)?,
            score: pair(row, &HOME_GOALS, &AWAY_GOALS)?,
            half_time: pair(row, &["HTHG"], &["HTAG"])?,
        })
    }

    pub(super) fn status(&self) -> GameStatus {
        if self.score.is_some() { GameStatus::Final } else { GameStatus::Scheduled }
    }

    /// Goals of each half; none where the vendor has no half-time score.
    pub(super) fn halves(&self) -> Option<Vec<[i32; 2]>> {
        let ([home, away], [half_home, half_away]) = self.score.zip(self.half_time)?;
        Some(vec![[half_home, half_away], [home - half_home, away - half_away]])
    }

    /// When the vendor collected the prices that are not closing ones: Friday afternoon for the weekend, Tuesday
    /// afternoon for the days after.
    pub(super) fn collected_at_ms(&self) -> i64 {
        let mut day_ms = (self.starts_at_ms - COLLECTED_AT_MS).div_euclid(DAY_MS) * DAY_MS;
        // 1970 began on a Thursday: 2 is Tuesday, 5 is Friday.
        while !matches!((day_ms.div_euclid(DAY_MS) + 4).rem_euclid(7), 2 | 5) {
            day_ms -= DAY_MS;
        }
        day_ms + COLLECTED_AT_MS
    }
}

/// The vendor names teams and has no ids for them.
pub(super) fn team(name: &str) -> Team {
    Team { id: name.to_owned(), name: name.to_owned(), abbreviation: None }
}

fn side<'r>(row: &'r Row<'_>, columns: &[&'static str; 3]) -> Result<&'r str, Fault> {
    match row.any(columns)? {
        Some((_, name)) => Ok(name),
        None => row.need(columns[0], "a team's name"),
    }
}

fn pair(row: &Row<'_>, home: &[&'static str], away: &[&'static str]) -> Result<Option<[i32; 2]>, Fault> {
    const WHAT: &str = "a count of goals";
    let goals = |columns: &[&'static str]| -> Result<Option<i32>, Fault> {
        let Some((column, _)) = row.any(columns)? else { return Ok(None) };
        let goals: Option<i32> = row.small(column, WHAT)?;
        match goals {
            Some(goals) if goals < 0 => {
                Err(row.fault(RejectReason::OutOfRange, column, format!("found {goals}; expected {WHAT}")))
            }
            goals => Ok(goals),
        }
    };
    Ok(goals(home)?.zip(goals(away)?).map(|(home, away)| [home, away]))
}

fn day_ms(row: &Row<'_>) -> Result<i64, Fault> {
    const WHAT: &str = "a day such as 13/08/05 or 17/08/2024";
    let text = row.need("Date", WHAT)?;
    let bad = || row.fault(RejectReason::BadField, "Date", format!("found {}; expected {WHAT}", quote(text)));
    let mut parts = text.split('/').map(|part| part.parse::<u32>().ok());
    let (Some(Some(day)), Some(Some(month)), Some(Some(year)), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(bad());
    };
    // The oldest table is of 1993/94.
    let year = if year < 70 { 2000 + year } else { if year < 100 { 1900 + year } else { year } };
    parse_utc_ms(&format!("{year:04}-{month:02}-{day:02}")).ok_or_else(bad)
}

fn starts_at_ms(row: &Row<'_>, day_ms: i64) -> Result<i64, Fault> {
    const WHAT: &str = "a time such as 15:00";
    let Some(text) = row.get("Time")? else { return Ok(day_ms) };
    let bad = || row.fault(RejectReason::BadField, "Time", format!("found {}; expected {WHAT}", quote(text)));
    let date = touchline_event::format_utc_ms(day_ms);
    let local_ms = parse_utc_ms(&format!("{}T{text:0>5}", &date[..date.len().min(10)])).ok_or_else(bad)?;
    Ok(london_to_utc_ms(local_ms))
}
