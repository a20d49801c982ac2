//! `silver.lineups`, `silver.passes`, `silver.shots` and `silver.actions`: what event vendors see on a football pitch, as delivered.

use std::borrow::Cow;

use touchline_event::{Lineup, Location, Pass, Payload, Shot};

use super::column::{Column, Table, flag, int, long, maybe, required, some, text};
use super::envelope::{ArchivedEvent, with_envelope};

pub(super) static LINEUPS: Table<ArchivedEvent> = Table {
    name: "silver.lineups",
    grain: "one delivered line-up of one team",
    day_column: Some("event_time"),
    columns: lineups,
};

pub(super) static PASSES: Table<ArchivedEvent> =
    Table { name: "silver.passes", grain: "one delivered pass", day_column: Some("event_time"), columns: passes };

pub(super) static SHOTS: Table<ArchivedEvent> =
    Table { name: "silver.shots", grain: "one delivered shot", day_column: Some("event_time"), columns: shots };

pub(super) static ACTIONS: Table<ArchivedEvent> = Table {
    name: "silver.actions",
    grain: "one delivered tackle, carry, pressure or foul",
    day_column: Some("event_time"),
    columns: actions,
};

fn lineups() -> Vec<Column<ArchivedEvent>> {
    with_envelope(vec![
        required(text("team_name", "The team.", |row| some(&lineup(row)?.team.name))),
        flag("is_home", "Whether it is the home team.", |row| lineup(row)?.is_home),
        text("formation", "Lines from the back: 4-4-2.", |row| maybe(lineup(row)?.formation.as_ref())),
        required(int("player_count", "Players named.", |row| i32::try_from(lineup(row)?.players.len()).ok())),
        required(text("players", "JSON [{id, name, number, position, is_starter}, ...].", |row| {
            serde_json::to_string(&lineup(row)?.players).ok().map(Cow::Owned)
        })),
    ])
}

fn passes() -> Vec<Column<ArchivedEvent>> {
    with_envelope(vec![
        text("player", "Who played it.", |row| maybe(pass(row)?.player.as_ref())),
        text("recipient", "Whom it reached or was meant for.", |row| maybe(pass(row)?.recipient.as_ref())),
        text("recipient_id", "The vendor's id of the recipient.", |row| maybe(pass(row)?.recipient_id.as_ref())),
        required(text("outcome", "complete, incomplete, out, offside, stopped or unknown.", |row| {
            some(pass(row)?.outcome.as_str())
        })),
        int("from_x_cm", "Start: from the own goal line, cm of a pitch of 105 x 68 m.", |row| x(pass(row)?.from)),
        int("from_y_cm", "Start: from the right touchline, cm of a pitch of 105 x 68 m.", |row| y(pass(row)?.from)),
        int("to_x_cm", "End: from the own goal line, cm of a pitch of 105 x 68 m.", |row| x(pass(row)?.to)),
        int("to_y_cm", "End: from the right touchline, cm of a pitch of 105 x 68 m.", |row| y(pass(row)?.to)),
        long("length_cm", "The vendor's own length, cm.", |row| pass(row)?.length_cm),
        long("angle_e4", "Direction, 10^-4 radians: 0 ahead, positive to the left.", |row| pass(row)?.angle_e4),
        long("duration_ms", "How long the ball was on its way.", |row| pass(row)?.duration_ms),
        text("height", "ground, low or high.", |row| some(pass(row)?.height?.as_str())),
        text("body_part", "right_foot, left_foot, head, hands, drop_kick, no_touch or other.", |row| {
            some(pass(row)?.body_part?.as_str())
        }),
        required(text("situation", "open_play, corner, free_kick, throw_in, goal_kick, kick_off, ...", |row| {
            some(pass(row)?.situation.as_str())
        })),
        required(flag("is_under_pressure", "Whether an opponent pressed.", |row| Some(pass(row)?.is_under_pressure))),
        required(flag("is_cross", "Whether it was a cross.", |row| Some(pass(row)?.is_cross))),
        required(flag("is_switch", "Whether it changed the side.", |row| Some(pass(row)?.is_switch))),
        required(flag("is_through_ball", "Whether it split the last line.", |row| Some(pass(row)?.is_through_ball))),
        required(flag("is_shot_assist", "Whether a shot without goal followed.", |row| {
            Some(pass(row)?.is_shot_assist)
        })),
        required(flag("is_goal_assist", "Whether a goal followed.", |row| Some(pass(row)?.is_goal_assist))),
    ])
}

