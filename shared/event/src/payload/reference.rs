//! Who and where: teams, leagues, venues and rosters as a vendor lists them.
//! REF-1: a listing is a fact of its own; that it differs from the one before is for readers to see (SCD type 2).

use serde::{Deserialize, Serialize};

use super::Team;

/// A team as its vendor describes it, outside any game.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TeamProfile {
    pub team: Team,
    /// City or region that stands before the name: `New York`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// The vendor's home venue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub venue_id: Option<String>,
}

/// A league, cup or tournament.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct League {
    pub id: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abbreviation: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// The season the vendor calls current, by its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub season: Option<String>,
}

/// A stadium or arena.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Venue {
    /// Empty where the vendor names the place only.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<i64>,
    /// Degrees north, 10^-6.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latitude_e6: Option<i64>,
    /// Degrees east, 10^-6.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longitude_e6: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_indoor: Option<bool>,
    /// `grass`, `artificial`: the vendor's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surface: Option<String>,
}

/// One player's place in one team, as listed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RosterChange {
    pub team: Team,
    pub player: String,
    /// `active`, `out`, `injured`: the vendor's word in lower case; `listed` where it only lists.
    pub status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
    /// Since when the player belongs to the team, UTC ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_ms: Option<i64>,
    /// Until when, UTC ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<i64>,
}
