//! `silver.fixtures` and `silver.scores`: games as listed and as they stand, as delivered.

use std::borrow::Cow;

use touchline_event::{Fixture, Payload, PeriodChange, ScoreUpdate};

use super::column::{Column, Table, flag, int, maybe, required, some, text, time};
use super::envelope::{ArchivedEvent, with_envelope};

pub(super) static FIXTURES: Table<ArchivedEvent> = Table {
    name: "silver.fixtures",
    grain: "one delivered listing of a game",
    day_column: Some("event_time"),
    columns: fixtures,
};

pub(super) static SCORES: Table<ArchivedEvent> = Table {
    name: "silver.scores",
    grain: "one delivered score (score_update) or change of period or state (period_change) of a game",
    day_column: Some("event_time"),
    columns: scores,
};

fn fixtures() -> Vec<Column<ArchivedEvent>> {
    with_envelope(vec![
        text("home_id", "The vendor's home team.", |row| given(&fixture(row)?.home.id)),
        required(text("home_name", "Home team's name.", |row| some(&fixture(row)?.home.name))),
        text("home_abbreviation", "Home team's short name.", |row| maybe(fixture(row)?.home.abbreviation.as_ref())),
        text("away_id", "The vendor's away team.", |row| given(&fixture(row)?.away.id)),
        required(text("away_name", "Away team's name.", |row| some(&fixture(row)?.away.name))),
        text("away_abbreviation", "Away team's short name.", |row| maybe(fixture(row)?.away.abbreviation.as_ref())),
        time("starts_at", "Scheduled or actual start.", |row| fixture(row)?.starts_at_ms),
        required(text("status", "scheduled, in_progress, halftime, final, ...", |row| {
            some(fixture(row)?.status.as_str())
        })),
        text("status_detail", "The vendor's own word.", |row| maybe(fixture(row)?.status_detail.as_ref())),
        text("venue", "Stadium or arena.", |row| maybe(fixture(row)?.venue.as_ref())),
        flag("is_neutral_site", "Whether neither team is at home.", |row| fixture(row)?.is_neutral_site),
    ])
}

fn scores() -> Vec<Column<ArchivedEvent>> {
    with_envelope(vec![
        int("home_score", "Points or goals of the home team: of score_update.", |row| Some(score(row)?.home_score)),
        int("away_score", "Points or goals of the away team: of score_update.", |row| Some(score(row)?.away_score)),
        required(text("status", "scheduled, in_progress, halftime, final, ...", |row| match &row.event.payload {
            Payload::ScoreUpdate(score) => some(score.status.as_str()),
            Payload::PeriodChange(change) => some(change.status.as_str()),
            _ => None,
        })),
        text("status_detail", "The vendor's own word: of period_change.", |row| some(&change(row)?.status_detail)),
        text("periods", "JSON [[home, away], ...] by period: of score_update.", |row| {
            let periods = &score(row)?.periods;
            if periods.is_empty() {
                return None;
            }
            serde_json::to_string(periods).ok().map(Cow::Owned)
        }),
    ])
}

fn given(text: &str) -> Option<Cow<'_, str>> {
    (!text.is_empty()).then_some(Cow::Borrowed(text))
}

fn fixture(row: &ArchivedEvent) -> Option<&Fixture> {
    match &row.event.payload {
        Payload::Fixture(fixture) => Some(fixture),
        _ => None,
    }
}

fn score(row: &ArchivedEvent) -> Option<&ScoreUpdate> {
    match &row.event.payload {
        Payload::ScoreUpdate(score) => Some(score),
        _ => None,
    }
}

fn change(row: &ArchivedEvent) -> Option<&PeriodChange> {
    match &row.event.payload {
        Payload::PeriodChange(change) => Some(change),
        _ => None,
    }
}
