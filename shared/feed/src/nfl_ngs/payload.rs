//! What Next Gen Stats sends: a row a player and frame, gathered into frames; a row a game or a play.
//! NGS-1: the field is 120 x 53.3 yards with both end zones; it keeps its size in cm, the offence going left to right.

use std::collections::BTreeMap;

use touchline_event::{Squad, TrackedBall, TrackedPlayer, TrackingFrame, parse_utc_ms};

use super::table::{EVENT, FRAME, NFL_ID, SHIRT, SIDE, is_ball, is_turned};
use crate::RejectReason;
use crate::pitch::yards_to_cm;
use crate::raw::{Fault, Precision, quote};
use crate::rows::Row;

/// Yards from the back of one end zone to the back of the other, 10^-5.
const LENGTH_E5: i64 = 12_000_000;
/// Yards between the sidelines, 10^-5.
const WIDTH_E5: i64 = 5_333_333;
/// Nobody stands farther outside than this, yards 10^-5.
const OUTSIDE_E5_MAX: i64 = 10_000_000;

/// Frames by game, play and number.
pub(super) type Frames = BTreeMap<(String, String, i64), Frame>;

/// What the rows of one frame said so far.
pub(super) struct Frame {
    pub(super) at_ms: Option<i64>,
    pub(super) period: Option<u16>,
    pub(super) game_clock: Option<String>,
    pub(super) frame: TrackingFrame,
}

/// Adds one row to its frame.
pub(super) fn gather(row: &Row<'_>, frames: &mut Frames) -> Result<(), Fault> {
    let game = row.need("gameId", "a game such as 2018090600")?.to_owned();
    let play = row.need("playId", "a play of the game")?.to_owned();
    let (column, text) = match row.any(&FRAME)? {
        Some(found) => found,
        None => ("frameId", row.need("frameId", "the frame's number")?),
    };
    let number = row.number::<0>(column, text, "the frame's number", Precision::Exact)?;
    let is_turned = row.get("playDirection")?.and_then(is_turned);
    let (x_cm, y_cm) = place(row, is_turned == Some(true))?;
    let speed_cmps = row.scaled::<5>("s", "yards per second", Precision::Rounded)?.map(yards_to_cm);
    let speed_cmps = speed_cmps.and_then(|speed| i32::try_from(speed).ok());
    let at_ms = time_ms(row)?;
    let side = row.any(&SIDE)?.map_or("", |(_, side)| side).to_owned();
    let is_ball = is_ball(&side) || row.get("displayName")?.is_some_and(is_ball);
    let player = if is_ball { None } else { Some(player(row, &side, x_cm, y_cm, speed_cmps)?) };
    let event = row.any(&EVENT)?.map(|(_, event)| event.to_owned());
    let (period, game_clock) = (row.small("quarter", "a quarter")?, row.get("gameClock")?.map(str::to_owned));
    let possession = possession(row)?;
    let frame = frames.entry((game, play, number)).or_insert_with(|| Frame {
        at_ms,
        period,
        game_clock,
        frame: TrackingFrame {
            frame: Some(number),
            clock_ms: None,
            event: None,
            is_oriented: is_turned.is_some(),
            is_alive: None,
            possession: None,
            ball: None,
            players: Vec::new(),
        },
    });
    frame.at_ms = frame.at_ms.or(at_ms);
    frame.frame.event = frame.frame.event.take().or(event);
    frame.frame.possession = frame.frame.possession.or(possession);
    match player {
        Some(player) => frame.frame.players.push(player),
        None => frame.frame.ball = Some(TrackedBall { x_cm, y_cm, z_cm: None, speed_cmps }),
    }
    Ok(())
}

fn player(row: &Row<'_>, side: &str, x_cm: i32, y_cm: i32, speed_cmps: Option<i32>) -> Result<TrackedPlayer, Fault> {
    let is_home = match row.get("homeTeamFlag")? {
        Some("1.0" | "1") => Some(true),
        Some("0.0" | "0") => Some(false),
        _ => None,
    };
    let squad = match (side, is_home) {
        ("home", _) | (_, Some(true)) => Squad::Home,
        ("away", _) | (_, Some(false)) => Squad::Away,
        _ => Squad::Unknown,
    };
    // Numbers that a missing value turned into floats: 71493.0.
    let whole = |text: &str| text.strip_suffix(".0").unwrap_or(text).to_owned();
    let number = row.any(&SHIRT)?.and_then(|(_, number)| whole(number).parse().ok());
    let id = row.any(&NFL_ID)?.map(|(_, id)| whole(id));
    Ok(TrackedPlayer { squad, id, number, x_cm, y_cm, speed_cmps, is_detected: None })
}

/// Which side has the ball, where a row of that side says so.
fn possession(row: &Row<'_>) -> Result<Option<Squad>, Fault> {
    let is_one = |text: Option<&str>| matches!(text, Some("1.0" | "1"));
    if !is_one(row.get("possessionFlag")?) {
        return Ok(None);
    }
    Ok(row.get("homeTeamFlag")?.map(|flag| if is_one(Some(flag)) { Squad::Home } else { Squad::Away }))
}

fn place(row: &Row<'_>, is_turned: bool) -> Result<(i32, i32), Fault> {
    let axis = |column: &str, length_e5: i64| -> Result<i32, Fault> {
        const WHAT: &str = "yards on the field";
        row.need(column, WHAT)?;
        let yards_e5 = row.scaled::<5>(column, WHAT, Precision::Rounded)?.unwrap_or_default();
        if !(-OUTSIDE_E5_MAX..=length_e5 + OUTSIDE_E5_MAX).contains(&yards_e5) {
            let found = row.get(column)?.unwrap_or_default();
            return Err(row.fault(RejectReason::OutOfRange, column, format!("found {found}; expected {WHAT}")));
        }
        Ok(yards_to_cm(if is_turned { length_e5 - yards_e5 } else { yards_e5 }) as i32)
    };
    Ok((axis("x", LENGTH_E5)?, axis("y", WIDTH_E5)?))
}

fn time_ms(row: &Row<'_>) -> Result<Option<i64>, Fault> {
    const WHAT: &str = "a time such as 2019-01-20 20:38:13.200";
    let Some(text) = row.get("time")? else { return Ok(None) };
    let time_ms = parse_utc_ms(text);
    time_ms
        .map(Some)
        .ok_or_else(|| row.fault(RejectReason::BadField, "time", format!("found {}; expected {WHAT}", quote(text))))
}
