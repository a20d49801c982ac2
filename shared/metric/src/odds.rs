//! Odds per game, market and pane: for every book, outcome, point and side its line (open, close, high, low, moves, volatility);
//! on exchanges also traded volume and VWAP odds; and the market's latest status.
//! Grain: (source, game, market) x pane, lines inside. Late quotes inside the horizon correct the pane.
//!
//! | figure | formula | unit |
//! |---|---|---|
//! | implied_probability | 1 / decimal odds of the close | probability |
//! | move_count | changes between consecutive last prices of the one-second grid | count |
//! | volatility | √(Σ d²/n − (Σ d/n)²), d = change of ln(p/(1−p)) between grid values | log-odds |
//! | velocity | (implied close − implied open) · 100 / hours between them | points per hour |
//! | vwap_odds | Σ price·size / Σ size over the latest matched size of every price | decimal odds |

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use touchline_event::{Event, OddsQuote, Payload, Side};
use touchline_window::{Grid, OrderKey, Register};

const PRICE_UNITS: f64 = 1e6;

/// One line inside a market.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SeriesKey {
    pub book: String,
    pub outcome: String,
    pub point_e2: Option<i64>,
    pub side: Side,
}

/// One matched level of an exchange.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct VolumeKey {
    pub outcome: String,
    pub price_e6: i64,
}

/// Mergeable state of one line. Prices 10^-6.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LineState {
    quote_count: u64,
    high_e6: Option<i64>,
    low_e6: Option<i64>,
    open: Option<Register<i64>>,
    close: Option<Register<i64>>,
    path: Grid<i64>,
}

/// What is shown of a line in a window.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LineMetrics {
    pub quote_count: u64,
    pub open: f64,
    pub close: f64,
    pub high: f64,
    pub low: f64,
    /// When the closing price was quoted, UTC ms.
    pub quoted_at_ms: i64,
    pub move_count: u64,
    pub implied_probability: f64,
    pub volatility: Option<f64>,
    pub velocity_points_per_hour: Option<f64>,
}

/// The market's state as its vendor last told it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusValue {
    pub status: String,
    pub is_in_play: bool,
    pub market_time_ms: Option<i64>,
}

/// Mergeable state of one market.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OddsState {
    lines: BTreeMap<SeriesKey, LineState>,
    matched: BTreeMap<VolumeKey, Register<i64>>,
    status: Option<Register<StatusValue>>,
    other_count: u64,
}

impl LineState {
    fn apply(&mut self, order: OrderKey, price_e6: i64) {
        self.quote_count += 1;
        self.high_e6 = self.high_e6.max(Some(price_e6));
        self.low_e6 = Some(self.low_e6.map_or(price_e6, |low| low.min(price_e6)));
        Register::keep_first(&mut self.open, order, || price_e6);
        Register::keep_last(&mut self.close, order, || price_e6);
        self.path.apply(order, price_e6);
    }

    fn merge(&mut self, other: &Self) {
        self.quote_count += other.quote_count;
        self.high_e6 = self.high_e6.max(other.high_e6);
        self.low_e6 = match (self.low_e6, other.low_e6) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        Register::merge_first(&mut self.open, &other.open);
        Register::merge_last(&mut self.close, &other.close);
        self.path.merge(&other.path);
    }

    /// Second since 1970 and decimal odds, in time order.
    pub fn path(&self) -> impl Iterator<Item = (i64, f64)> {
        self.path.seconds().map(|(second, price)| (second, *price as f64 / PRICE_UNITS))
    }

    /// The derived figures; `None` for a line that saw no quote.
    pub fn metrics(&self) -> Option<LineMetrics> {
        let (open, close) = (self.open.as_ref()?, self.close.as_ref()?);
        let price = |units: i64| units as f64 / PRICE_UNITS;
        let prices: Vec<i64> = self.path.values().copied().collect();
        let hours = (close.order.timestamp_ms - open.order.timestamp_ms) as f64 / 3_600_000.0;
        let points = (1.0 / price(close.value) - 1.0 / price(open.value)) * 100.0;
        Some(LineMetrics {
            quote_count: self.quote_count,
            open: price(open.value),
            close: price(close.value),
            high: price(self.high_e6?),
            low: price(self.low_e6?),
            quoted_at_ms: close.order.timestamp_ms,
            move_count: prices.windows(2).filter(|pair| pair[0] != pair[1]).count() as u64,
            implied_probability: 1.0 / price(close.value),
            volatility: log_odds_volatility(&prices),
            velocity_points_per_hour: (hours > 0.0).then(|| points / hours),
        })
    }
}

