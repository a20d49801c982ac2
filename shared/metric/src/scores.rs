//! Scores per game and pane: the score as it stands, leads and lead changes, status, win probability, and the fixture itself.
//! Grain: (source, game) x pane. Everything is a register, so repeats and order do not matter.
//!
//! | figure | formula | unit |
//! |---|---|---|
//! | lead | home − away at the end of the window | points |
//! | lead_change_count | times the sign of the lead became the opposite of the last non-zero one | count |
//! | largest_lead | max |home − away| | points |

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use touchline_event::{Event, Fixture, GameStatus, Payload};
use touchline_window::{OrderKey, Register};

/// A score at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GameScore {
    pub home_score: i32,
    pub away_score: i32,
}

impl GameScore {
    fn lead(self) -> i32 {
        self.home_score - self.away_score
    }
}

/// What a fixture register keeps: names and start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FixtureValue {
    pub sport: Option<String>,
    pub league: Option<String>,
    pub home: String,
    pub away: String,
    pub starts_at_ms: Option<i64>,
    pub venue: Option<String>,
}

/// The state of play as last told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusValue {
    pub status: GameStatus,
    pub period: Option<u16>,
    pub game_clock: Option<String>,
}

/// Mergeable state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ScoreState {
    update_count: u64,
    play_count: u64,
    fixture: Option<Register<FixtureValue>>,
    status: Option<Register<StatusValue>>,
    home_win_probability_e4: Option<Register<i64>>,
    /// Every score told, by when; equal consecutive ones are told apart at read.
    path: BTreeMap<OrderKey, GameScore>,
}

/// What is shown of a game in a window.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScoreMetrics {
    pub update_count: u64,
    pub play_count: u64,
    pub score: Option<GameScore>,
    pub lead: i32,
    pub largest_lead: i32,
    pub lead_change_count: u64,
    pub home_win_probability: Option<f64>,
}

impl ScoreState {
    pub(crate) fn apply(&mut self, event: &Event) {
        let order = OrderKey::of(event);
        self.update_count += 1;
        match &event.payload {
            Payload::Fixture(fixture) => {
                Register::keep_last(&mut self.fixture, order, || fixture_value(event, fixture));
                self.keep_status(order, event, fixture.status);
            }
            Payload::ScoreUpdate(update) => {
                self.path.insert(order, GameScore { home_score: update.home_score, away_score: update.away_score });
                self.keep_status(order, event, update.status);
            }
            Payload::PeriodChange(change) => self.keep_status(order, event, change.status),
            Payload::Play(play) => {
                self.play_count += 1;
                self.path.insert(order, GameScore { home_score: play.home_score, away_score: play.away_score });
                if let Some(probability) = play.home_win_probability_e4 {
                    Register::keep_last(&mut self.home_win_probability_e4, order, || probability);
                }
                self.keep_status(order, event, GameStatus::InProgress);
            }
            _ => {}
        }
    }

    fn keep_status(&mut self, order: OrderKey, event: &Event, status: GameStatus) {
        Register::keep_last(&mut self.status, order, || StatusValue {
            status,
            period: event.period,
            game_clock: event.game_clock.clone(),
        });
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.update_count += other.update_count;
        self.play_count += other.play_count;
        Register::merge_last(&mut self.fixture, &other.fixture);
        Register::merge_last(&mut self.status, &other.status);
        Register::merge_last(&mut self.home_win_probability_e4, &other.home_win_probability_e4);
        self.path.extend(&other.path);
    }

    /// Names and start, where a fixture was told.
    pub fn fixture(&self) -> Option<&FixtureValue> {
        self.fixture.as_ref().map(|register| &register.value)
    }

    /// State of play and when it was told, UTC ms.
    pub fn status(&self) -> Option<(&StatusValue, i64)> {
        self.status.as_ref().map(|register| (&register.value, register.order.timestamp_ms))
    }

    /// Event time and score, in time order.
    pub fn path(&self) -> impl Iterator<Item = (i64, GameScore)> {
        self.path.iter().map(|(order, score)| (order.timestamp_ms, *score))
    }

    /// The derived figures.
    pub fn metrics(&self) -> ScoreMetrics {
        let score = self.path.values().next_back().copied();
        let mut leader = 0;
        let mut lead_change_count = 0;
        for sign in self.path.values().map(|score| score.lead().signum()).filter(|sign| *sign != 0) {
            lead_change_count += u64::from(leader == -sign);
            leader = sign;
        }
        ScoreMetrics {
            update_count: self.update_count,
            play_count: self.play_count,
            score,
            lead: score.map_or(0, GameScore::lead),
            largest_lead: self.path.values().map(|score| score.lead().abs()).max().unwrap_or(0),
            lead_change_count,
            home_win_probability: self.home_win_probability_e4.as_ref().map(|register| register.value as f64 / 1e4),
        }
    }
}

fn fixture_value(event: &Event, fixture: &Fixture) -> FixtureValue {
    FixtureValue {
        sport: event.sport.clone(),
        league: event.league.clone(),
        home: fixture.home.name.clone(),
        away: fixture.away.name.clone(),
        starts_at_ms: fixture.starts_at_ms,
        venue: fixture.venue.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use touchline_event::{EventDraft, EventId, ScoreUpdate};

    fn update(id: u64, at: i64, home_score: i32, away_score: i32) -> Event {
        let payload = ScoreUpdate { home_score, away_score, status: GameStatus::InProgress, periods: vec![] };
        EventDraft::new("espn", at, at, payload).with_id(EventId(id))
    }

    #[test]
    fn a_lead_changes_when_the_other_side_leads_not_when_it_levels() {
        let mut state = ScoreState::default();
        for event in
            [update(1, 1, 3, 0), update(2, 2, 3, 3), update(3, 3, 6, 3), update(4, 4, 6, 7), update(5, 5, 9, 7)]
        {
            state.apply(&event);
        }
        let metrics = state.metrics();
        assert_eq!((metrics.lead, metrics.largest_lead, metrics.lead_change_count), (2, 3, 2));
    }

    #[test]
    fn merging_a_state_with_its_own_registers_changes_no_register() {
        let mut state = ScoreState::default();
        state.apply(&update(1, 1, 3, 0));
        let before = state.metrics().score;
        state.merge(&state.clone());
        assert_eq!(state.metrics().score, before);
    }
}
