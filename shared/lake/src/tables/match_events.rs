//! `silver.plays`, `silver.match_events` and `silver.other`: what happens in a game, as delivered.

use std::borrow::Cow;

use touchline_event::{Payload, Play};

use super::column::{Column, Table, flag, int, long, maybe, required, some, text};
use super::envelope::{ArchivedEvent, with_envelope};

pub(super) static PLAYS: Table<ArchivedEvent> = Table {
    name: "silver.plays",
    grain: "one delivered play of a play-by-play sport",
    day_column: Some("event_time"),
    columns: plays,
};

pub(super) static MATCH_EVENTS: Table<ArchivedEvent> = Table {
    name: "silver.match_events",
    grain: "one delivered goal, card or substitution",
    day_column: Some("event_time"),
    columns: match_events,
};

pub(super) static OTHER: Table<ArchivedEvent> = Table {
    name: "silver.other",
    grain: "one delivered vendor type without a kind of its own",
    day_column: Some("event_time"),
    columns: other,
};

fn plays() -> Vec<Column<ArchivedEvent>> {
    with_envelope(vec![
        required(text("play_type", "The vendor's own type.", |row| some(&play(row)?.play_type))),
        text("text", "The vendor's description.", |row| maybe(play(row)?.text.as_ref())),
        required(flag("is_scoring", "Whether the play changed the score.", |row| Some(play(row)?.is_scoring))),
        required(int("score_value", "Points the play was worth.", |row| Some(play(row)?.score_value))),
        required(int("home_score", "Home score after the play.", |row| Some(play(row)?.home_score))),
        required(int("away_score", "Away score after the play.", |row| Some(play(row)?.away_score))),
        text("drive_id", "The vendor's drive or possession.", |row| maybe(play(row)?.drive_id.as_ref())),
        long("home_win_probability_e4", "The vendor's live probability that the home team wins, 10^-4.", |row| {
            play(row)?.home_win_probability_e4
        }),
    ])
}

fn match_events() -> Vec<Column<ArchivedEvent>> {
    with_envelope(vec![
        required(text(
            "detail",
            "Goal: own_goal, penalty, shootout or open_play; card: its color; substitution: empty.",
            detail,
        )),
        text("player", "Scorer, carded player, or player coming in.", |row| match &row.event.payload {
            Payload::Goal(goal) => maybe(goal.scorer.as_ref()),
            Payload::Card(card) => maybe(card.player.as_ref()),
            Payload::Substitution(substitution) => maybe(substitution.player_in.as_ref()),
            _ => None,
        }),
        text("other_player", "Player going out: of substitution.", |row| match &row.event.payload {
            Payload::Substitution(substitution) => maybe(substitution.player_out.as_ref()),
            _ => None,
        }),
    ])
}

fn detail(row: &ArchivedEvent) -> Option<Cow<'_, str>> {
    match &row.event.payload {
        // A shootout kick is also a penalty, and an own goal counts for the other side: the rarer word wins.
        Payload::Goal(goal) if goal.is_own_goal => some("own_goal"),
        Payload::Goal(goal) if goal.is_shootout => some("shootout"),
        Payload::Goal(goal) if goal.is_penalty => some("penalty"),
        Payload::Goal(_) => some("open_play"),
        Payload::Card(card) => some(&card.color),
        Payload::Substitution(_) => some(""),
        _ => None,
    }
}

fn other() -> Vec<Column<ArchivedEvent>> {
    with_envelope(vec![
        required(text("vendor_kind", "The vendor's word for what this is.", |row| match &row.event.payload {
            Payload::Other(other) => some(&other.vendor_kind),
            _ => None,
        })),
        required(text("content", "JSON: the vendor's object.", |row| match &row.event.payload {
            Payload::Other(other) => serde_json::to_string(&other.content).ok().map(Cow::Owned),
            _ => None,
        })),
    ])
}

fn play(row: &ArchivedEvent) -> Option<&Play> {
    match &row.event.payload {
        Payload::Play(play) => Some(play),
        _ => None,
    }
}
