//! TCX and GPX: every point of a track, one by one, so that a damaged one spoils no other.
//! Reads no laps, routes and waypoints: they sum up or decorate, and say where somebody was.

use touchline_event::{WearableSample, parse_utc_ms};

use super::payload::Reading;
use super::table::put;
use crate::RejectReason;
use crate::raw::{Fault, Precision, decimal, quote};
use crate::xml::{Element, cut, element};

/// The element of a point, by format.
pub(super) fn point_name(text: &str) -> Option<&'static str> {
    let has = |tag: &str| text.contains(tag);
    if has("<TrainingCenterDatabase") || has("<Trackpoint") {
        return Some("Trackpoint");
    }
    (has("<gpx") || has("<trkpt")).then_some("trkpt")
}

/// Every point as a reading or a fault with its bytes.
pub(super) fn readings<'t>(text: &'t str, name: &str) -> Vec<Result<Reading, (Fault, &'t str)>> {
    let points = cut(text, name);
    points
        .into_iter()
        .enumerate()
        .map(|(index, piece)| point(piece, name, index).map_err(|fault| (fault, piece)))
        .collect()
}

fn point(piece: &str, name: &str, index: usize) -> Result<Reading, Fault> {
    let pointer = format!("/{name}/{index}");
    let point = element(piece).map_err(|(reason, message)| Fault {
        reason,
        pointer: pointer.clone(),
        message: format!("{message}; expected <{name}>"),
    })?;
    let time = point.text_of("Time").or_else(|| point.text_of("time"));
    let at_ms = match time {
        Some(time) => parse_utc_ms(time).ok_or_else(|| Fault {
            reason: RejectReason::BadField,
            pointer: format!("{pointer}/time"),
            message: format!("found {}; expected a time such as 2012-12-26T21:29:53Z", quote(time)),
        })?,
        None => {
            let message = "a point has no time; expected one such as 2012-12-26T21:29:53Z".to_owned();
            return Err(Fault { reason: RejectReason::MissingField, pointer: format!("{pointer}/time"), message });
        }
    };
    let mut sample = WearableSample::default();
    read(&point, &pointer, &mut sample)?;
    Reading { at_ms, sample }.checked(&pointer)
}

/// Every element with a number, `HeartRateBpm` by the `Value` inside it.
fn read(parent: &Element, pointer: &str, sample: &mut WearableSample) -> Result<(), Fault> {
    for child in &parent.children {
        let name = if child.name == "HeartRateBpm" { "heartrate" } else { child.name.as_str() };
        let text = match child.name.as_str() {
            "HeartRateBpm" => child.text_of("Value").unwrap_or_default(),
            _ => child.text.trim(),
        };
        if !text.is_empty() && super::table::reads(name).is_some() {
            let value = decimal::<6>(text, Precision::Rounded).map_err(|error| Fault {
                reason: RejectReason::BadField,
                pointer: format!("{pointer}/{}", child.name),
                message: format!("found {} ({error}); expected a number", quote(text)),
            })?;
            put(sample, name, value.0);
        }
        read(child, pointer, sample)?;
    }
    Ok(())
}
