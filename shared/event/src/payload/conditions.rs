//! What surrounds a game: the weather at a place, and articles.
//! CON-1: an amount is metric and scaled; what the vendor does not give is absent, never zero.

use serde::{Deserialize, Serialize};

/// The weather at a place: observed, or forecast for a later time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WeatherObservation {
    /// Degrees Celsius, 10^-2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature_c_e2: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wind_mps_e2: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_indoor: Option<bool>,
    /// Gusts, metres per second, 10^-2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gust_mps_e2: Option<i64>,
    /// Where the wind comes from, degrees clockwise from north.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wind_from_deg: Option<i64>,
    /// Relative humidity, per cent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub humidity_pct: Option<i64>,
    /// Pressure at sea level, hPa, 10^-2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pressure_hpa_e2: Option<i64>,
    /// Rain and snow as water, mm, 10^-2, in `precipitation_min`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precipitation_mm_e2: Option<i64>,
    /// Minutes in which `precipitation_mm_e2` fell or will fall.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precipitation_min: Option<i64>,
    /// Probability of precipitation, 10^-4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precipitation_probability_e4: Option<i64>,
    /// Sky covered by clouds, per cent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_cover_pct: Option<i64>,
    /// Whether this is a forecast; absent where the vendor does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_forecast: Option<bool>,
    /// When the weather is so, UTC ms: of a forecast. An observation's time is its event's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_at_ms: Option<i64>,
    /// The vendor's name of the place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Degrees north, 10^-6.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latitude_e6: Option<i64>,
    /// Degrees east, 10^-6.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longitude_e6: Option<i64>,
}

/// Facts about an article; never its text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Article {
    pub title: String,
    pub url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// ISO 639-1, where the vendor says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}
