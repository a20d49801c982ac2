//! One moment's weather as OpenWeather sends it: nested in `main`, `wind`, `clouds`, or flat in One Call and daily lists.
//! OW-2: what is absent stays absent; a value that no place on Earth can have is a fault of its entry.

use touchline_event::WeatherObservation;

use super::table::Units;
use crate::RejectReason;
use crate::raw::{Fault, Object, Path, Precision, scaled, unexpected};

/// Where the weather is.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    /// `lat,lon` in degrees, else the vendor's city id.
    pub(super) key: String,
    pub(super) name: Option<String>,
    pub(super) latitude_e6: Option<i64>,
    pub(super) longitude_e6: Option<i64>,
}

/// Seconds since 1970 beyond which `dt` is no time of weather: the year 2100.
const DT_MAX: i64 = 4_102_444_800;

impl Place {
    /// `coord`, `lat` and `lon`, or `id` of the object that names the place.
    pub(super) fn read(object: &Object<'_, '_>) -> Result<Self, Fault> {
        let coord_path = Path::Key(object.path(), "coord");
        let (latitude_e6, longitude_e6) = match object.get("coord")? {
            Some(raw) => coordinates(&Object::read(raw, &coord_path, "an object with lat and lon")?)?,
            None => coordinates(object)?,
        };
        let key = match (latitude_e6, longitude_e6) {
            (Some(latitude), Some(longitude)) => format!("{},{}", degrees(latitude), degrees(longitude)),
            _ => object.need_text("id", "coord, lat and lon, or the city's id")?.into_owned(),
        };
        let name = object.text("name")?.filter(|name| !name.is_empty()).map(|name| name.into_owned());
        Ok(Self { key, name, latitude_e6, longitude_e6 })
    }
}

fn coordinates(object: &Object<'_, '_>) -> Result<(Option<i64>, Option<i64>), Fault> {
    let read = |key: &str, max: i64| {
        let found = object.scaled::<6>(key, "degrees", Precision::Rounded)?;
        within(found, -max * 1_000_000, max * 1_000_000, &Path::Key(object.path(), key), "degrees")
    };
    Ok((read("lat", 90)?, read("lon", 180)?))
}

fn degrees(degrees_e6: i64) -> String {
    // Four decimals are ten metres; endpoints round the same request differently beyond them.
    let rounded_e4 = (degrees_e6 + if degrees_e6 < 0 { -50 } else { 50 }) / 100;
    touchline_event::decimal_string(i128::from(rounded_e4), 4)
}

/// `dt`, UTC ms.
pub(super) fn time_ms(entry: &Object<'_, '_>, key: &str) -> Result<Option<i64>, Fault> {
    let seconds = entry.integer(key, "seconds since 1970")?;
    let seconds = within(seconds, 0, DT_MAX, &Path::Key(entry.path(), key), "seconds since 1970 up to the year 2100")?;
    Ok(seconds.map(|seconds| seconds * 1000))
}

/// The weather of one entry; `Err` where it says nothing.
pub(super) fn weather(entry: &Object<'_, '_>, units: Units, place: &Place) -> Result<WeatherObservation, Fault> {
    let temperature_e2 = temperature(entry)?;
    let speed = |keys| inner::<2>(entry, "wind", keys, "a speed", Precision::Rounded);
    let (precipitation_mm_e2, precipitation_min) = precipitation(entry)?;
    let observation = WeatherObservation {
        temperature_c_e2: bounded(
            entry,
            temperature_e2.map(|found| units.celsius_e2(found)),
            (-10_000, 7000),
            (["main", "temp"], "temp"),
        )?,
        wind_mps_e2: bounded(
            entry,
            speed(["speed", "wind_speed"])?.map(|found| units.mps_e2(found)),
            (0, 15_000),
            (["wind", "speed"], "wind_speed"),
        )?,
        gust_mps_e2: bounded(
            entry,
            speed(["gust", "wind_gust"])?.map(|found| units.mps_e2(found)),
            (0, 20_000),
            (["wind", "gust"], "wind_gust"),
        )?,
        wind_from_deg: bounded(
            entry,
            inner::<0>(entry, "wind", ["deg", "wind_deg"], "degrees", Precision::Rounded)?,
            (0, 360),
            (["wind", "deg"], "wind_deg"),
        )?,
        humidity_pct: bounded(
            entry,
            inner::<0>(entry, "main", ["humidity", "humidity"], "per cent", Precision::Rounded)?,
            (0, 100),
            (["main", "humidity"], "humidity"),
        )?,
        pressure_hpa_e2: bounded(
            entry,
            inner::<2>(entry, "main", ["pressure", "pressure"], "hPa", Precision::Rounded)?,
            (30_000, 110_000),
            (["main", "pressure"], "pressure"),
        )?,
        precipitation_mm_e2: bounded(entry, precipitation_mm_e2, (0, 500_000), (["", ""], "rain"))?,
        precipitation_min,
        precipitation_probability_e4: bounded(
            entry,
            entry.scaled::<4>("pop", "a probability", Precision::Rounded)?,
            (0, 10_000),
            (["", ""], "pop"),
        )?,
        cloud_cover_pct: bounded(entry, clouds(entry)?, (0, 100), (["", ""], "clouds"))?,
        condition: condition(entry)?,
        place: place.name.clone(),
        latitude_e6: place.latitude_e6,
        longitude_e6: place.longitude_e6,
        ..WeatherObservation::default()
    };
    let says_nothing = observation.temperature_c_e2.is_none()
        && observation.wind_mps_e2.is_none()
        && observation.condition.is_none()
        && observation.precipitation_mm_e2.is_none();
    if says_nothing {
        Err(entry.missing("temp", "a temperature, wind, precipitation or the sky"))
    } else {
        Ok(observation)
    }
}

