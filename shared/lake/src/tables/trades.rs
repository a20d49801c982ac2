//! `silver.trades`: trade prints as delivered.

use std::borrow::Cow;

use touchline_event::{Payload, Trade};

use super::column::{Column, Table, flag, long, required, text};
use super::envelope::{ArchivedEvent, with_envelope};

pub(super) static TRADES: Table<ArchivedEvent> =
    Table { name: "silver.trades", grain: "one delivered trade print", day_column: Some("event_time"), columns };

fn columns() -> Vec<Column<ArchivedEvent>> {
    with_envelope(vec![
        required(long("price_e8", "Price, 10^-8 of the quote currency.", |row| Some(trade(row)?.price_e8))),
        required(long("volume_e8", "Shares, contracts or coins, 10^-8.", |row| Some(trade(row)?.volume_e8))),
        text("conditions", "Sale conditions of the vendor, joined by commas.", |row| {
            let conditions = &trade(row)?.conditions;
            (!conditions.is_empty()).then(|| Cow::Owned(conditions.join(",")))
        }),
        required(flag(
            "is_vwap_eligible",
            "False where a sale condition keeps the print out of VWAP and prices.",
            |row| Some(trade(row)?.is_vwap_eligible),
        )),
    ])
}

fn trade(row: &ArchivedEvent) -> Option<&Trade> {
    match &row.event.payload {
        Payload::Trade(trade) => Some(trade),
        _ => None,
    }
}
