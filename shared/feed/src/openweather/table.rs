//! Units of a payload, which never says them: by the request's `units`, else by what its temperatures can be.
//! OW-1: every temperature of a payload is in one unit; it is told from all of them, so that a broken one changes nothing.

use touchline_event::Scaled;

use crate::raw::{Precision, decimal};

/// The vendor's `units`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Units {
    /// `units=standard`, and what is sent without `units`: kelvin, m/s.
    Standard,
    /// `units=metric`: degrees Celsius, m/s.
    Metric,
    /// `units=imperial`: degrees Fahrenheit, mph.
    Imperial,
}

/// No place on Earth has been colder than 184 K or hotter than 134 F: below it is not kelvin, above nothing else.
const KELVIN_MIN_E2: i64 = 15_000;
/// A median above this is Fahrenheit: no place has it in Celsius.
const CELSIUS_MEDIAN_MAX_E2: i64 = 4500;
/// 1 mile per hour is 0.44704 m/s exactly.
const MPH_IN_MPS_E5: i64 = 44_704;
/// The members whose numbers are temperatures in every endpoint.
const TEMPERATURES: [&str; 4] = ["\"temp\"", "\"day\"", "\"dew_point\"", "\"temp_max\""];

impl Units {
    /// `origin` is the request's path or the file's name.
    pub(super) fn of(origin: &str, text: &str) -> Self {
        Self::of_request(origin).unwrap_or_else(|| Self::of_temperatures(text))
    }

    fn of_request(origin: &str) -> Option<Self> {
        let (_, query) = origin.rsplit_once('?')?;
        let value = query.split('&').find_map(|pair| pair.strip_prefix("units="))?;
        match value {
            "standard" => Some(Self::Standard),
            "metric" => Some(Self::Metric),
            "imperial" => Some(Self::Imperial),
            _ => None,
        }
    }

    fn of_temperatures(text: &str) -> Self {
        let mut temperatures: Vec<i64> = TEMPERATURES.iter().flat_map(|key| numbers_after(text, key)).collect();
        temperatures.sort_unstable();
        match temperatures.get(temperatures.len() / 2) {
            Some(median) if *median > KELVIN_MIN_E2 => Self::Standard,
            Some(median) if *median > CELSIUS_MEDIAN_MAX_E2 => Self::Imperial,
            Some(_) => Self::Metric,
            None => Self::Standard,
        }
    }

    /// Degrees Celsius, 10^-2.
    pub(super) fn celsius_e2(self, temperature_e2: i64) -> i64 {
        match self {
            Self::Standard => temperature_e2 - 27_315,
            Self::Metric => temperature_e2,
            Self::Imperial => rounded_quotient((temperature_e2 - 3200) * 5, 9),
        }
    }

    /// Metres per second, 10^-2.
    pub(super) fn mps_e2(self, speed_e2: i64) -> i64 {
        match self {
            Self::Standard | Self::Metric => speed_e2,
            Self::Imperial => rounded_quotient(speed_e2 * MPH_IN_MPS_E5, 100_000),
        }
    }
}

/// The numbers that stand after `key:`, 10^-2; what is no number is left out.
fn numbers_after(text: &str, key: &'static str) -> impl Iterator<Item = i64> {
    memchr::memmem::find_iter(text.as_bytes(), key).filter_map(move |at| {
        let value = text.get(at + key.len()..)?.trim_start().strip_prefix(':')?.trim_start();
        let end = value.find([',', '}', ']', '\n', ' '])?;
        decimal::<2>(&value[..end], Precision::Rounded).ok().map(|Scaled(units)| units)
    })
}

/// Half away from zero.
fn rounded_quotient(dividend: i64, divisor: i64) -> i64 {
    let half = if dividend < 0 { -divisor / 2 } else { divisor / 2 };
    (dividend + half) / divisor
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_decides_and_temperatures_where_it_is_silent() {
        let body = |temp: &str| format!(r#"{{"main":{{"temp":{temp},"temp_max":{temp}}}}}"#);
        for (origin, temp, units) in [
            ("/data/2.5/weather?lat=1&lon=2&units=metric", "300", Units::Metric),
            ("/data/2.5/weather?units=imperial", "12", Units::Imperial),
            ("/data/2.5/weather?lat=1", "289.39", Units::Standard),
            ("a.json", "27.44", Units::Metric),
            ("a.json", "-12", Units::Metric),
            ("a.json", "81.5", Units::Imperial),
            ("a.json", "null", Units::Standard),
        ] {
            assert_eq!(Units::of(origin, &body(temp)), units, "{origin} {temp}");
        }
    }

    #[test]
    fn every_unit_becomes_celsius_and_metres_per_second() {
        assert_eq!(Units::Standard.celsius_e2(28_939), 1624);
        assert_eq!(Units::Imperial.celsius_e2(8100), 2722);
        assert_eq!((Units::Imperial.mps_e2(1000), Units::Metric.mps_e2(1000)), (447, 1000));
    }
}
