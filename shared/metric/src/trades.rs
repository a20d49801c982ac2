//! Trades per symbol and pane: count, volume, turnover, VWAP, open, high, low, close, mean, deviation, realised volatility.
//! Grain: symbol x pane. Late trades inside the horizon correct the pane. Prints whose sale condition keeps them out of
//! VWAP are counted apart (`excluded_count`) and touch nothing else.
//!
//! | figure | formula | unit |
//! |---|---|---|
//! | volume | Σ v | shares or coins |
//! | turnover | Σ p·v | currency |
//! | vwap | Σ p·v / Σ v; the mean price where every v is 0 | price |
//! | mean_price | Σ p / n | price |
//! | price_stddev | √(Σ p²/n − (Σ p/n)²), population | price |
//! | realised_volatility | √(Σ r²), r = ln(pᵢ/pᵢ₋₁) between consecutive non-empty one-second last prices | per window |
//!
//! Sources: Finnhub's trade message; realised volatility as in Andersen and Bollerslev (1998).

use serde::{Deserialize, Serialize};
use touchline_event::{Event, Payload, Trade};
use touchline_window::{Grid, OrderKey, Register};

const PRICE_UNITS: f64 = 1e8;
const TURNOVER_UNITS: f64 = 1e16;
const MS_PER_YEAR: f64 = 365.0 * 86_400_000.0;

/// Mergeable state. Prices 10^-8, volumes 10^-8, turnover 10^-16.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TradeState {
    trade_count: u64,
    excluded_count: u64,
    volume_e8: i128,
    turnover_e16: i128,
    price_sum_e8: i128,
    price_square_sum_e16: i128,
    high_e8: Option<i64>,
    low_e8: Option<i64>,
    open: Option<Register<i64>>,
    close: Option<Register<i64>>,
    last_prices: Grid<i64>,
}

/// What is shown of a window. Prices and volumes as decimals; `None` where there was no trade.
///
/// ```
/// use touchline_metric::TradeState;
/// let mut state = TradeState::default();
/// // 100 @ 10.00 at second 0, 300 @ 11.00 at second 1: VWAP = (1000 + 3300) / 400 = 10.75.
/// state.add(0, None, 1, 1_000_000_000, 10_000_000_000);
/// state.add(1_000, None, 2, 1_100_000_000, 30_000_000_000);
/// let metrics = state.metrics(60_000);
/// assert_eq!(metrics.vwap, Some(10.75));
/// assert_eq!(metrics.realised_volatility, Some((1.1_f64).ln()));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TradeMetrics {
    pub trade_count: u64,
    pub excluded_count: u64,
    pub volume: f64,
    pub turnover: f64,
    pub vwap: Option<f64>,
    pub open: Option<f64>,
    pub high: Option<f64>,
    pub low: Option<f64>,
    pub close: Option<f64>,
    pub mean_price: Option<f64>,
    pub price_stddev: Option<f64>,
    pub realised_volatility: Option<f64>,
    pub realised_volatility_annualised: Option<f64>,
}

impl TradeState {
    pub(crate) fn apply(&mut self, event: &Event) {
        let Payload::Trade(Trade { price_e8, volume_e8, is_vwap_eligible, .. }) = &event.payload else { return };
        if *is_vwap_eligible {
            self.add(event.timestamp_ms, event.vendor_seq, event.event_id.0, *price_e8, *volume_e8);
        } else {
            self.excluded_count += 1;
        }
    }

    /// Counts one print. The bounded job calls this without an envelope; `id` only breaks ties of time and sequence.
    pub fn add(&mut self, timestamp_ms: i64, vendor_seq: Option<i64>, id: u64, price_e8: i64, volume_e8: i64) {
        let order = OrderKey { timestamp_ms, vendor_seq, event_id: id };
        let (price, volume) = (i128::from(price_e8), i128::from(volume_e8));
        self.trade_count += 1;
        self.volume_e8 += volume;
        self.turnover_e16 += price * volume;
        self.price_sum_e8 += price;
        self.price_square_sum_e16 += price * price;
        self.high_e8 = self.high_e8.max(Some(price_e8));
        self.low_e8 = Some(self.low_e8.map_or(price_e8, |low| low.min(price_e8)));
        Register::keep_first(&mut self.open, order, || price_e8);
        Register::keep_last(&mut self.close, order, || price_e8);
        self.last_prices.apply(order, price_e8);
    }

    /// Counts a print that a sale condition keeps out of VWAP.
    pub fn exclude(&mut self) {
        self.excluded_count += 1;
    }

    /// Adds what another pane of the same symbol counted.
    pub fn merge(&mut self, other: &Self) {
        self.trade_count += other.trade_count;
        self.excluded_count += other.excluded_count;
        self.volume_e8 += other.volume_e8;
        self.turnover_e16 += other.turnover_e16;
        self.price_sum_e8 += other.price_sum_e8;
        self.price_square_sum_e16 += other.price_square_sum_e16;
        self.high_e8 = self.high_e8.max(other.high_e8);
        self.low_e8 = match (self.low_e8, other.low_e8) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        Register::merge_first(&mut self.open, &other.open);
        Register::merge_last(&mut self.close, &other.close);
        self.last_prices.merge(&other.last_prices);
    }

