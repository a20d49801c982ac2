//! The order books of a session's markets, from images and deltas, and what of them was last said.
//! BET-1: an image replaces a market's ladders, a delta amends them, a size of 0 takes a rung away.
//! BET-2: only a difference to what was last said is a change, so that a new image after a reconnect doubles nothing.
//! BET-3: the best price is that of the full ladder where the stream carries one, else of the best offers, else of the
//! displayed ones; virtual prices never mix with real ones.

use std::collections::{BTreeMap, HashMap};

use touchline_event::{MarketStatus, Side};

use super::payload::Rung;
use super::table;

/// Every market of a session.
#[derive(Debug, Default)]
pub struct Books {
    markets: HashMap<String, Market>,
}

impl Books {
    pub(super) fn market(&mut self, id: &str) -> &mut Market {
        if !self.markets.contains_key(id) {
            self.markets.insert(id.to_owned(), Market::default());
        }
        self.markets.get_mut(id).expect("the market was inserted above")
    }
}

/// Selection and handicap name a runner together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct RunnerKey {
    pub selection_id: i64,
    pub handicap_e2: i64,
}

impl RunnerKey {
    /// `228749`, or `228749:-150` with a handicap of -1.5.
    pub(super) fn id(self) -> String {
        match self.handicap_e2 {
            0 => self.selection_id.to_string(),
            handicap => format!("{}:{handicap}", self.selection_id),
        }
    }
}

/// One market.
#[derive(Debug)]
pub(super) struct Market {
    pub sport: Option<&'static str>,
    /// Our word for the market type.
    pub market: String,
    pub market_time_ms: Option<i64>,
    /// Prices of a line market are points, not odds: they are not quoted.
    pub is_line: bool,
    pub names: HashMap<RunnerKey, String>,
    pub status_said: Option<MarketStatus>,
    runners: BTreeMap<RunnerKey, Runner>,
    /// Which of full, best and displayed offers the stream has carried for this market.
    has_offers: [bool; 3],
}

impl Default for Market {
    fn default() -> Self {
        Self {
            sport: None,
            market: table::UNKNOWN_MARKET.to_owned(),
            market_time_ms: None,
            is_line: false,
            names: HashMap::new(),
            status_said: None,
            runners: BTreeMap::new(),
            has_offers: [false; 3],
        }
    }
}

/// Rungs by price, or by level where the stream names levels.
type Ladder = BTreeMap<i64, Rung>;

#[derive(Debug, Default)]
struct Runner {
    /// Full, best and displayed offers; each to back and to lay.
    offers: [[Ladder; 2]; 3],
    /// Matched by price, as last said.
    traded: BTreeMap<i64, i64>,
    best_said: [Option<i64>; 2],
    ltp_e6: Option<i64>,
    ltp_said: Option<i64>,
    is_touched: bool,
    traded_changes: BTreeMap<i64, i64>,
}

/// A difference to what was last said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// The best price of a side, or the last traded one.
    Price { side: Side, price_e6: i64, size_e2: Option<i64> },
    /// The sum matched at a price.
    Traded { price_e6: i64, size_e2: i64 },
}

const SIDES: [Side; 2] = [Side::Back, Side::Lay];

impl Market {
    /// A runner's name, else its selection id.
    pub(super) fn outcome(&self, runner: RunnerKey) -> String {
        self.names.get(&runner).cloned().unwrap_or_else(|| runner.selection_id.to_string())
    }

    /// Forgets every offer, for an image to replace them. What was said stays, to be compared with.
    pub(super) fn begin_image(&mut self) {
        self.has_offers = [false; 3];
        for runner in self.runners.values_mut() {
            runner.offers = Default::default();
            runner.is_touched = true;
        }
    }

    /// One rung of a ladder named by its place in [`super::payload::LADDERS`].
    pub(super) fn set_rung(&mut self, runner: RunnerKey, ladder: usize, rung: Rung) {
        let entry = self.runners.entry(runner).or_default();
        entry.is_touched = true;
        if ladder == TRADED {
            entry.traded_changes.insert(rung.price_e6, rung.size_e2);
            return;
        }
        let offers = ladder / 2;
        self.has_offers[offers] = true;
        let key = if offers == FULL { rung.price_e6 } else { rung.level };
        let ladder = &mut entry.offers[offers][ladder % 2];
        if rung.size_e2 == 0 {
            ladder.remove(&key);
        } else {
            ladder.insert(key, rung);
        }
    }

    /// The last price traded; 0 where nothing has traded.
    pub(super) fn set_last_traded(&mut self, runner: RunnerKey, ltp_e6: i64) {
        let entry = self.runners.entry(runner).or_default();
        entry.is_touched = true;
        entry.ltp_e6 = Some(ltp_e6).filter(|price| *price > 0);
    }

