//! The columns that every table of events begins with.
//! ENV-1: rows are as delivered: a fact published twice is two rows of one `event_id`, told apart by shard, sequence and sub.

use std::borrow::Cow;
use std::sync::Arc;

use touchline_event::{Event, Lane, Position};

use super::column::{Column, int, long, maybe, required, some, text, time};

/// An event and where in the stream it was delivered.
#[derive(Debug, Clone, PartialEq)]
pub struct ArchivedEvent {
    pub shard: Arc<str>,
    pub lane: Lane,
    pub position: Position,
    pub event: Event,
}

/// The envelope, then the table's own columns.
pub(super) fn with_envelope(own: Vec<Column<ArchivedEvent>>) -> Vec<Column<ArchivedEvent>> {
    let mut columns = envelope();
    columns.extend(own);
    columns
}

fn envelope() -> Vec<Column<ArchivedEvent>> {
    vec![
        required(text("event_id", "Identity of the vendor's fact, 16 hex digits.", |row| {
            Some(Cow::Owned(row.event.event_id.to_string()))
        })),
        required(text("kind", "What happened: trade, odds_quote, goal.", |row| some(row.event.kind.as_str()))),
        required(text("source", "The vendor: espn, finnhub.", |row| some(&row.event.source))),
        text("sport", "Sport, where there is one.", |row| maybe(row.event.sport.as_ref())),
        text("league", "League or competition.", |row| maybe(row.event.league.as_ref())),
        text("game_id", "The vendor's game.", |row| maybe(row.event.game_id.as_ref())),
        text("team_id", "The vendor's team.", |row| maybe(row.event.team_id.as_ref())),
        text("player_id", "The vendor's player.", |row| maybe(row.event.player_id.as_ref())),
        text("symbol", "Instrument of a market; without a game, the place (weather) or site (articles).", |row| {
            maybe(row.event.symbol.as_ref())
        }),
        required(text("entity", "Whom the event is about, vendor in front: finnhub:AAPL.", |row| {
            Some(Cow::Owned(row.event.entity()))
        })),
        required(time("event_time", "When it happened, by the vendor's clock.", |row| Some(row.event.timestamp_ms))),
        text("game_clock", "Clock of the game, as the vendor writes it.", |row| maybe(row.event.game_clock.as_ref())),
        int("period", "Period, quarter, half or inning.", |row| row.event.period.map(i32::from)),
        long("vendor_seq", "The vendor's own order of events.", |row| row.event.vendor_seq),
        required(time("ingested_at", "When our side read the bytes.", |row| Some(row.event.ingested_at_ms))),
        required(time("first_arrival_at", "When the fact first reached us; survives a redrive.", |row| {
            Some(row.event.first_arrival_ms)
        })),
        required(int("lane", "Lane of the stream it travelled on.", |row| Some(i32::from(row.lane.0)))),
        required(text("shard", "Shard of the stream it was delivered from.", |row| some(&row.shard))),
        required(text("sequence", "Sequence number of its stream record, decimal digits.", |row| {
            Some(Cow::Owned(row.position.sequence.to_string()))
        })),
        // A frame holds at most 65,536 events, so the index always fits.
        required(int("sub", "Index inside the stream record.", |row| i32::try_from(row.position.sub).ok())),
    ]
}
