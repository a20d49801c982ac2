//! OpenWeather's answers to weather at places: the endpoint is told from the members of the answer.
//! OW-3: an entry of a list is one event or one reject; its neighbours are read.
//! OW-4: an observation's time is its `dt`; a forecast's is when it was given, and `valid_at_ms` is its `dt`.
//! Forecasts are not corrected here: each new one for the same hour is a fact of its own.

use serde_json::value::RawValue;
use touchline_event::stable_hash;

use super::payload::{Place, time_ms, weather};
use super::table::Units;
use crate::raw::{Fault, Object, Path, Text, list};
use crate::run::{Context, Run, Subject};
use crate::{Document, Parsed, RejectReason, Session};

const SOURCE: &str = "openweather";

/// One answer of any endpoint, or a list of them.
pub fn parse(document: Document<'_>, _session: &mut Session) -> Parsed {
    let units = Units::of(document.origin, Text::new(document.bytes).as_str());
    let mut run = Run::new(SOURCE, document.received_at_ms);
    run.document(document, |raw, path, run| root(raw, path, units, run));
    run.parsed
}

fn root(raw: &RawValue, path: &Path<'_>, units: Units, run: &mut Run) -> Result<(), Fault> {
    if !raw.get().starts_with('[') {
        return answer(raw, path, units, run);
    }
    for (index, raw) in list(raw, path)?.into_iter().enumerate() {
        let path = Path::Index(path, index);
        run.record(raw, &path, |run| answer(raw, &path, units, run));
    }
    Ok(())
}

fn answer(raw: &RawValue, path: &Path<'_>, units: Units, run: &mut Run) -> Result<(), Fault> {
    let Ok(root) = Object::read(raw, path, "an answer of OpenWeather") else { return Err(wrong_vendor(path)) };
    if let Some(fault) = vendor_error(&root)? {
        return Err(fault);
    }
    if root.has("list") {
        return of_list(&root, units, run);
    }
    if ["current", "minutely", "hourly", "daily", "data", "alerts"].iter().any(|key| root.has(key)) && root.has("lat") {
        return one_call(&root, raw, units, run);
    }
    if root.has("main") && (root.has("dt") || root.has("weather")) {
        return observation(&root, &Place::read(&root)?, units, run);
    }
    // The day summary of One Call 3.0 and the places of the geocoding endpoint.
    if root.has("lat") && root.has("lon") && (root.has("date") || root.has("name")) {
        let place = Place::read(&root)?;
        let vendor_kind = if root.has("date") { "day_summary" } else { "place" };
        let date = root.text("date")?.unwrap_or_default();
        let of_date = touchline_event::parse_utc_ms(&date);
        let at_ms = run.received_at_ms.or(of_date).unwrap_or_default();
        run.other(subject(&place), at_ms, (vendor_kind, &format!("{vendor_kind}:{date}")), raw, Context::default());
        return Ok(());
    }
    Err(wrong_vendor(path))
}

/// Current weather: `/weather`, and the entries of `/find` and `/group`.
fn observation(entry: &Object<'_, '_>, place: &Place, units: Units, run: &mut Run) -> Result<(), Fault> {
    let at_ms = need_time(entry, run)?;
    let mut observation = weather(entry, units, place)?;
    observation.is_forecast = Some(false);
    run.event(subject(place), at_ms, &format!("observed:{at_ms}"), observation, Context::default());
    Ok(())
}

/// `list`: forecasts of a `city`, weather of many places, or air pollution at one.
fn of_list(root: &Object<'_, '_>, units: Units, run: &mut Run) -> Result<(), Fault> {
    let entries = root.list("list")?.ok_or_else(|| root.missing("list", "a list of entries"))?;
    let list_path = Path::Key(root.path(), "list");
    let city_path = Path::Key(root.path(), "city");
    let city = root.get("city")?.map(|raw| Object::read(raw, &city_path, "a city").and_then(|city| Place::read(&city)));
    let of_root = root.has("coord").then(|| Place::read(root));
    let place = city.or(of_root).transpose()?;
    let issued_ms = run.received_at_ms.or_else(|| first_time_ms(&entries, &list_path));
    for (index, raw) in entries.into_iter().enumerate() {
        let path = Path::Index(&list_path, index);
        run.record(raw, &path, |run| {
            let entry = Object::read(raw, &path, "an object with dt")?;
            match &place {
                Some(place) if entry.has("components") => air_pollution(&entry, raw, place, run),
                Some(place) => forecast(&entry, ("forecast", issued_ms), place, units, run),
                None => observation(&entry, &Place::read(&entry)?, units, run),
            }
        });
    }
    Ok(())
}

fn air_pollution(entry: &Object<'_, '_>, raw: &RawValue, place: &Place, run: &mut Run) -> Result<(), Fault> {
    let dt_ms = time_ms(entry, "dt")?.ok_or_else(|| entry.missing("dt", "seconds since 1970"))?;
    let at_ms = run.received_at_ms.map_or(dt_ms, |received_at_ms| received_at_ms.min(dt_ms));
    run.other(subject(place), at_ms, ("air_pollution", &format!("air:{dt_ms}")), raw, Context::default());
    Ok(())
}