    /// The derived figures of a window of `window_ms`.
    pub fn metrics(&self, window_ms: i64) -> TradeMetrics {
        let has_trades = self.trade_count > 0;
        let count = self.trade_count as f64;
        let price = |units: i64| units as f64 / PRICE_UNITS;
        let mean_price = has_trades.then(|| self.price_sum_e8 as f64 / PRICE_UNITS / count);
        let vwap = if self.volume_e8 > 0 {
            Some(self.turnover_e16 as f64 / self.volume_e8 as f64 / PRICE_UNITS)
        } else {
            mean_price
        };
        let realised_volatility = has_trades.then(|| self.realised_volatility());
        TradeMetrics {
            trade_count: self.trade_count,
            excluded_count: self.excluded_count,
            volume: self.volume_e8 as f64 / PRICE_UNITS,
            turnover: self.turnover_e16 as f64 / TURNOVER_UNITS,
            vwap,
            open: self.open.as_ref().map(|open| price(open.value)),
            high: self.high_e8.map(price),
            low: self.low_e8.map(price),
            close: self.close.as_ref().map(|close| price(close.value)),
            mean_price,
            price_stddev: has_trades.then(|| self.price_stddev()),
            realised_volatility,
            realised_volatility_annualised: realised_volatility
                .map(|sigma| sigma * (MS_PER_YEAR / window_ms as f64).sqrt()),
        }
    }

    fn price_stddev(&self) -> f64 {
        let count = i128::from(self.trade_count);
        // n·Σp² − (Σp)² is exact in integers; the float branch is for sums beyond 2^127, where 15 digits are all one can ask.
        let exact = count
            .checked_mul(self.price_square_sum_e16)
            .zip(self.price_sum_e8.checked_mul(self.price_sum_e8))
            .map(|(squares, square)| (squares - square) as f64);
        let scatter = exact
            .unwrap_or_else(|| count as f64 * self.price_square_sum_e16 as f64 - (self.price_sum_e8 as f64).powi(2));
        scatter.max(0.0).sqrt() / count as f64 / PRICE_UNITS
    }

    fn realised_volatility(&self) -> f64 {
        let prices: Vec<f64> = self.last_prices.values().map(|units| *units as f64).collect();
        // A fold from 0.0, because the sum of no floats is -0.0.
        prices.windows(2).map(|pair| (pair[1] / pair[0]).ln().powi(2)).fold(0.0, |sum, square| sum + square).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn state_of(trades: &[(i64, i64, i64)]) -> TradeState {
        let mut state = TradeState::default();
        for (n, (at, price, volume)) in trades.iter().enumerate() {
            state.add(*at, None, n as u64, *price, *volume);
        }
        state
    }

    proptest! {
        #[test]
        fn p2_a_split_anywhere_merges_to_the_whole(trades in prop::collection::vec((0_i64..60_000, 1_i64..1_000_000_000_000, 0_i64..1_000_000_000_000), 1..40), cut in 0_usize..40) {
            let cut = cut % trades.len();
            let whole = state_of(&trades);
            let mut left = TradeState::default();
            let mut right = TradeState::default();
            for (n, (at, price, volume)) in trades.iter().enumerate() {
                let side = if n < cut { &mut left } else { &mut right };
                side.add(*at, None, n as u64, *price, *volume);
            }
            let mut swapped = right.clone();
            swapped.merge(&left);
            left.merge(&right);
            prop_assert_eq!(&left, &whole);
            prop_assert_eq!(&swapped, &whole);
        }
    }

    #[test]
    fn deviation_of_equal_prices_is_zero_and_of_two_is_half_their_distance() {
        assert_eq!(state_of(&[(0, 1_000, 1), (1, 1_000, 1)]).metrics(60_000).price_stddev, Some(0.0));
        assert_eq!(state_of(&[(0, 100_000_000, 1), (1, 300_000_000, 1)]).metrics(60_000).price_stddev, Some(1.0));
    }

    #[test]
    fn a_single_price_has_a_volatility_of_plain_zero() {
        let sigma = state_of(&[(0, 1_000, 1)]).metrics(60_000).realised_volatility;
        assert_eq!(sigma.map(f64::to_bits), Some(0.0_f64.to_bits()));
    }

    #[test]
    fn the_last_price_of_a_second_is_by_time_not_by_arrival() {
        let metrics = state_of(&[(500, 200, 1), (100, 100, 1), (1_500, 400, 1)]).metrics(60_000);
        assert_eq!(metrics.realised_volatility, Some(2_f64.ln()));
        assert_eq!((metrics.open, metrics.close), (Some(100.0 / 1e8), Some(400.0 / 1e8)));
    }

    #[test]
    fn a_window_without_trades_has_no_prices() {
        let metrics = TradeState::default().metrics(60_000);
        assert_eq!((metrics.vwap, metrics.open, metrics.realised_volatility), (None, None, None));
    }
}
