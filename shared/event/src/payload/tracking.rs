//! Where everybody is, many times a second, and what a worn device measures.
//! TRK-1: one `tracking_frame` is one moment with all players and the ball, never one event a player: at 25 frames a
//! second a match would be four million events, and no question asks for one player without the others.
//! TRK-2: a football pitch is 105 x 68 m in cm, the home team attacking left to right where the vendor says which way
//! it plays (`is_oriented`), else as the vendor's camera saw it. An American football field keeps its own 109.7 x 48.8 m.
//! TRK-3: a worn device's latitude and longitude are not kept: nothing here computes with them, and they say where
//! somebody lives.

use serde::{Deserialize, Serialize};

use super::football::words;

words! {
    /// On whose side a tracked person is.
    Squad {
        Home = "home",
        Away = "away",
        /// Of the one who acts, where the vendor names no teams.
        Teammate = "teammate",
        Opponent = "opponent",
        Official = "official",
        Unknown = "unknown",
    }
}

/// One moment of a tracked game.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackingFrame {
    /// The vendor's number of the frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame: Option<i64>,
    /// Time inside the period or recording by the vendor's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_ms: Option<i64>,
    /// The vendor's event that this frame belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// Whether the home team (or the acting one) attacks left to right here.
    pub is_oriented: bool,
    /// Whether the ball is in play, where the vendor says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_alive: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub possession: Option<Squad>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ball: Option<TrackedBall>,
    pub players: Vec<TrackedPlayer>,
}

/// The ball in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackedBall {
    pub x_cm: i32,
    pub y_cm: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub z_cm: Option<i32>,
    /// Centimetres per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed_cmps: Option<i32>,
}

/// One person in a frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackedPlayer {
    pub squad: Squad,
    /// The vendor's id of the player or, where it has none, of the track.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Shirt number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u16>,
    pub x_cm: i32,
    pub y_cm: i32,
    /// Centimetres per second, where the vendor measures it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed_cmps: Option<i32>,
    /// False where the vendor guessed the place of somebody out of the picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_detected: Option<bool>,
}

/// One reading of a worn device.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WearableSample {
    /// Time since the recording began by the device, where it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elapsed_ms: Option<i64>,
    /// Beats per minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heart_rate_bpm: Option<i64>,
    /// Millimetres per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed_mmps: Option<i64>,
    /// Since the recording began, cm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distance_cm: Option<i64>,
    /// Steps or turns of the crank per minute: as the device counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cadence_rpm: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power_w: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub altitude_cm: Option<i64>,
    /// Degrees Celsius, 10^-2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature_c_e2: Option<i64>,
}
