//! Volume spikes and price jumps of a closed trade window against the windows before it.
//!
//! | anomaly | condition | severity |
//! |---|---|---|
//! | volume spike | volume > 3 · mean volume of the previous 20 closed windows, at least 5 | volume / mean |
//! | price jump | abs(ln(close/previous close)) > 4 robust sigmas of the previous windows' returns | return in sigmas |
//!
//! The robust z-score, (volume − median) / (1.4826 · MAD), stands beside a spike: it says how unusual the window is when
//! the mean itself was driven by an earlier spike.

use serde::Serialize;

use crate::{mean, median, robust_sigma};

/// Closed windows looked back on.
pub const HISTORY_WINDOWS: usize = 20;
/// With fewer closed windows nothing is called unusual.
pub const MIN_HISTORY_WINDOWS: usize = 5;
const SPIKE_RATIO: f64 = 3.0;
const JUMP_SIGMAS: f64 = 4.0;

/// What an earlier or the current window contributes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClosedWindow {
    pub start_ms: i64,
    pub volume: f64,
    pub close: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AnomalyKind {
    VolumeSpike,
    PriceJump,
}

impl AnomalyKind {
    /// The name in tables and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::VolumeSpike => "volume_spike",
            Self::PriceJump => "price_jump",
        }
    }
}

/// An unusual window.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Anomaly {
    pub kind: AnomalyKind,
    pub window_start_ms: i64,
    pub value: f64,
    pub expectation: f64,
    pub severity: f64,
    pub robust_z: Option<f64>,
}

/// The anomalies of `current`, given the closed windows before it, oldest first (only the last 20 count).
pub fn detect(history: &[ClosedWindow], current: ClosedWindow) -> Vec<Anomaly> {
    let history = &history[history.len().saturating_sub(HISTORY_WINDOWS)..];
    if history.len() < MIN_HISTORY_WINDOWS {
        return Vec::new();
    }
    volume_spike(history, current).into_iter().chain(price_jump(history, current)).collect()
}

fn volume_spike(history: &[ClosedWindow], current: ClosedWindow) -> Option<Anomaly> {
    let volumes: Vec<f64> = history.iter().map(|window| window.volume).collect();
    let expectation = mean(&volumes)?;
    let is_spike = expectation > 0.0 && current.volume > SPIKE_RATIO * expectation;
    let sigma = robust_sigma(&volumes).filter(|sigma| *sigma > 0.0);
    is_spike.then(|| Anomaly {
        kind: AnomalyKind::VolumeSpike,
        window_start_ms: current.start_ms,
        value: current.volume,
        expectation,
        severity: current.volume / expectation,
        robust_z: sigma.zip(median(&volumes)).map(|(sigma, centre)| (current.volume - centre) / sigma),
    })
}

fn price_jump(history: &[ClosedWindow], current: ClosedWindow) -> Option<Anomaly> {
    let returns: Vec<f64> = history.windows(2).map(|pair| (pair[1].close / pair[0].close).ln()).collect();
    let sigma = robust_sigma(&returns).filter(|sigma| *sigma > 0.0)?;
    let value = (current.close / history.last()?.close).ln();
    (value.abs() > JUMP_SIGMAS * sigma).then(|| Anomaly {
        kind: AnomalyKind::PriceJump,
        window_start_ms: current.start_ms,
        value,
        expectation: 0.0,
        severity: value.abs() / sigma,
        robust_z: median(&returns).map(|centre| (value - centre) / sigma),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(count: i64) -> Vec<ClosedWindow> {
        (0..count)
            .map(|n| ClosedWindow {
                start_ms: n * 60_000,
                volume: 100.0 + (n % 3) as f64,
                close: 10.0 + 0.01 * (n * n * 7 % 11) as f64,
            })
            .collect()
    }

    #[test]
    fn three_times_the_mean_is_a_spike_and_a_bit_less_is_none() {
        let of = |volume| detect(&history(20), ClosedWindow { start_ms: 0, volume, close: history(20)[19].close });
        assert_eq!(of(302.0).len(), 0);
        let spike = of(500.0)[0];
        assert_eq!((spike.kind, spike.value), (AnomalyKind::VolumeSpike, 500.0));
        assert!(spike.severity > 4.9 && spike.robust_z.is_some());
    }

    #[test]
    fn a_price_jump_is_measured_in_robust_sigmas() {
        let jump = detect(&history(20), ClosedWindow { start_ms: 0, volume: 100.0, close: 11.0 });
        assert_eq!(jump[0].kind, AnomalyKind::PriceJump);
    }

    #[test]
    fn four_windows_are_too_few_to_judge_by() {
        assert!(detect(&history(4), ClosedWindow { start_ms: 0, volume: 1e9, close: 99.0 }).is_empty());
    }
}
