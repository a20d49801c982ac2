//! OpenWeather: the weather of three places in the units that were asked for.
//! OW-1: temperatures and winds are in the units of the request; without `units` they are kelvin and metres per second.
//! See docs/vendors/openweather.md. One observation is all that was recorded: its time moves on every ten minutes, what it says does not.

use serde_json::{Value, json};

use super::{Endpoint, World, fixture};
use crate::answer::{Answer, Asked, WRONG_KEY};
use crate::budget::{Allowance, Spent};
use crate::clock::Moment;
use crate::moved::{UnixTimes, moved};

const VENDOR: &str = "openweather";
pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint { vendor: VENDOR, path: "/data/2.5/weather", plays: "New York, one fixture" },
    Endpoint { vendor: VENDOR, path: "/data/2.5/forecast", plays: "Saint-Jean-sur-Richelieu, one fixture" },
    Endpoint { vendor: VENDOR, path: "/data/2.5/air_pollution", plays: "one fixture" },
    Endpoint { vendor: VENDOR, path: "/data/3.0/onecall", plays: "Seattle, one fixture with an alert" },
];

const PER_MINUTE: Allowance = Allowance { name: "openweather: minute", limit: 60, window_ms: 60_000 };
const ONE_CALL_A_DAY: Allowance = Allowance { name: "openweather: onecall", limit: 1_000, window_ms: 86_400_000 };
/// The vendor's stations report this often.
const UPDATE_MS: i64 = 600_000;
const TIMES: UnixTimes = UnixTimes { keys: &["dt", "sunrise", "sunset", "start", "end"], unit_ms: 1_000 };

/// The units a fixture was recorded in, or a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Units {
    Standard,
    Metric,
    Imperial,
}

struct Recorded {
    bytes: &'static [u8],
    units: Units,
    /// The time of its observation, unix seconds.
    taken_at_s: i64,
}

const WEATHER: Recorded =
    Recorded { bytes: fixture!("openweather/weather_metric.json"), units: Units::Metric, taken_at_s: 1_626_791_921 };
const FORECAST: Recorded = Recorded {
    bytes: fixture!("openweather/forecast5_with_rain.json"),
    units: Units::Metric,
    taken_at_s: 1_626_952_000,
};
const AIR: Recorded =
    Recorded { bytes: fixture!("openweather/air_pollution.json"), units: Units::Standard, taken_at_s: 1_606_266_000 };
const ONE_CALL: Recorded = Recorded {
    bytes: fixture!("openweather/onecall_with_alert.json"),
    units: Units::Standard,
    taken_at_s: 1_607_813_684,
};

/// The vendor.
pub struct OpenWeather;

impl OpenWeather {
    pub(super) fn answer(&self, world: &World<'_>, asked: &Asked<'_>) -> Answer {
        let Some(key) = asked.get("appid").filter(|key| *key != WRONG_KEY) else {
            let message = "Invalid API key. Please see https://openweathermap.org/faq#error401 for more info.";
            return error(json!(401), 401, message);
        };
        let spend = |allowance| world.budgets.spend(allowance, key, 1, asked.moment.elapsed_ms);
        let recorded = match asked.path.trim_end_matches('/') {
            "/data/2.5/weather" => WEATHER,
            "/data/2.5/forecast" => FORECAST,
            "/data/2.5/air_pollution" => AIR,
            "/data/3.0/onecall" => ONE_CALL,
            _ => return error(json!("404"), 404, "Internal error"),
        };
        let is_refused = |spent| matches!(spent, Spent::Refused { .. });
        if is_refused(spend(PER_MINUTE)) || asked.path.contains("onecall") && is_refused(spend(ONE_CALL_A_DAY)) {
            return too_many().with("retry-after", 60);
        }
        match place_fault(asked) {
            Some(refused) => refused,
            None => told(&recorded, asked),
        }
    }
}

