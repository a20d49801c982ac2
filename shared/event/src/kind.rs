//! The kinds of canonical event, by the name they carry on the wire.
//! KIND-1: new kinds go to the end: stored tallies hold a kind by its place.
//! Unknown vendor types are `other`, with the vendor's word in the payload; they are never lost.

use serde::{Deserialize, Serialize};

macro_rules! kinds {
    ($($variant:ident = $name:literal),+ $(,)?) => {
        /// What an event says happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Kind { $(#[serde(rename = $name)] $variant),+ }

        impl Kind {
            /// Every kind, in wire-name order of declaration.
            pub const ALL: &[Kind] = &[$(Kind::$variant),+];

            /// The wire name, `snake_case`.
            pub fn as_str(self) -> &'static str {
                match self { $(Kind::$variant => $name),+ }
            }

            /// The kind of a wire name.
            pub fn from_wire(name: &str) -> Option<Kind> {
                match name { $($name => Some(Kind::$variant),)+ _ => None }
            }
        }
    };
}

kinds! {
    Fixture = "fixture",
    ScoreUpdate = "score_update",
    PeriodChange = "period_change",
    Goal = "goal",
    Card = "card",
    Substitution = "substitution",
    Play = "play",
    OddsQuote = "odds_quote",
    MarketStatus = "market_status",
    TradedVolume = "traded_volume",
    Trade = "trade",
    WeatherObservation = "weather_observation",
    Article = "article",
    Heartbeat = "heartbeat",
    Other = "other",
    Lineup = "lineup",
    Pass = "pass",
    Shot = "shot",
    Tackle = "tackle",
    Carry = "carry",
    Pressure = "pressure",
    Foul = "foul",
    TrackingFrame = "tracking_frame",
    WearableSample = "wearable_sample",
    RosterChange = "roster_change",
    TeamProfile = "team",
    League = "league",
    Venue = "venue",
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_again_by_its_wire_name() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_wire(kind.as_str()), Some(*kind));
        }
        assert_eq!(Kind::from_wire("pass_attempt"), None);
    }
}
