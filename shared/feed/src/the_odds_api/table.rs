//! The Odds API's keys to our words: sports by the head of the sport key, lay markets to the market they lay.

use touchline_event::{GameStatus, Side};

/// `soccer_epl` is soccer. Keys without a league, `upcoming`, have no sport.
pub(super) fn sport(sport_key: &str) -> Option<&str> {
    // The vendor's own two-word heads: `mma_mixed_martial_arts` is sport `mma`, `rugbyleague_nrl` is `rugbyleague`.
    sport_key.split_once('_').map(|(sport, _)| sport).filter(|sport| !sport.is_empty())
}

/// The market a key prices, and from which side. Every key but these is the vendor's word: `spreads`, `totals`,
/// `h2h_3_way`, `alternate_totals`, `player_points`, `outrights`.
pub(super) fn market(key: &str) -> (&str, Side) {
    match key {
        // Odds to lay the outcome, from betting exchanges only.
        "h2h_lay" => ("h2h", Side::Lay),
        "outrights_lay" => ("outrights", Side::Lay),
        other => (other, Side::Back),
    }
}

/// Where a game of `/scores` stands.
pub(super) fn status(completed: Option<bool>, has_scores: bool) -> GameStatus {
    match (completed, has_scores) {
        (Some(true), _) => GameStatus::Final,
        (Some(false), true) => GameStatus::InProgress,
        (Some(false), false) => GameStatus::Scheduled,
        (None, _) => GameStatus::Unknown,
    }
}
