//! `silver.*_windows`: finished windows, one row per window and revision. Readers take the highest revision.
//! Floating point is allowed here: rows are derived from exact panes and never added up again.

use super::column::{Column, Table, double, flag, int, long, required, some, text, time};

/// A row of `silver.trade_windows`.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub struct TradeWindowRow {
    pub source: String,
    pub symbol: String,
    /// UTC ms.
    pub window_start_ms: i64,
    pub window_ms: i64,
    /// 0 for the first result, then one more per correction.
    pub revision: i32,
    pub is_final: bool,
    pub trade_count: i64,
    /// Prints that sale conditions keep out of prices.
    pub excluded_count: i64,
    pub volume: f64,
    pub turnover: f64,
    pub vwap: Option<f64>,
    pub open: Option<f64>,
    pub close: Option<f64>,
    pub high: Option<f64>,
    pub low: Option<f64>,
    pub mean_price: Option<f64>,
    pub price_stddev: Option<f64>,
    pub realised_volatility: Option<f64>,
    /// Event time up to which the row counts, UTC ms.
    pub as_of_ms: i64,
}

/// A row of `silver.odds_windows`.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub struct OddsWindowRow {
    pub source: String,
    pub game_id: String,
    pub market: String,
    pub book: String,
    pub outcome: String,
    pub point: Option<f64>,
    pub side: String,
    pub window_start_ms: i64,
    pub window_ms: i64,
    pub revision: i32,
    pub is_final: bool,
    pub quote_count: i64,
    pub open: f64,
    pub close: f64,
    pub high: f64,
    pub low: f64,
    pub move_count: i64,
    /// Of the closing price, margin not removed.
    pub implied_probability: f64,
    pub volatility: Option<f64>,
    pub as_of_ms: i64,
}

/// A row of `silver.score_windows`.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub struct ScoreWindowRow {
    pub source: String,
    pub game_id: String,
    pub window_start_ms: i64,
    pub window_ms: i64,
    pub revision: i32,
    pub is_final: bool,
    pub update_count: i64,
    pub home_score: i32,
    pub away_score: i32,
    /// Home minus away at the end of the window.
    pub lead: i32,
    pub lead_change_count: i64,
    pub as_of_ms: i64,
}

/// Finished windows of trades.
pub static TRADE_WINDOWS: Table<TradeWindowRow> = Table {
    name: "silver.trade_windows",
    grain: "one window and revision of one instrument",
    day_column: Some("window_start"),
    columns: trade_windows,
};

/// Finished windows of prices at books and exchanges.
pub static ODDS_WINDOWS: Table<OddsWindowRow> = Table {
    name: "silver.odds_windows",
    grain: "one window and revision of one outcome, point and side at one book",
    day_column: Some("window_start"),
    columns: odds_windows,
};

/// Finished windows of scores.
pub static SCORE_WINDOWS: Table<ScoreWindowRow> = Table {
    name: "silver.score_windows",
    grain: "one window and revision of one game",
    day_column: Some("window_start"),
    columns: score_windows,
};

/// What every window table shares after its key; a macro, because each row type has its own fields.
macro_rules! window_columns {
    ($row:ty) => {{
        let columns: [Column<$row>; 4] = [
            required(time("window_start", "Start of the window, inclusive.", |row| Some(row.window_start_ms))),
            required(long("window_ms", "Length of the window, ms.", |row| Some(row.window_ms))),
            required(int("revision", "0 for the first result, one more per correction; take the highest.", |row| {
                Some(row.revision)
            })),
            required(flag("is_final", "Whether the watermark had passed the window and its grace.", |row| {
                Some(row.is_final)
            })),
        ];
        columns
    }};
}

