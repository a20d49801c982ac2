//! The metric families, which events each takes, and what its panes are keyed by.
//! FAM-1: `Family::of` is total: a kind no family measures is counted in `tally`.

use serde::{Deserialize, Serialize};
use touchline_event::{Event, Kind, Payload};
use touchline_window::Aggregate;

use crate::{OddsState, ScoreState, TallyState, TradeState};

/// A metric family; part of every pane key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    Trades,
    Odds,
    Scores,
    Tally,
}

impl Family {
    /// Every family.
    pub const ALL: [Family; 4] = [Family::Trades, Family::Odds, Family::Scores, Family::Tally];

    /// The name in keys, tables and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trades => "trades",
            Self::Odds => "odds",
            Self::Scores => "scores",
            Self::Tally => "tally",
        }
    }

    /// The family of a name.
    pub fn from_name(name: &str) -> Option<Family> {
        Self::ALL.into_iter().find(|family| family.as_str() == name)
    }

    /// The one family that counts this event. Heartbeats belong to none: they are no facts.
    pub fn of(event: &Event) -> Option<Family> {
        Self::of_kind(event.kind)
    }

    /// The kinds that this family counts.
    pub fn kinds(self) -> Vec<Kind> {
        Kind::ALL.iter().copied().filter(|kind| Self::of_kind(*kind) == Some(self)).collect()
    }

    fn of_kind(kind: Kind) -> Option<Family> {
        match kind {
            Kind::Heartbeat => None,
            Kind::Trade => Some(Self::Trades),
            Kind::OddsQuote | Kind::MarketStatus | Kind::TradedVolume => Some(Self::Odds),
            Kind::Fixture | Kind::ScoreUpdate | Kind::PeriodChange | Kind::Goal | Kind::Play => Some(Self::Scores),
            Kind::Card | Kind::Substitution | Kind::WeatherObservation | Kind::Article | Kind::Other => {
                Some(Self::Tally)
            }
            Kind::RosterChange | Kind::TeamProfile | Kind::League | Kind::Venue => Some(Self::Tally),
            Kind::Lineup
            | Kind::Pass
            | Kind::Shot
            | Kind::Tackle
            | Kind::Carry
            | Kind::Pressure
            | Kind::Foul
            | Kind::TrackingFrame
            | Kind::WearableSample => Some(Self::Tally),
        }
    }

    /// Whose pane it is: the event's entity, for odds with the market, because each market of a game has its own pane.
    pub fn pane_entity(event: &Event) -> String {
        let entity = event.entity();
        match &event.payload {
            Payload::OddsQuote(quote) => format!("{entity}|{}", quote.market),
            Payload::MarketStatus(status) => format!("{entity}|{}", status.market),
            Payload::TradedVolume(volume) => format!("{entity}|{}", volume.market),
            _ => entity,
        }
    }

    /// A fresh state of this family.
    pub fn empty(self) -> FamilyState {
        match self {
            Self::Trades => FamilyState::Trades(TradeState::default()),
            Self::Odds => FamilyState::Odds(OddsState::default()),
            Self::Scores => FamilyState::Scores(ScoreState::default()),
            Self::Tally => FamilyState::Tally(TallyState::default()),
        }
    }
}

/// The state of a pane of any family.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum FamilyState {
    Trades(TradeState),
    Odds(OddsState),
    Scores(ScoreState),
    Tally(TallyState),
}

impl Aggregate for FamilyState {
    fn apply(&mut self, event: &Event) {
        match self {
            Self::Trades(state) => state.apply(event),
            Self::Odds(state) => state.apply(event),
            Self::Scores(state) => state.apply(event),
            Self::Tally(state) => state.apply(event),
        }
    }

    /// States of different families never meet: the family is part of the key. If they do, nothing is mixed.
    fn merge(&mut self, other: &Self) {
        match (self, other) {
            (Self::Trades(state), Self::Trades(other)) => state.merge(other),
            (Self::Odds(state), Self::Odds(other)) => state.merge(other),
            (Self::Scores(state), Self::Scores(other)) => state.merge(other),
            (Self::Tally(state), Self::Tally(other)) => state.merge(other),
            _ => {}
        }
    }
}
