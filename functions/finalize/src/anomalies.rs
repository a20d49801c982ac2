//! Whether a final trade pane is unusual against the final panes before it; kept for the API and queued for the lake.

use touchline_lake::tables::{ANOMALIES, AnomalyRow};
use touchline_metric::{ClosedWindow, Family, FamilyState, HISTORY_WINDOWS, detect};
use touchline_store::{AnomalyEntry, Pane, anomalies, outbox, panes};

use crate::{FinalPane, FinalizeContext, FinalizeError};

/// How far back the previous windows are looked for, in panes: a symbol may be silent for a while.
const LOOKBACK_PANES: i64 = 4 * HISTORY_WINDOWS as i64;

/// The pane's anomalies, stored and queued.
pub(crate) async fn judge(context: &FinalizeContext, pane: &FinalPane) -> Result<Vec<AnomalyEntry>, FinalizeError> {
    let FamilyState::Trades(state) = &pane.state else { return Ok(Vec::new()) };
    let metrics = state.metrics(pane.pane_ms);
    let Some(close) = metrics.close else { return Ok(Vec::new()) };
    let from_ms = pane.start_ms - LOOKBACK_PANES * pane.pane_ms;
    let before =
        panes::read(&*context.store, Family::Trades, &pane.entity, pane.pane_ms, Some(from_ms), Some(pane.start_ms))
            .await?;
    let history: Vec<ClosedWindow> = before.iter().filter_map(closed_window).collect();
    let current = ClosedWindow { start_ms: pane.start_ms, volume: metrics.volume, close };
    let mut entries = Vec::new();
    for anomaly in detect(&history, current) {
        let entry = AnomalyEntry {
            family: pane.family.as_str().to_owned(),
            source: pane.source.clone(),
            entity: pane.entity.clone(),
            kind: anomaly.kind.as_str().to_owned(),
            window_start_ms: pane.start_ms,
            window_ms: pane.pane_ms,
            detected_at_ms: pane.as_of_ms,
            value: anomaly.value,
            expectation: anomaly.expectation,
            severity: anomaly.severity,
            robust_z: anomaly.robust_z,
            revision: pane.revision,
        };
        anomalies::put(&*context.store, &entry).await?;
        entries.push(entry);
    }
    let rows = entries.iter().map(|entry| encoded(entry, pane)).collect::<Result<Vec<_>, _>>()?;
    outbox::put(&*context.store, ANOMALIES.name, rows).await?;
    Ok(entries)
}

fn closed_window(pane: &Pane) -> Option<ClosedWindow> {
    let FamilyState::Trades(state) = &pane.state else { return None };
    let metrics = state.metrics(1);
    Some(ClosedWindow { start_ms: pane.start_ms, volume: metrics.volume, close: metrics.close? })
}

fn encoded(entry: &AnomalyEntry, pane: &FinalPane) -> Result<(String, Vec<u8>), FinalizeError> {
    let row = AnomalyRow {
        anomaly_id: entry.id(),
        family: entry.family.clone(),
        source: entry.source.clone(),
        entity: entry.entity.clone(),
        kind: entry.kind.clone(),
        window_start_ms: entry.window_start_ms,
        window_ms: entry.window_ms,
        detected_at_ms: entry.detected_at_ms,
        value: entry.value,
        expectation: entry.expectation,
        severity: entry.severity,
        robust_z: entry.robust_z,
        revision: entry.revision as i32,
    };
    let bytes = serde_json::to_vec(&row)
        .map_err(|error| FinalizeError::Row { table: ANOMALIES.name, message: error.to_string() })?;
    Ok((format!("{}#{:06}", entry.id(), pane.revision), bytes))
}
