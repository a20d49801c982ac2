//! The declared tables: name, grain, columns with their meaning, and how a row fills each column.
//! TAB-1: a column's type and its reader are one value, so that schema and rows cannot disagree.
//! TAB-2: every archived kind of event belongs to exactly one table, decided in [`event_table`] alone.
//! Gold tables are not declared here: the warehouse's models make them.

mod anomalies;
mod bronze;
mod column;
mod conditions;
mod envelope;
mod football;
mod markets;
mod match_events;
mod read;
mod reference;
mod scores;
mod tracking;
mod trades;
mod windows;

use std::collections::BTreeMap;

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use touchline_event::Kind;

pub use anomalies::{ANOMALIES, AnomalyRow};
pub use bronze::{LATE_EVENTS, LateEventRow, PAYLOADS, PayloadRow, QUARANTINE, QuarantineRow, REDRIVES, RedriveRow};
pub use column::{Column, Table};
pub use envelope::ArchivedEvent;
pub(crate) use read::events_of;
pub use windows::{ODDS_WINDOWS, OddsWindowRow, SCORE_WINDOWS, ScoreWindowRow, TRADE_WINDOWS, TradeWindowRow};

use crate::error::LakeError;

/// What `Lake::open` needs to make a table.
pub struct Declared {
    /// `namespace.table`.
    pub name: &'static str,
    /// What one row is.
    pub grain: &'static str,
    pub schema: Schema,
    /// The time column whose day partitions the table.
    pub day_column: Option<&'static str>,
}

/// Every declared table, bronze first.
pub fn declared() -> Vec<Declared> {
    let mut tables = vec![
        bronze::PAYLOADS.declared(),
        bronze::QUARANTINE.declared(),
        bronze::LATE_EVENTS.declared(),
        bronze::REDRIVES.declared(),
        windows::TRADE_WINDOWS.declared(),
        windows::ODDS_WINDOWS.declared(),
        windows::SCORE_WINDOWS.declared(),
        anomalies::ANOMALIES.declared(),
    ];
    tables.extend(EVENT_TABLES.iter().map(|table| table.declared()));
    tables
}

static EVENT_TABLES: [&Table<ArchivedEvent>; 20] = [
    &trades::TRADES,
    &markets::ODDS_QUOTES,
    &markets::MARKETS,
    &scores::FIXTURES,
    &scores::SCORES,
    &match_events::PLAYS,
    &match_events::MATCH_EVENTS,
    &conditions::WEATHER,
    &conditions::ARTICLES,
    &reference::TEAMS,
    &reference::LEAGUES,
    &reference::VENUES,
    &reference::ROSTERS,
    &match_events::OTHER,
    &football::LINEUPS,
    &football::PASSES,
    &football::SHOTS,
    &football::ACTIONS,
    &tracking::TRACKING_FRAMES,
    &tracking::WEARABLE_SAMPLES,
];

/// The table of a kind. Heartbeats have none: they prove the stream, they state no fact.
pub fn event_table(kind: Kind) -> Option<&'static Table<ArchivedEvent>> {
    match kind {
        Kind::Trade => Some(&trades::TRADES),
        Kind::OddsQuote => Some(&markets::ODDS_QUOTES),
        Kind::MarketStatus | Kind::TradedVolume => Some(&markets::MARKETS),
        Kind::Fixture => Some(&scores::FIXTURES),
        Kind::ScoreUpdate | Kind::PeriodChange => Some(&scores::SCORES),
        Kind::Play => Some(&match_events::PLAYS),
        Kind::Goal | Kind::Card | Kind::Substitution => Some(&match_events::MATCH_EVENTS),
        Kind::WeatherObservation => Some(&conditions::WEATHER),
        Kind::Article => Some(&conditions::ARTICLES),
        Kind::TeamProfile => Some(&reference::TEAMS),
        Kind::League => Some(&reference::LEAGUES),
        Kind::Venue => Some(&reference::VENUES),
        Kind::RosterChange => Some(&reference::ROSTERS),
        Kind::Other => Some(&match_events::OTHER),
        Kind::Lineup => Some(&football::LINEUPS),
        Kind::Pass => Some(&football::PASSES),
        Kind::Shot => Some(&football::SHOTS),
        Kind::Tackle | Kind::Carry | Kind::Pressure | Kind::Foul => Some(&football::ACTIONS),
        Kind::TrackingFrame => Some(&tracking::TRACKING_FRAMES),
        Kind::WearableSample => Some(&tracking::WEARABLE_SAMPLES),
        Kind::Heartbeat => None,
    }
}

/// The events as rows of their tables, in the order given; heartbeats are left out.
pub fn event_batches(events: &[&ArchivedEvent]) -> Result<BTreeMap<&'static str, RecordBatch>, LakeError> {
    let mut by_table: BTreeMap<&'static str, Vec<&ArchivedEvent>> = BTreeMap::new();
    for event in events {
        if let Some(table) = event_table(event.event.kind) {
            by_table.entry(table.name).or_default().push(event);
        }
    }
    let mut batches = BTreeMap::new();
    for (name, rows) in by_table {
        if let Some(table) = rows.first().and_then(|row| event_table(row.event.kind)) {
            batches.insert(name, table.batch(&rows)?);
        }
    }
    Ok(batches)
}

#[cfg(test)]
mod tests;