/// What is wrong with the place that was asked for.
fn place_fault(asked: &Asked<'_>) -> Option<Answer> {
    let coordinate = |name: &str, limit: f64| {
        let text = asked.get(name)?;
        let is_on_earth = text.parse::<f64>().is_ok_and(|degrees| degrees.abs() <= limit);
        Some(if is_on_earth { None } else { Some(error(json!("400"), 400, &format!("wrong {}", long_name(name)))) })
    };
    match (coordinate("lat", 90.0), coordinate("lon", 180.0)) {
        (Some(latitude), Some(longitude)) => latitude.or(longitude),
        _ if asked.get("id").is_some() || asked.get("zip").is_some() => None,
        _ => match asked.get("q") {
            Some(city) if city.to_lowercase().starts_with("nowhere") => {
                Some(error(json!("404"), 404, "city not found"))
            }
            Some(_) => None,
            None => Some(error(json!("400"), 400, "Nothing to geocode")),
        },
    }
}

fn long_name(parameter: &str) -> &'static str {
    if parameter == "lat" { "latitude" } else { "longitude" }
}

fn told(recorded: &Recorded, asked: &Asked<'_>) -> Answer {
    let units = match asked.get("units") {
        Some("metric") => Units::Metric,
        Some("imperial") => Units::Imperial,
        _ => Units::Standard,
    };
    let at_ms = observed_at_ms(asked.moment);
    let bytes = moved(recorded.bytes, at_ms - recorded.taken_at_s * 1_000, TIMES);
    let body = match serde_json::from_slice::<Value>(&bytes) {
        Ok(mut value) if recorded.units != units => {
            convert(&mut value, recorded.units, units);
            serde_json::to_vec(&value).unwrap_or(bytes)
        }
        _ => bytes,
    };
    Answer::bytes(200, body).modified_at(at_ms)
}

/// The last report by now, on the clients' clock.
fn observed_at_ms(moment: Moment) -> i64 {
    moment.now_ms.div_euclid(UPDATE_MS) * UPDATE_MS + moment.offset_ms
}

fn convert(value: &mut Value, from: Units, to: Units) {
    const TEMPERATURES: [&str; 12] = [
        "temp",
        "feels_like",
        "temp_min",
        "temp_max",
        "dew_point",
        "min",
        "max",
        "day",
        "night",
        "eve",
        "morn",
        "afternoon",
    ];
    const SPEEDS: [&str; 4] = ["speed", "gust", "wind_speed", "wind_gust"];
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                match member.as_f64() {
                    Some(number) if TEMPERATURES.contains(&key.as_str()) => {
                        *member = json!(hundredths(of_kelvin(kelvin(number, from), to)));
                    }
                    Some(number) if SPEEDS.contains(&key.as_str()) => {
                        *member = json!(hundredths(number * speed_factor(from) / speed_factor(to)));
                    }
                    _ => convert(member, from, to),
                }
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(|element| convert(element, from, to)),
        _ => {}
    }
}

fn kelvin(degrees: f64, units: Units) -> f64 {
    match units {
        Units::Standard => degrees,
        Units::Metric => degrees + 273.15,
        Units::Imperial => (degrees - 32.0) / 1.8 + 273.15,
    }
}

fn of_kelvin(kelvin: f64, units: Units) -> f64 {
    match units {
        Units::Standard => kelvin,
        Units::Metric => kelvin - 273.15,
        Units::Imperial => (kelvin - 273.15) * 1.8 + 32.0,
    }
}

/// Metres per second in one of the unit.
fn speed_factor(units: Units) -> f64 {
    if units == Units::Imperial { 0.447_04 } else { 1.0 }
}

fn hundredths(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

/// What comes beyond sixty calls a minute.
pub(super) fn too_many() -> Answer {
    let message =
        "Your account is temporary blocked due to exceeding of requests limitation of your subscription type.";
    error(json!(429), 429, message)
}

/// The vendor gives `cod` as a number or as text, by endpoint and mood.
fn error(cod: Value, status: u16, message: &str) -> Answer {
    Answer::json(status, &json!({"cod": cod, "message": message}))
}
