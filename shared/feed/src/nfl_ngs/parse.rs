//! Tables to events: one `tracking_frame` a play and frame, one `fixture` a game, one `other` a play or player listed.
//! NGS-2: a row that cannot be read is a reject; its frame stays, one player short.
//! NGS-3: a frame without a time has the time of receipt, else 1970: the tables of 2025 give none.

use std::collections::BTreeSet;

use touchline_event::{Fixture, GameStatus, Other, ScoreUpdate, Team, parse_utc_ms};

use super::payload::{Frames, gather};
use super::table::{FRAME, PLAY};
use crate::origin::time_ms;
use crate::raw::{Fault, quote};
use crate::rows::{Row, Table, wrong_vendor};
use crate::run::{Context, Run, Subject};
use crate::zones::new_york_to_utc_ms;
use crate::{Document, Parsed, RejectReason, Session};

const SOURCE: &str = "nfl-ngs";
/// The clock of a frame counts tenths of a second from the first.
const FRAME_MS: i64 = 100;

/// One table.
pub fn parse(document: Document<'_>, _session: &mut Session) -> Parsed {
    let mut run = Run::new(SOURCE, document.received_at_ms);
    let table = Table::read(document.bytes);
    let has_frame = FRAME.iter().any(|name| table.has_all(&[name]));
    if has_frame && table.has_all(&["gameId", "playId", "x", "y"]) {
        tracking(&table, &mut run);
    } else if table.has_all(&["gameId", "homeTeamAbbr", "visitorTeamAbbr"]) {
        table.each(&mut run, game);
    } else if table.has_all(&["gameId", "playId"]) {
        table.each(&mut run, |row, run| listed(row, table.names(), ("play", &["gameId", "playId"]), run));
    } else if table.has_all(&["nflId"]) {
        table.each(&mut run, |row, run| listed(row, table.names(), ("player", &["nflId"]), run));
    } else {
        let expected = "Next Gen Stats' tracking (gameId, playId, frameId, x, y), games, plays or players";
        run.parsed.rejects.push(wrong_vendor(document.bytes, expected));
    }
    run.parsed
}

fn subject(game: Option<&str>) -> Subject {
    Subject {
        sport: Some("football".to_owned()),
        league: Some("nfl".to_owned()),
        game_id: game.map(str::to_owned),
        ..Subject::default()
    }
}

fn tracking(table: &Table<'_>, run: &mut Run) {
    let mut frames = Frames::new();
    let mut plays = BTreeSet::new();
    table.each(run, |row, run| {
        gather(row, &mut frames)?;
        // The highlight feed tells of the play in every row.
        if let (Some(game), Some(play), Some(_)) = (row.get("gameId")?, row.get("playId")?, row.get("playDescription")?)
            && plays.insert((game.to_owned(), play.to_owned()))
        {
            let at_ms = row.get("time")?.and_then(parse_utc_ms).unwrap_or_else(|| time_ms(None, run.received_at_ms, 0));
            let content = content(row, PLAY.iter().copied())?;
            let other = Other { vendor_kind: "play".to_owned(), content };
            run.event(subject(Some(game)), at_ms, &format!("play:{play}"), other, Context::default());
        }
        Ok(())
    });
    for ((game, play, number), mut frame) in frames {
        frame.frame.clock_ms = Some(number.saturating_mul(FRAME_MS));
        let at_ms = frame.at_ms.unwrap_or_else(|| time_ms(None, run.received_at_ms, number.saturating_mul(FRAME_MS)));
        let context = Context {
            game_clock: frame.game_clock,
            period: frame.period,
            vendor_seq: Some(number),
            ..Context::default()
        };
        run.event(subject(Some(&game)), at_ms, &format!("frame:{play}:{number}"), frame.frame, context);
    }
}

fn game(row: &Row<'_>, run: &mut Run) -> Result<(), Fault> {
    let id = row.need("gameId", "a game such as 2018090600")?;
    let team = |column: &str| -> Result<Team, Fault> {
        let name = row.need(column, "a team such as PHI")?.to_owned();
        Ok(Team { id: name.clone(), abbreviation: Some(name.clone()), name })
    };
    let starts_at_ms = starts_at_ms(row)?;
    let score = match (row.small("homeFinalScore", "points")?, row.small("visitorFinalScore", "points")?) {
        (Some(home_score), Some(away_score)) => {
            Some(ScoreUpdate { home_score, away_score, status: GameStatus::Final, periods: Vec::new() })
        }
        _ => None,
    };
    let status = if score.is_some() { GameStatus::Final } else { GameStatus::Unknown };
    let fixture = Fixture {
        home: team("homeTeamAbbr")?,
        away: team("visitorTeamAbbr")?,
        starts_at_ms,
        status,
        status_detail: None,
        venue: None,
        is_neutral_site: None,
    };
    let at_ms = time_ms(None, run.received_at_ms, starts_at_ms.unwrap_or_default());
    run.event(subject(Some(id)), at_ms, "game", fixture, Context::default());
    if let Some(score) = score {
        run.event(subject(Some(id)), at_ms, "score", score, Context::default());
    }
    Ok(())
}

/// `09/06/2018` and `20:20:00` in New York.
fn starts_at_ms(row: &Row<'_>) -> Result<Option<i64>, Fault> {
    const WHAT: &str = "a day such as 09/06/2018";
    let Some(date) = row.get("gameDate")? else { return Ok(None) };
    let time = row.get("gameTimeEastern")?.unwrap_or("12:00:00");
    let parts: Vec<&str> = date.split('/').collect();
    let iso = match parts.as_slice() {
        [month, day, year] => format!("{year:0>4}-{month:0>2}-{day:0>2}T{time:0>8}"),
        _ => format!("{date}T{time:0>8}"),
    };
    parse_utc_ms(&iso)
        .map(|local_ms| Some(new_york_to_utc_ms(local_ms)))
        .ok_or_else(|| row.fault(RejectReason::BadField, "gameDate", format!("found {}; expected {WHAT}", quote(date))))
}

/// A listed play or player under its own columns.
fn listed(row: &Row<'_>, names: &[String], (kind, ids): (&str, &[&str]), run: &mut Run) -> Result<(), Fault> {
    let mut name = kind.to_owned();
    for id in ids {
        name = format!("{name}:{}", row.need(id, "the vendor's id")?);
    }
    let game = row.get("gameId")?;
    let content = content(row, names.iter().map(String::as_str))?;
    let other = Other { vendor_kind: kind.to_owned(), content };
    let at_ms = time_ms(None, run.received_at_ms, 0);
    run.event(subject(game), at_ms, &name, other, Context::default());
    Ok(())
}

/// Fields as text under their columns, empty ones left out.
fn content<'n>(row: &Row<'_>, columns: impl Iterator<Item = &'n str>) -> Result<serde_json::Value, Fault> {
    let mut content = serde_json::Map::new();
    for column in columns {
        if let Some(text) = row.get(column)? {
            content.insert(column.to_owned(), text.into());
        }
    }
    Ok(content.into())
}
