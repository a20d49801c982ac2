//! What is computed in a pane: one metric family per file, with its state, merge, formulas, units and worked example.
//! MET-1 (P2): every family's merge is associative and commutative, with the fresh state as identity.
//! MET-2: state holds integers and registers only; floats appear in the derived outputs.
//! MET-3: every event belongs to exactly one family, so that accounting adds up (P12).

mod admission;
mod anomaly;
mod family;
mod market;
mod odds;
mod scores;
mod statistics;
mod tally;
mod trades;

pub use admission::{Admission, Refusal, admit, admit_on_own_lane};
pub use anomaly::{Anomaly, AnomalyKind, ClosedWindow, HISTORY_WINDOWS, MIN_HISTORY_WINDOWS, detect};
pub use family::{Family, FamilyState};
pub use market::{
    BestPrice, FairOutcome, best_prices, consensus, devig_multiplicative, implied_probability, overround,
};
pub use odds::{LineMetrics, LineState, OddsState, SeriesKey, VolumeKey};
pub use scores::{GameScore, ScoreMetrics, ScoreState};
pub use statistics::{mean, median, median_absolute_deviation, robust_sigma};
pub use tally::TallyState;
pub use trades::{TradeMetrics, TradeState};