/// One Call 2.5 and 3.0, and the time machine of both.
fn one_call(root: &Object<'_, '_>, raw: &RawValue, units: Units, run: &mut Run) -> Result<(), Fault> {
    let place = Place::read(root)?;
    let current_path = Path::Key(root.path(), "current");
    let mut issued_ms = None;
    let current = run.member(root, "current", raw);
    if let Some(raw) = current {
        run.record(raw, &current_path, |run| {
            let current = Object::read(raw, &current_path, "an object with dt")?;
            issued_ms = time_ms(&current, "dt")?;
            observation(&current, &place, units, run)
        });
    }
    let issued_ms = issued_ms.or(run.received_at_ms);
    for key in ["data", "hourly", "minutely", "daily"] {
        let list_path = Path::Key(root.path(), key);
        let entries = run.list(root, key, raw);
        let issued_ms = issued_ms.or_else(|| first_time_ms(&entries, &list_path));
        for (index, raw) in entries.into_iter().enumerate() {
            let path = Path::Index(&list_path, index);
            run.record(raw, &path, |run| {
                let entry = Object::read(raw, &path, "an object with dt")?;
                let dt_ms = need_dt(&entry)?;
                // The time machine's hours have passed; of a forecast only the running hour has begun.
                match issued_ms {
                    _ if key == "data" => observation(&entry, &place, units, run),
                    Some(issued_ms) if key == "hourly" && dt_ms <= issued_ms => observation(&entry, &place, units, run),
                    issued_ms => forecast(&entry, (key, issued_ms), &place, units, run),
                }
            });
        }
    }
    let alerts_path = Path::Key(root.path(), "alerts");
    for (index, raw) in run.list(root, "alerts", raw).into_iter().enumerate() {
        let path = Path::Index(&alerts_path, index);
        run.record(raw, &path, |run| alert(raw, &path, issued_ms, &place, run));
    }
    Ok(())
}

fn forecast(
    entry: &Object<'_, '_>,
    (list, issued_ms): (&str, Option<i64>),
    place: &Place,
    units: Units,
    run: &mut Run,
) -> Result<(), Fault> {
    let dt_ms = need_dt(entry)?;
    let mut forecast = match entry.scaled::<2>("precipitation", "mm/h", crate::raw::Precision::Rounded)? {
        // A minute of One Call is a rate: what an hour like it would bring.
        Some(rate_e2) => touchline_event::WeatherObservation {
            precipitation_mm_e2: Some(rate_e2),
            precipitation_min: Some(60),
            place: place.name.clone(),
            latitude_e6: place.latitude_e6,
            longitude_e6: place.longitude_e6,
            ..Default::default()
        },
        None => weather(entry, units, place)?,
    };
    forecast.is_forecast = Some(true);
    forecast.valid_at_ms = Some(dt_ms);
    let at_ms = issued_ms.unwrap_or(dt_ms);
    run.event(subject(place), at_ms, &format!("{list}:{dt_ms}"), forecast, Context::default());
    Ok(())
}

fn alert(raw: &RawValue, path: &Path<'_>, issued_ms: Option<i64>, place: &Place, run: &mut Run) -> Result<(), Fault> {
    let alert = Object::read(raw, path, "an alert object")?;
    let event = alert.need_text("event", "the alert's name")?;
    let start_ms = time_ms(&alert, "start")?;
    let at_ms = issued_ms.or(start_ms).ok_or_else(|| alert.missing("start", "seconds since 1970"))?;
    let sender = alert.text("sender_name")?.unwrap_or_default();
    let vendor_id = format!("alert:{:016x}:{}", stable_hash(sender.as_bytes()), event);
    run.other(subject(place), at_ms, ("alert", &vendor_id), raw, Context::default());
    Ok(())
}

fn need_dt(entry: &Object<'_, '_>) -> Result<i64, Fault> {
    time_ms(entry, "dt")?.ok_or_else(|| entry.missing("dt", "seconds since 1970"))
}

/// The time of something observed.
fn need_time(entry: &Object<'_, '_>, run: &Run) -> Result<i64, Fault> {
    let dt_ms = need_dt(entry)?;
    run.refuse_future(dt_ms, &Path::Key(entry.path(), "dt"))?;
    Ok(dt_ms)
}

fn first_time_ms(entries: &[&RawValue], path: &Path<'_>) -> Option<i64> {
    let times =
        entries.iter().filter_map(|raw| time_ms(&Object::read(raw, path, "an entry").ok()?, "dt").ok().flatten());
    times.min()
}

fn subject(place: &Place) -> Subject {
    Subject { symbol: Some(place.key.clone()), ..Subject::default() }
}

/// `{"cod": 401, "message": "Invalid API key"}`; `cod` is a number or text.
fn vendor_error(root: &Object<'_, '_>) -> Result<Option<Fault>, Fault> {
    let Some(code) = root.text("cod")? else { return Ok(None) };
    if code == "200" {
        return Ok(None);
    }
    let message = root.text("message")?.unwrap_or_else(|| "no message".into());
    let path = Path::Key(root.path(), "message");
    Ok(Some(Fault::new(RejectReason::VendorError, &path, format!("OpenWeather answered: {message} ({code})"))))
}

fn wrong_vendor(path: &Path<'_>) -> Fault {
    let message = "found no list, current, hourly, daily or main with dt; expected an answer of OpenWeather";
    Fault::new(RejectReason::WrongVendor, path, message)
}