fn trade_windows() -> Vec<Column<TradeWindowRow>> {
    let mut columns: Vec<Column<TradeWindowRow>> = vec![
        required(text("source", "The vendor.", |row| some(&row.source))),
        required(text("symbol", "Instrument.", |row| some(&row.symbol))),
    ];
    columns.extend(window_columns!(TradeWindowRow));
    columns.extend([
        required(long("trade_count", "Prints that count.", |row: &TradeWindowRow| Some(row.trade_count))),
        required(long("excluded_count", "Prints that sale conditions keep out.", |row| Some(row.excluded_count))),
        required(double("volume", "Shares, contracts or coins.", |row| Some(row.volume))),
        required(double("turnover", "Sum of price times volume.", |row| Some(row.turnover))),
        double("vwap", "Volume-weighted average price.", |row| row.vwap),
        double("open", "First price.", |row| row.open),
        double("close", "Last price.", |row| row.close),
        double("high", "Highest price.", |row| row.high),
        double("low", "Lowest price.", |row| row.low),
        double("mean_price", "Unweighted mean of the prints' prices.", |row| row.mean_price),
        double("price_stddev", "Standard deviation of the prints' prices.", |row| row.price_stddev),
        double("realised_volatility", "Root of the sum of squared log returns on a one-second grid.", |row| {
            row.realised_volatility
        }),
        required(time("as_of", "Event time up to which the row counts.", |row| Some(row.as_of_ms))),
    ]);
    columns
}

fn odds_windows() -> Vec<Column<OddsWindowRow>> {
    let mut columns: Vec<Column<OddsWindowRow>> = vec![
        required(text("source", "The vendor.", |row| some(&row.source))),
        required(text("game_id", "The vendor's game.", |row| some(&row.game_id))),
        required(text("market", "h2h, spreads, totals, or the vendor's word.", |row| some(&row.market))),
        required(text("book", "The vendor's key of the book.", |row| some(&row.book))),
        required(text("outcome", "Team, Over, Draw or runner: the vendor's word.", |row| some(&row.outcome))),
        double("point", "Handicap or total.", |row| row.point),
        required(text("side", "back, lay or last_traded.", |row| some(&row.side))),
    ];
    columns.extend(window_columns!(OddsWindowRow));
    columns.extend([
        required(long("quote_count", "Prices delivered.", |row: &OddsWindowRow| Some(row.quote_count))),
        required(double("open", "First decimal odds.", |row| Some(row.open))),
        required(double("close", "Last decimal odds.", |row| Some(row.close))),
        required(double("high", "Highest decimal odds.", |row| Some(row.high))),
        required(double("low", "Lowest decimal odds.", |row| Some(row.low))),
        required(long("move_count", "Changes of price.", |row| Some(row.move_count))),
        required(double("implied_probability", "1 / close; the book's margin is not removed.", |row| {
            Some(row.implied_probability)
        })),
        double("volatility", "Standard deviation of log price moves.", |row| row.volatility),
        required(time("as_of", "Event time up to which the row counts.", |row| Some(row.as_of_ms))),
    ]);
    columns
}

fn score_windows() -> Vec<Column<ScoreWindowRow>> {
    let mut columns: Vec<Column<ScoreWindowRow>> = vec![
        required(text("source", "The vendor.", |row| some(&row.source))),
        required(text("game_id", "The vendor's game.", |row| some(&row.game_id))),
    ];
    columns.extend(window_columns!(ScoreWindowRow));
    columns.extend([
        required(long("update_count", "Scores delivered.", |row: &ScoreWindowRow| Some(row.update_count))),
        required(int("home_score", "Home score at the end of the window.", |row| Some(row.home_score))),
        required(int("away_score", "Away score at the end of the window.", |row| Some(row.away_score))),
        required(int("lead", "Home minus away at the end of the window.", |row| Some(row.lead))),
        required(long("lead_change_count", "Changes of the leading side.", |row| Some(row.lead_change_count))),
        required(time("as_of", "Event time up to which the row counts.", |row| Some(row.as_of_ms))),
    ]);
    columns
}
