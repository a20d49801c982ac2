//! Final panes as rows of the window tables, named by pane, line and revision (FIN-2).

use std::collections::BTreeMap;

use serde::Serialize;
use touchline_event::Scaled;
use touchline_lake::tables::{
    ODDS_WINDOWS, OddsWindowRow, SCORE_WINDOWS, ScoreWindowRow, TRADE_WINDOWS, TradeWindowRow,
};
use touchline_metric::{FamilyState, OddsState, ScoreState, TradeState};
use touchline_store::panes;

use crate::{FinalPane, FinalizeError};

type Rows = Vec<(String, Vec<u8>)>;

/// Rows of every pane, by table.
pub(crate) fn of_panes<'a>(
    panes: impl Iterator<Item = &'a FinalPane>,
) -> Result<BTreeMap<&'static str, Rows>, FinalizeError> {
    let mut tables: BTreeMap<&'static str, Rows> = BTreeMap::new();
    for pane in panes {
        match &pane.state {
            FamilyState::Trades(state) => {
                tables
                    .entry(TRADE_WINDOWS.name)
                    .or_default()
                    .push((name(pane, ""), encode(TRADE_WINDOWS.name, &trade_row(pane, state))?));
            }
            FamilyState::Odds(state) => {
                for (line, row) in odds_rows(pane, state) {
                    tables
                        .entry(ODDS_WINDOWS.name)
                        .or_default()
                        .push((name(pane, &line), encode(ODDS_WINDOWS.name, &row)?));
                }
            }
            FamilyState::Scores(state) => {
                if let Some(row) = score_row(pane, state) {
                    tables
                        .entry(SCORE_WINDOWS.name)
                        .or_default()
                        .push((name(pane, ""), encode(SCORE_WINDOWS.name, &row)?));
                }
            }
            FamilyState::Tally(_) => {}
        }
    }
    Ok(tables)
}

fn name(pane: &FinalPane, line: &str) -> String {
    format!("{}{line}#{:06}", panes::row_prefix(pane.pane_ms, pane.start_ms, &pane.entity), pane.revision)
}

fn encode<R: Serialize>(table: &'static str, row: &R) -> Result<Vec<u8>, FinalizeError> {
    serde_json::to_vec(row).map_err(|error| FinalizeError::Row { table, message: error.to_string() })
}

/// The part of an entity after its vendor.
fn subject(pane: &FinalPane) -> &str {
    pane.entity.split_once(':').map_or(pane.entity.as_str(), |(_, subject)| subject)
}

fn trade_row(pane: &FinalPane, state: &TradeState) -> TradeWindowRow {
    let metrics = state.metrics(pane.pane_ms);
    TradeWindowRow {
        source: pane.source.clone(),
        symbol: subject(pane).to_owned(),
        window_start_ms: pane.start_ms,
        window_ms: pane.pane_ms,
        revision: pane.revision as i32,
        is_final: true,
        trade_count: metrics.trade_count as i64,
        excluded_count: metrics.excluded_count as i64,
        volume: metrics.volume,
        turnover: metrics.turnover,
        vwap: metrics.vwap,
        open: metrics.open,
        close: metrics.close,
        high: metrics.high,
        low: metrics.low,
        mean_price: metrics.mean_price,
        price_stddev: metrics.price_stddev,
        realised_volatility: metrics.realised_volatility,
        as_of_ms: pane.as_of_ms,
    }
}

fn odds_rows(pane: &FinalPane, state: &OddsState) -> Vec<(String, OddsWindowRow)> {
    let (game_id, market) = subject(pane).split_once('|').unwrap_or((subject(pane), ""));
    let mut rows = Vec::new();
    for (key, line) in state.lines() {
        let Some(metrics) = line.metrics() else { continue };
        let point = key.point_e2.map_or_else(|| "-".to_owned(), |point| point.to_string());
        let name = format!("{}|{}|{point}|{}", key.book, key.outcome, key.side.as_str());
        let row = OddsWindowRow {
            source: pane.source.clone(),
            game_id: game_id.to_owned(),
            market: market.to_owned(),
            book: key.book.clone(),
            outcome: key.outcome.clone(),
            point: key.point_e2.map(|point| Scaled::<2>(point).to_f64()),
            side: key.side.as_str().to_owned(),
            window_start_ms: pane.start_ms,
            window_ms: pane.pane_ms,
            revision: pane.revision as i32,
            is_final: true,
            quote_count: metrics.quote_count as i64,
            open: metrics.open,
            close: metrics.close,
            high: metrics.high,
            low: metrics.low,
            move_count: metrics.move_count as i64,
            implied_probability: metrics.implied_probability,
            volatility: metrics.volatility,
            as_of_ms: pane.as_of_ms,
        };
        rows.push((name, row));
    }
    rows
}

fn score_row(pane: &FinalPane, state: &ScoreState) -> Option<ScoreWindowRow> {
    let metrics = state.metrics();
    let score = metrics.score?;
    Some(ScoreWindowRow {
        source: pane.source.clone(),
        game_id: subject(pane).to_owned(),
        window_start_ms: pane.start_ms,
        window_ms: pane.pane_ms,
        revision: pane.revision as i32,
        is_final: true,
        update_count: metrics.update_count as i64,
        home_score: score.home_score,
        away_score: score.away_score,
        lead: metrics.lead,
        lead_change_count: metrics.lead_change_count as i64,
        as_of_ms: pane.as_of_ms,
    })
}