fn log_odds_volatility(prices_e6: &[i64]) -> Option<f64> {
    let logits: Vec<f64> = prices_e6
        .iter()
        .map(|units| PRICE_UNITS / *units as f64)
        .filter(|probability| *probability < 1.0)
        .map(|probability| (probability / (1.0 - probability)).ln())
        .collect();
    let changes: Vec<f64> = logits.windows(2).map(|pair| pair[1] - pair[0]).collect();
    if changes.is_empty() {
        return None;
    }
    let mean = changes.iter().sum::<f64>() / changes.len() as f64;
    Some((changes.iter().map(|change| (change - mean).powi(2)).sum::<f64>() / changes.len() as f64).sqrt())
}

impl OddsState {
    pub(crate) fn apply(&mut self, event: &Event) {
        let order = OrderKey::of(event);
        match &event.payload {
            Payload::OddsQuote(OddsQuote { book, outcome, point_e2, price_e6, side, .. }) => {
                let key = SeriesKey { book: book.clone(), outcome: outcome.clone(), point_e2: *point_e2, side: *side };
                self.lines.entry(key).or_default().apply(order, *price_e6);
            }
            Payload::TradedVolume(volume) => {
                let key = VolumeKey { outcome: volume.outcome.clone(), price_e6: volume.price_e6 };
                let mut slot = self.matched.remove(&key);
                Register::keep_last(&mut slot, order, || volume.size_e2);
                if let Some(register) = slot {
                    self.matched.insert(key, register);
                }
            }
            Payload::MarketStatus(status) => Register::keep_last(&mut self.status, order, || StatusValue {
                status: status.status.clone(),
                is_in_play: status.is_in_play,
                market_time_ms: status.market_time_ms,
            }),
            _ => self.other_count += 1,
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (key, line) in &other.lines {
            self.lines.entry(key.clone()).or_default().merge(line);
        }
        for (key, register) in &other.matched {
            let mut slot = self.matched.remove(key);
            Register::keep_last(&mut slot, register.order, || register.value);
            if let Some(register) = slot {
                self.matched.insert(key.clone(), register);
            }
        }
        Register::merge_last(&mut self.status, &other.status);
        self.other_count += other.other_count;
    }

    /// Every line with its key.
    pub fn lines(&self) -> impl Iterator<Item = (&SeriesKey, &LineState)> {
        self.lines.iter()
    }

    /// The latest status told.
    pub fn status(&self) -> Option<&StatusValue> {
        self.status.as_ref().map(|register| &register.value)
    }

    /// Money matched on an outcome (currency units) and its volume-weighted odds.
    pub fn matched(&self, outcome: &str) -> Option<(f64, f64)> {
        let levels = self.matched.iter().filter(|(key, _)| key.outcome == outcome);
        let (size, weighted) = levels.fold((0_i128, 0_i128), |(size, weighted), (key, register)| {
            (size + i128::from(register.value), weighted + i128::from(register.value) * i128::from(key.price_e6))
        });
        (size > 0).then(|| (size as f64 / 100.0, weighted as f64 / size as f64 / PRICE_UNITS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use touchline_event::{EventDraft, EventId, TradedVolume};

    fn quote(id: u64, at: i64, price_e6: i64) -> Event {
        let payload = OddsQuote {
            book: "pinnacle".into(),
            market: "h2h".into(),
            outcome: "Bills".into(),
            point_e2: None,
            price_e6,
            side: Side::Back,
            size_e2: None,
        };
        EventDraft::new("the-odds-api", at, at, payload).with_id(EventId(id))
    }

    #[test]
    fn a_line_remembers_its_path_whatever_the_order_of_arrival() {
        let quotes = [
            quote(1, 0, 2_000_000),
            quote(2, 5_000, 2_100_000),
            quote(3, 9_000, 2_100_000),
            quote(4, 20_000, 1_900_000),
        ];
        let mut forward = OddsState::default();
        let mut backward = OddsState::default();
        quotes.iter().for_each(|quote| forward.apply(quote));
        quotes.iter().rev().for_each(|quote| backward.apply(quote));
        assert_eq!(forward, backward);
        let metrics = forward.lines().next().unwrap().1.metrics().unwrap();
        assert_eq!(
            (metrics.open, metrics.close, metrics.high, metrics.low, metrics.move_count),
            (2.0, 1.9, 2.1, 1.9, 2)
        );
    }

    #[test]
    fn matched_volume_is_a_level_not_a_sum() {
        let level = |id, at, price_e6, size_e2| {
            let payload = TradedVolume { market: "h2h".into(), outcome: "7".into(), price_e6, size_e2 };
            EventDraft::new("betfair", at, at, payload).with_id(EventId(id))
        };
        let mut state = OddsState::default();
        for event in [level(1, 0, 2_000_000, 1_000), level(2, 1, 2_000_000, 3_000), level(3, 2, 4_000_000, 1_000)] {
            state.apply(&event);
        }
        assert_eq!(state.matched("7"), Some((40.0, 2.5)));
        assert_eq!(state.matched("8"), None);
    }
}