fn shots() -> Vec<Column<ArchivedEvent>> {
    with_envelope(vec![
        text("player", "Who shot.", |row| maybe(shot(row)?.player.as_ref())),
        required(text(
            "outcome",
            "goal, saved, saved_off_target, saved_to_post, post, blocked, off_target, ...",
            |row| some(shot(row)?.outcome.as_str()),
        )),
        int("from_x_cm", "Start: from the own goal line, cm of a pitch of 105 x 68 m.", |row| x(shot(row)?.from)),
        int("from_y_cm", "Start: from the right touchline, cm of a pitch of 105 x 68 m.", |row| y(shot(row)?.from)),
        int("to_x_cm", "End: from the own goal line, cm of a pitch of 105 x 68 m.", |row| x(shot(row)?.to)),
        int("to_y_cm", "End: from the right touchline, cm of a pitch of 105 x 68 m.", |row| y(shot(row)?.to)),
        int("to_z_cm", "End: height of the ball, cm.", |row| shot(row)?.to_z_cm),
        long("xg_e6", "The vendor's expected goals, 10^-6.", |row| shot(row)?.xg_e6),
        text("body_part", "right_foot, left_foot, head, hands, drop_kick, no_touch or other.", |row| {
            some(shot(row)?.body_part?.as_str())
        }),
        text("technique", "The vendor's word: Volley, Lob.", |row| maybe(shot(row)?.technique.as_ref())),
        required(text("situation", "open_play, corner, free_kick, throw_in, goal_kick, kick_off, ...", |row| {
            some(shot(row)?.situation.as_str())
        })),
        text("assist_id", "The vendor's id of the pass before.", |row| maybe(shot(row)?.assist_id.as_ref())),
        required(flag("is_under_pressure", "Whether an opponent pressed.", |row| Some(shot(row)?.is_under_pressure))),
        required(flag("is_first_time", "Whether it was the first touch.", |row| Some(shot(row)?.is_first_time))),
        required(flag("is_one_on_one", "Whether only the goalkeeper was left.", |row| Some(shot(row)?.is_one_on_one))),
        int("goalkeeper_x_cm", "Where the goalkeeper stood.", |row| x(shot(row)?.goalkeeper)),
        int("goalkeeper_y_cm", "Where the goalkeeper stood.", |row| y(shot(row)?.goalkeeper)),
        int("opponents_in_cone", "Opponents between ball and posts; null without a frame.", |row| {
            shot(row)?.opponents_in_cone.map(i32::from)
        }),
        text("frame", "JSON [{x_cm, y_cm, is_teammate, is_keeper}, ...] at the shot; null without one.", |row| {
            let frame = &shot(row)?.frame;
            if frame.is_empty() { None } else { serde_json::to_string(frame).ok().map(Cow::Owned) }
        }),
    ])
}

fn actions() -> Vec<Column<ArchivedEvent>> {
    with_envelope(vec![
        text("player", "Who acted.", |row| match &row.event.payload {
            Payload::Tackle(tackle) => maybe(tackle.player.as_ref()),
            Payload::Carry(carry) => maybe(carry.player.as_ref()),
            Payload::Pressure(pressure) => maybe(pressure.player.as_ref()),
            Payload::Foul(foul) => maybe(foul.player.as_ref()),
            _ => None,
        }),
        int("from_x_cm", "Start: from the own goal line, cm of a pitch of 105 x 68 m.", |row| x(place(row))),
        int("from_y_cm", "Start: from the right touchline, cm of a pitch of 105 x 68 m.", |row| y(place(row))),
        int("to_x_cm", "End: from the own goal line, cm of a pitch of 105 x 68 m.", |row| x(carried_to(row))),
        int("to_y_cm", "End: from the right touchline, cm of a pitch of 105 x 68 m.", |row| y(carried_to(row))),
        long("duration_ms", "How long it took: of carry and pressure.", |row| match &row.event.payload {
            Payload::Carry(carry) => carry.duration_ms,
            Payload::Pressure(pressure) => pressure.duration_ms,
            _ => None,
        }),
        text("detail", "Tackle: the vendor's outcome; foul: the vendor's type.", |row| match &row.event.payload {
            Payload::Tackle(tackle) => maybe(tackle.outcome.as_ref()),
            Payload::Foul(foul) => maybe(foul.foul_type.as_ref()),
            _ => None,
        }),
        flag("is_won", "Whether the tackler's side has the ball: of tackle.", |row| match &row.event.payload {
            Payload::Tackle(tackle) => tackle.is_won,
            _ => None,
        }),
        flag("is_under_pressure", "Whether an opponent pressed: of tackle and carry.", |row| {
            match &row.event.payload {
                Payload::Tackle(tackle) => Some(tackle.is_under_pressure),
                Payload::Carry(carry) => Some(carry.is_under_pressure),
                _ => None,
            }
        }),
        flag("is_counterpress", "Within seconds of losing the ball: of pressure.", |row| match &row.event.payload {
            Payload::Pressure(pressure) => Some(pressure.is_counterpress),
            _ => None,
        }),
        flag("is_penalty", "Whether it gave a penalty: of foul.", |row| match &row.event.payload {
            Payload::Foul(foul) => Some(foul.is_penalty),
            _ => None,
        }),
    ])
}

fn place(row: &ArchivedEvent) -> Option<Location> {
    match &row.event.payload {
        Payload::Tackle(tackle) => tackle.at,
        Payload::Carry(carry) => carry.from,
        Payload::Pressure(pressure) => pressure.at,
        Payload::Foul(foul) => foul.at,
        _ => None,
    }
}

fn carried_to(row: &ArchivedEvent) -> Option<Location> {
    match &row.event.payload {
        Payload::Carry(carry) => carry.to,
        _ => None,
    }
}

fn lineup(row: &ArchivedEvent) -> Option<&Lineup> {
    match &row.event.payload {
        Payload::Lineup(lineup) => Some(lineup),
        _ => None,
    }
}

fn pass(row: &ArchivedEvent) -> Option<&Pass> {
    match &row.event.payload {
        Payload::Pass(pass) => Some(pass),
        _ => None,
    }
}

fn shot(row: &ArchivedEvent) -> Option<&Shot> {
    match &row.event.payload {
        Payload::Shot(shot) => Some(shot),
        _ => None,
    }
}

fn x(place: Option<Location>) -> Option<i32> {
    place.map(|place| place.x_cm)
}

fn y(place: Option<Location>) -> Option<i32> {
    place.map(|place| place.y_cm)
}