    /// What changed since the last call, runner by runner.
    pub(super) fn take_changes(&mut self) -> Vec<(RunnerKey, Change)> {
        let offers = self.has_offers.iter().position(|has| *has).unwrap_or(FULL);
        let mut changes = Vec::new();
        for (key, runner) in self.runners.iter_mut().filter(|(_, runner)| runner.is_touched) {
            runner.is_touched = false;
            runner.take_changes(offers, |change| changes.push((*key, change)));
        }
        changes
    }
}

/// Places in `offers`.
const FULL: usize = 0;
/// Place of `trd` in the ladders.
const TRADED: usize = 6;

impl Runner {
    fn take_changes(&mut self, offers: usize, mut say: impl FnMut(Change)) {
        for (place, side) in SIDES.into_iter().enumerate() {
            let ladder = &self.offers[offers][place];
            // The full ladder is keyed by price: the best back is the highest. The others are keyed by level.
            let best = match (offers, side) {
                (FULL, Side::Back) => ladder.last_key_value(),
                _ => ladder.first_key_value(),
            };
            let best = best.map(|(_, rung)| *rung);
            if let Some(rung) = best
                && self.best_said[place] != Some(rung.price_e6)
            {
                say(Change::Price { side, price_e6: rung.price_e6, size_e2: Some(rung.size_e2) });
            }
            self.best_said[place] = best.map(|rung| rung.price_e6);
        }
        if let Some(price_e6) = self.ltp_e6
            && self.ltp_said != Some(price_e6)
        {
            say(Change::Price { side: Side::LastTraded, price_e6, size_e2: None });
        }
        self.ltp_said = self.ltp_e6;
        for (price_e6, size_e2) in std::mem::take(&mut self.traded_changes) {
            if self.traded.get(&price_e6).copied().unwrap_or(0) != size_e2 {
                say(Change::Traded { price_e6, size_e2 });
                self.traded.insert(price_e6, size_e2);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNNER: RunnerKey = RunnerKey { selection_id: 7, handicap_e2: 0 };
    const ATB: usize = 0;
    const ATL: usize = 1;
    const BDATB: usize = 4;

    fn set(market: &mut Market, ladder: usize, level: i64, price_e6: i64, size_e2: i64) {
        market.set_rung(RUNNER, ladder, Rung { level, price_e6, size_e2 });
    }

    fn prices(market: &mut Market) -> Vec<(Side, i64)> {
        let price = |(_, change)| match change {
            Change::Price { side, price_e6, .. } => (side, price_e6),
            Change::Traded { price_e6, .. } => panic!("traded {price_e6}"),
        };
        market.take_changes().into_iter().map(price).collect()
    }

    #[test]
    fn the_best_back_is_the_highest_and_the_best_lay_the_lowest() {
        let mut market = Market::default();
        set(&mut market, ATB, 0, 2_000_000, 10);
        set(&mut market, ATB, 0, 2_100_000, 10);
        set(&mut market, ATL, 0, 2_200_000, 10);
        set(&mut market, ATL, 0, 2_300_000, 10);
        assert_eq!(prices(&mut market), [(Side::Back, 2_100_000), (Side::Lay, 2_200_000)]);
        set(&mut market, ATB, 0, 2_100_000, 0);
        assert_eq!(prices(&mut market), [(Side::Back, 2_000_000)]);
        set(&mut market, ATB, 0, 2_000_000, 99);
        assert_eq!(prices(&mut market), []);
    }

    #[test]
    fn an_image_replaces_and_says_only_what_differs() {
        let mut market = Market::default();
        set(&mut market, ATB, 0, 2_000_000, 10);
        set(&mut market, ATL, 0, 2_200_000, 10);
        market.take_changes();
        market.begin_image();
        set(&mut market, ATB, 0, 2_000_000, 10);
        assert_eq!(prices(&mut market), []);
        // The lay side was gone in the image: its return is news.
        set(&mut market, ATL, 0, 2_200_000, 10);
        assert_eq!(prices(&mut market), [(Side::Lay, 2_200_000)]);
    }

    #[test]
    fn displayed_offers_count_only_without_a_full_ladder() {
        let mut market = Market::default();
        set(&mut market, BDATB, 0, 3_000_000, 10);
        assert_eq!(prices(&mut market), [(Side::Back, 3_000_000)]);
        set(&mut market, ATB, 0, 2_900_000, 10);
        assert_eq!(prices(&mut market), [(Side::Back, 2_900_000)]);
        set(&mut market, BDATB, 0, 3_100_000, 10);
        assert_eq!(prices(&mut market), []);
    }
}
