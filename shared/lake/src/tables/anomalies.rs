//! `silver.anomalies`: windows that stand out, one row per anomaly and revision.

use super::column::{Column, Table, double, int, long, required, some, text, time};

/// A row of `silver.anomalies`.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub struct AnomalyRow {
    pub anomaly_id: String,
    pub family: String,
    pub source: String,
    pub entity: String,
    /// `volume_spike` or `price_jump`.
    pub kind: String,
    pub window_start_ms: i64,
    pub window_ms: i64,
    pub detected_at_ms: i64,
    pub value: f64,
    pub expectation: f64,
    pub severity: f64,
    pub robust_z: Option<f64>,
    pub revision: i32,
}

/// Windows that stand out.
pub static ANOMALIES: Table<AnomalyRow> =
    Table { name: "silver.anomalies", grain: "one anomaly and revision", day_column: Some("window_start"), columns };

fn columns() -> Vec<Column<AnomalyRow>> {
    vec![
        required(text("anomaly_id", "Identity of the anomaly; the same in every revision.", |row| {
            some(&row.anomaly_id)
        })),
        required(text("family", "Metric family: trade, odds, score.", |row| some(&row.family))),
        required(text("source", "The vendor.", |row| some(&row.source))),
        required(text("entity", "Whom it is about, vendor in front.", |row| some(&row.entity))),
        required(text("kind", "volume_spike or price_jump.", |row| some(&row.kind))),
        required(time("window_start", "Start of the window that stands out.", |row| Some(row.window_start_ms))),
        required(long("window_ms", "Length of the window, ms.", |row| Some(row.window_ms))),
        required(time("detected_at", "When it was found.", |row| Some(row.detected_at_ms))),
        required(double("value", "What was measured.", |row| Some(row.value))),
        required(double("expectation", "What was to be expected.", |row| Some(row.expectation))),
        required(double("severity", "How far beyond the threshold; 1 is at it.", |row| Some(row.severity))),
        double("robust_z", "Distance from the median in scaled median deviations.", |row| row.robust_z),
        required(int("revision", "Revision of the window it was found in; take the highest.", |row| {
            Some(row.revision)
        })),
    ]
}
