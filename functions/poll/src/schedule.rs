//! When a page is polled next, from what is known of its games. Pure: reads no clock.
//! SCHED-1: the next poll is after the last one, by at least the shortest cadence.
//! SCHED-2: while a game is on, the live cadence holds; before a start a poll falls into the last minute (the closing capture)
//! and one onto the start itself, whatever the cadence.

use touchline_event::GameStatus;
use touchline_store::KnownGame;

/// A poll this long before a start sees the closing prices.
const CLOSING_LEAD_MS: i64 = 60_000;
/// A game that should have begun and is still said to be scheduled is looked at for so long.
const OVERDUE_MS: i64 = 4 * 3_600_000;
/// Corrections come most often right after the end.
const AFTERMATH_MS: i64 = 20 * 60_000;

/// How often a page is polled, ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cadence {
    pub idle_ms: i64,
    /// A game starts within `near_window_ms`, or has just ended.
    pub near_ms: i64,
    pub live_ms: i64,
    pub near_window_ms: i64,
}

/// What the hour is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    Idle,
    Near,
    Live,
    /// A start is a minute away: prices are closing.
    Closing,
}

/// What now is for one game.
pub fn moment_of(game: &KnownGame, near_window_ms: i64, now_ms: i64) -> Moment {
    match game.status {
        status if status.is_live() => Moment::Live,
        GameStatus::Delayed | GameStatus::Suspended => Moment::Near,
        GameStatus::Scheduled | GameStatus::Unknown => match game.starts_at_ms.map(|start_ms| start_ms - now_ms) {
            Some(ahead_ms) if ahead_ms > near_window_ms || ahead_ms < -OVERDUE_MS => Moment::Idle,
            Some(ahead_ms) if ahead_ms > CLOSING_LEAD_MS => Moment::Near,
            Some(ahead_ms) if ahead_ms > 0 => Moment::Closing,
            Some(_) => Moment::Live,
            None => Moment::Idle,
        },
        _ if now_ms - game.since_ms < AFTERMATH_MS => Moment::Near,
        _ => Moment::Idle,
    }
}

/// What now is for a page with these games: the most urgent one decides.
pub fn moment<'a>(games: impl Iterator<Item = &'a KnownGame>, cadence: &Cadence, now_ms: i64) -> Moment {
    games.map(|game| moment_of(game, cadence.near_window_ms, now_ms)).max().unwrap_or(Moment::Idle)
}

/// When a page is due that was last polled at `last_ms`. A page that was never polled is due at once.
pub fn next_poll_ms<'a>(
    last_ms: Option<i64>,
    games: impl Iterator<Item = &'a KnownGame> + Clone,
    cadence: &Cadence,
    now_ms: i64,
) -> i64 {
    let Some(last_ms) = last_ms else { return now_ms };
    let pause_ms = match moment(games.clone(), cadence, now_ms) {
        Moment::Idle => cadence.idle_ms,
        Moment::Near | Moment::Closing => cadence.near_ms,
        Moment::Live => cadence.live_ms,
    };
    let is_ahead = |game: &&KnownGame| matches!(game.status, GameStatus::Scheduled | GameStatus::Unknown);
    let starts = games.filter(is_ahead).filter_map(|game| game.starts_at_ms);
    let turns = starts.flat_map(|start_ms| [start_ms - cadence.near_window_ms, start_ms - CLOSING_LEAD_MS, start_ms]);
    let due_ms = turns.filter(|at_ms| *at_ms > last_ms).fold(last_ms.saturating_add(pause_ms), i64::min);
    due_ms.max(last_ms + cadence.live_ms.min(cadence.near_ms).clamp(1, CLOSING_LEAD_MS / 2))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CADENCE: Cadence = Cadence { idle_ms: 900_000, near_ms: 120_000, live_ms: 15_000, near_window_ms: 3_600_000 };
    const START_MS: i64 = 1_793_491_200_000;

    fn game(status: GameStatus) -> KnownGame {
        KnownGame { starts_at_ms: Some(START_MS), status, since_ms: START_MS - 10 * 3_600_000 }
    }

    fn next(last_ms: i64, games: &[KnownGame]) -> i64 {
        next_poll_ms(Some(last_ms), games.iter(), &CADENCE, last_ms) - last_ms
    }

    #[test]
    fn the_cadence_follows_the_games() {
        let scheduled = [game(GameStatus::Scheduled)];
        assert_eq!(next(START_MS, &[]), CADENCE.idle_ms);
        assert_eq!(next(START_MS - 5 * 3_600_000, &scheduled), CADENCE.idle_ms);
        assert_eq!(next(START_MS - 1_800_000, &scheduled), CADENCE.near_ms);
        assert_eq!(next(START_MS + 10_000, &scheduled), CADENCE.live_ms, "overdue, and about to be said to have begun");
        assert_eq!(next(START_MS + 5 * 3_600_000, &scheduled), CADENCE.idle_ms);
        assert_eq!(next(START_MS + 60_000, &[game(GameStatus::Halftime), game(GameStatus::Final)]), CADENCE.live_ms);
        let ended = KnownGame { since_ms: START_MS + 7_200_000, ..game(GameStatus::Final) };
        assert_eq!(next(START_MS + 7_260_000, &[ended]), CADENCE.near_ms, "corrections come after the end");
        assert_eq!(next(START_MS + 7_200_000 + AFTERMATH_MS, &[ended]), CADENCE.idle_ms);
    }

    #[test]
    fn closing_prices_and_the_start_are_not_missed_by_a_slow_cadence() {
        let scheduled = [game(GameStatus::Scheduled)];
        let slow = Cadence { idle_ms: 6 * 3_600_000, near_ms: 3_600_000, ..CADENCE };
        let mut at_ms = START_MS - 8 * 3_600_000;
        let mut polls = Vec::new();
        while at_ms <= START_MS {
            polls.push(START_MS - at_ms);
            at_ms = next_poll_ms(Some(at_ms), scheduled.iter(), &slow, at_ms);
        }
        assert_eq!(polls, [8 * 3_600_000, 2 * 3_600_000, 3_600_000, CLOSING_LEAD_MS, 0]);
        assert_eq!(moment(scheduled.iter(), &slow, START_MS - CLOSING_LEAD_MS), Moment::Closing);
        assert_eq!(next_poll_ms(None, scheduled.iter(), &slow, 7), 7);
    }

    proptest! {
        #[test]
        fn a_page_is_never_polled_faster_than_its_cadence(
            starts in prop::collection::vec(-10_000_000_i64..10_000_000, 0..20),
            last_ms in -5_000_000_i64..5_000_000,
        ) {
            let games: Vec<KnownGame> = starts
                .iter()
                .map(|start| KnownGame { starts_at_ms: Some(*start), status: GameStatus::Scheduled, since_ms: 0 })
                .collect();
            let due_ms = next_poll_ms(Some(last_ms), games.iter(), &CADENCE, last_ms);
            prop_assert!(due_ms >= last_ms + CADENCE.live_ms);
            prop_assert!(due_ms <= last_ms + CADENCE.idle_ms);
        }
    }
}
