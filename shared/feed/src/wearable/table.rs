//! What devices and their programs call their readings, and ours; each with the unit that the name implies.

use touchline_event::WearableSample;

use crate::pitch::divide;

/// A reading of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reads {
    HeartRate,
    Speed,
    Distance,
    Cadence,
    Power,
    Altitude,
    Temperature,
}

/// A column of a table or an element of TCX and GPX, in lower case, with what makes its 10^-6 of a unit ours.
/// Feet and miles are international; Fahrenheit is handled by its offset.
pub(super) const NAMES: [(&str, Reads, (i64, i64)); 45] = [
    ("heart_rate", Reads::HeartRate, (1, 1_000_000)),
    ("heartrate", Reads::HeartRate, (1, 1_000_000)),
    ("heartrate (bpm)", Reads::HeartRate, (1, 1_000_000)),
    ("heart rate (bpm)", Reads::HeartRate, (1, 1_000_000)),
    ("heart rate", Reads::HeartRate, (1, 1_000_000)),
    ("hr (bpm)", Reads::HeartRate, (1, 1_000_000)),
    ("hr", Reads::HeartRate, (1, 1_000_000)),
    ("speed", Reads::Speed, (1, 1_000)),
    ("enhanced_speed", Reads::Speed, (1, 1_000)),
    ("speed (m/s)", Reads::Speed, (1, 1_000)),
    ("speed (km/h)", Reads::Speed, (1, 3_600)),
    ("km/h", Reads::Speed, (1, 3_600)),
    ("kph", Reads::Speed, (1, 3_600)),
    ("speed (mph)", Reads::Speed, (44_704, 100_000_000)),
    ("distance", Reads::Distance, (1, 10_000)),
    ("distancemeters", Reads::Distance, (1, 10_000)),
    ("distance (m)", Reads::Distance, (1, 10_000)),
    ("distances (m)", Reads::Distance, (1, 10_000)),
    ("km", Reads::Distance, (1, 10)),
    ("distance (km)", Reads::Distance, (1, 10)),
    ("distance (miles)", Reads::Distance, (1_609_344, 10_000_000)),
    ("cadence", Reads::Cadence, (1, 1_000_000)),
    ("runcadence", Reads::Cadence, (1, 1_000_000)),
    ("cadence (rpm)", Reads::Cadence, (1, 1_000_000)),
    ("cad", Reads::Cadence, (1, 1_000_000)),
    ("steps_per_minute", Reads::Cadence, (1, 1_000_000)),
    ("power", Reads::Power, (1, 1_000_000)),
    ("power (w)", Reads::Power, (1, 1_000_000)),
    ("powerinwatts", Reads::Power, (1, 1_000_000)),
    ("watts", Reads::Power, (1, 1_000_000)),
    ("altitude", Reads::Altitude, (1, 10_000)),
    ("altitudemeters", Reads::Altitude, (1, 10_000)),
    ("enhanced_altitude", Reads::Altitude, (1, 10_000)),
    ("altitude (m)", Reads::Altitude, (1, 10_000)),
    ("elevation", Reads::Altitude, (1, 10_000)),
    ("elevation (m)", Reads::Altitude, (1, 10_000)),
    ("elevation (feet)", Reads::Altitude, (3_048, 100_000_000)),
    ("ele", Reads::Altitude, (1, 10_000)),
    ("alt", Reads::Altitude, (1, 10_000)),
    ("temperature", Reads::Temperature, (1, 10_000)),
    ("temperatures (c)", Reads::Temperature, (1, 10_000)),
    ("temperature (c)", Reads::Temperature, (1, 10_000)),
    ("temp", Reads::Temperature, (1, 10_000)),
    ("atemp", Reads::Temperature, (1, 10_000)),
    ("temperature (degf)", Reads::Temperature, (5, 90_000)),
];

/// What a name stands for, in any case.
pub(super) fn reads(name: &str) -> Option<(Reads, (i64, i64))> {
    let name = name.to_ascii_lowercase();
    NAMES.iter().find(|(known, ..)| *known == name).map(|(_, reads, factor)| (*reads, *factor))
}

/// Puts a value of 10^-6 of the name's unit where it belongs; the first of several names of one reading wins.
pub(super) fn put(sample: &mut WearableSample, name: &str, value_e6: i64) {
    let Some((reads, (times, by))) = reads(name) else { return };
    let is_fahrenheit = name.to_ascii_lowercase().ends_with("(degf)");
    let value_e6 = i128::from(value_e6) - if is_fahrenheit { 32_000_000 } else { 0 };
    // Nothing that fits 64 bits grows by these factors.
    let value = divide(value_e6 * i128::from(times), i128::from(by)) as i64;
    let place = match reads {
        Reads::HeartRate => &mut sample.heart_rate_bpm,
        Reads::Speed => &mut sample.speed_mmps,
        Reads::Distance => &mut sample.distance_cm,
        Reads::Cadence => &mut sample.cadence_rpm,
        Reads::Power => &mut sample.power_w,
        Reads::Altitude => &mut sample.altitude_cm,
        Reads::Temperature => &mut sample.temperature_c_e2,
    };
    place.get_or_insert(value);
}

/// Columns that say when; the first has unix ms, the second unix seconds or a written time.
pub(super) const EPOCH_MS: [&str; 2] = ["timestamp_epoch", "epoch_ms"];
pub(super) const WRITTEN: [&str; 4] = ["timestamp", "time", "datetime", "date_time"];
/// Columns of seconds since the recording began.
pub(super) const ELAPSED: [&str; 4] = ["secs", "seconds", "time (s)", "elapsed_time"];

/// Hours from UTC of the zones that devices write as words.
pub(super) fn zone_hours(word: &str) -> Option<i64> {
    match word {
        "UTC" | "GMT" | "WET" => Some(0),
        "BST" | "WEST" | "CET" => Some(1),
        "CEST" | "EET" => Some(2),
        "EEST" => Some(3),
        "AST" | "EDT" => Some(-4),
        "EST" | "CDT" => Some(-5),
        "CST" | "MDT" => Some(-6),
        "MST" | "PDT" => Some(-7),
        "PST" => Some(-8),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_those_that_the_names_imply() {
        let mut sample = WearableSample::default();
        for (name, value_e6) in [
            ("Speed (mph)", 10_000_000),
            ("Distance (miles)", 1_000_000),
            ("Elevation (feet)", 100_000_000),
            ("Temperature (degF)", 212_000_000),
            ("HEARTRATE", 110_000_000),
            ("unknown", 5),
        ] {
            put(&mut sample, name, value_e6);
        }
        assert_eq!(sample.speed_mmps, Some(4_470));
        assert_eq!(sample.distance_cm, Some(160_934));
        assert_eq!(sample.altitude_cm, Some(3_048));
        assert_eq!(sample.temperature_c_e2, Some(10_000));
        assert_eq!((sample.heart_rate_bpm, sample.power_w), (Some(110), None));
    }
}