/// `main.temp`, `temp`, or of a day `temp.day`.
fn temperature(entry: &Object<'_, '_>) -> Result<Option<i64>, Fault> {
    const WHAT: &str = "a temperature";
    if let Some(found) = inner::<2>(entry, "main", ["temp", ""], WHAT, Precision::Rounded)? {
        return Ok(Some(found));
    }
    let path = Path::Key(entry.path(), "temp");
    match entry.get("temp")? {
        Some(raw) if raw.get().starts_with('{') => {
            Object::read(raw, &path, WHAT)?.scaled::<2>("day", WHAT, Precision::Rounded)
        }
        Some(raw) => scaled::<2>(raw, &path, WHAT, Precision::Rounded).map(|found| Some(found.0)),
        None => Ok(None),
    }
}

/// `object.key` where there is such an object, else the flat member: daily lists use the nested name at the top.
fn inner<const SCALE: u32>(
    entry: &Object<'_, '_>,
    object: &str,
    [nested, flat]: [&str; 2],
    what: &str,
    precision: Precision,
) -> Result<Option<i64>, Fault> {
    let path = Path::Key(entry.path(), object);
    if let Some(raw) = entry.get(object)? {
        return Object::read(raw, &path, "an object")?.scaled::<SCALE>(nested, what, precision);
    }
    match entry.get(flat)? {
        Some(raw) if flat != "temp" => {
            scaled::<SCALE>(raw, &Path::Key(entry.path(), flat), what, precision).map(|found| Some(found.0))
        }
        _ if nested != "temp" => entry.scaled::<SCALE>(nested, what, precision),
        _ => Ok(None),
    }
}

/// `clouds.all`, or `clouds` as a number.
fn clouds(entry: &Object<'_, '_>) -> Result<Option<i64>, Fault> {
    let path = Path::Key(entry.path(), "clouds");
    match entry.get("clouds")? {
        Some(raw) if raw.get().starts_with('{') => {
            Object::read(raw, &path, "an object with all")?.scaled::<0>("all", "per cent", Precision::Rounded)
        }
        Some(raw) => scaled::<0>(raw, &path, "per cent", Precision::Rounded).map(|found| Some(found.0)),
        None => Ok(None),
    }
}

/// `rain` and `snow` together, and in how many minutes: `{"1h": mm}`, `{"3h": mm}`, or mm of a whole day.
fn precipitation(entry: &Object<'_, '_>) -> Result<(Option<i64>, Option<i64>), Fault> {
    let (mut total_e2, mut minutes) = (None, None);
    for key in ["rain", "snow"] {
        let path = Path::Key(entry.path(), key);
        let Some(raw) = entry.get(key)? else { continue };
        let (amount_e2, span) = match raw.get().as_bytes().first() {
            Some(b'{') => {
                let amounts = Object::read(raw, &path, "an object with 1h or 3h")?;
                let of = |key: &str| amounts.scaled::<2>(key, "mm", Precision::Rounded);
                match (of("1h")?, of("3h")?) {
                    (Some(amount), _) => (Some(amount), 60),
                    (None, amount) => (amount, 180),
                }
            }
            Some(byte) if byte.is_ascii_digit() || *byte == b'-' => {
                (Some(scaled::<2>(raw, &path, "mm", Precision::Rounded)?.0), 1440)
            }
            _ => return Err(unexpected(&path, raw, "mm, or an object with 1h or 3h")),
        };
        if let Some(amount_e2) = amount_e2 {
            total_e2 = Some(total_e2.unwrap_or(0) + amount_e2);
            minutes = Some(span);
        }
    }
    Ok((total_e2, minutes))
}

/// `weather[0].main`: the word that no language of the request changes.
fn condition(entry: &Object<'_, '_>) -> Result<Option<String>, Fault> {
    let list_path = Path::Key(entry.path(), "weather");
    let path = Path::Index(&list_path, 0);
    let Some(raw) = entry.list("weather")?.unwrap_or_default().into_iter().next() else { return Ok(None) };
    let word = Object::read(raw, &path, "an object with main")?.text("main")?;
    Ok(word.filter(|word| !word.is_empty()).map(|word| word.into_owned()))
}

/// `found` within what any place on Earth can have; the fault points at `[object, nested]` where the entry has that
/// object, else at `flat`.
fn bounded(
    entry: &Object<'_, '_>,
    found: Option<i64>,
    (min, max): (i64, i64),
    ([object, nested], flat): ([&str; 2], &str),
) -> Result<Option<i64>, Fault> {
    const WHAT: &str = "what a place on Earth can have, in the units of the request";
    if entry.has(object) {
        return within(found, min, max, &Path::Key(&Path::Key(entry.path(), object), nested), WHAT);
    }
    within(found, min, max, &Path::Key(entry.path(), flat), WHAT)
}

fn within(found: Option<i64>, min: i64, max: i64, path: &Path<'_>, what: &str) -> Result<Option<i64>, Fault> {
    match found {
        Some(found) if !(min..=max).contains(&found) => {
            let message = format!("found {found}, not from {min} to {max}; expected {what}");
            Err(Fault::new(RejectReason::OutOfRange, path, message))
        }
        found => Ok(found),
    }
}
