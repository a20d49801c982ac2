//! `silver.odds_quotes` and `silver.markets`: what books offer and what exchanges trade, as delivered.

use std::borrow::Cow;

use touchline_event::{MarketStatus, OddsQuote, Payload, TradedVolume};

use super::column::{Column, Table, flag, long, required, some, text, time};
use super::envelope::{ArchivedEvent, with_envelope};

pub(super) static ODDS_QUOTES: Table<ArchivedEvent> = Table {
    name: "silver.odds_quotes",
    grain: "one delivered price of one outcome at one book",
    day_column: Some("event_time"),
    columns: odds_quotes,
};

pub(super) static MARKETS: Table<ArchivedEvent> = Table {
    name: "silver.markets",
    grain: "one delivered state of a market (market_status) or level of money matched at a price (traded_volume)",
    day_column: Some("event_time"),
    columns: markets,
};

fn odds_quotes() -> Vec<Column<ArchivedEvent>> {
    with_envelope(vec![
        required(text("book", "The vendor's key of the book.", |row| some(&quote(row)?.book))),
        required(text("market", "h2h, spreads, totals, or the vendor's word.", |row| some(&quote(row)?.market))),
        required(text("outcome", "Team, Over, Draw or runner: the vendor's word.", |row| some(&quote(row)?.outcome))),
        long("point_e2", "Handicap or total, 10^-2.", |row| quote(row)?.point_e2),
        required(long("price_e6", "Decimal odds, 10^-6.", |row| Some(quote(row)?.price_e6))),
        required(text("side", "back, lay or last_traded.", |row| some(quote(row)?.side.as_str()))),
        long("size_e2", "Money available at this price on an exchange, 10^-2.", |row| quote(row)?.size_e2),
    ])
}

fn markets() -> Vec<Column<ArchivedEvent>> {
    with_envelope(vec![
        required(text("market", "The vendor's market.", |row| match &row.event.payload {
            Payload::MarketStatus(status) => some(&status.market),
            Payload::TradedVolume(volume) => some(&volume.market),
            _ => None,
        })),
        text("status", "open, suspended, closed: of market_status.", |row| some(&status(row)?.status)),
        flag("is_in_play", "Whether the game is on, as the vendor says: of market_status.", |row| {
            Some(status(row)?.is_in_play)
        }),
        time("market_time", "When the market is due to start: of market_status.", |row| status(row)?.market_time_ms),
        text("outcome", "The runner: of traded_volume.", |row| some(&volume(row)?.outcome)),
        long("price_e6", "Decimal odds, 10^-6: of traded_volume.", |row| Some(volume(row)?.price_e6)),
        long("size_e2", "Matched at this price so far, 10^-2: of traded_volume.", |row| Some(volume(row)?.size_e2)),
        text("outcomes", "JSON [[outcome id, name or status], ...] of market_status.", |row| {
            let outcomes = &status(row)?.outcomes;
            if outcomes.is_empty() {
                return None;
            }
            serde_json::to_string(outcomes).ok().map(Cow::Owned)
        }),
    ])
}

fn quote(row: &ArchivedEvent) -> Option<&OddsQuote> {
    match &row.event.payload {
        Payload::OddsQuote(quote) => Some(quote),
        _ => None,
    }
}

fn status(row: &ArchivedEvent) -> Option<&MarketStatus> {
    match &row.event.payload {
        Payload::MarketStatus(status) => Some(status),
        _ => None,
    }
}

fn volume(row: &ArchivedEvent) -> Option<&TradedVolume> {
    match &row.event.payload {
        Payload::TradedVolume(volume) => Some(volume),
        _ => None,
    }
}
