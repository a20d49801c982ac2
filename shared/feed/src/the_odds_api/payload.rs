//! The Odds API's objects as sent, spelling and all. Lists stay raw, so that each element fails alone.
//! ODA-1: an object is read once; what is optional to the vendor is optional here.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::raw::{Fault, Object, Path};

/// One event of `/odds`, `/events` or `/scores`.
pub(super) struct Event<'a> {
    pub id: Cow<'a, str>,
    pub sport_key: Cow<'a, str>,
    /// Null for outrights.
    pub home_team: Option<Cow<'a, str>>,
    pub away_team: Option<Cow<'a, str>>,
    /// Null for outrights without a start.
    pub commence_time: Option<i64>,
}

impl<'a> Event<'a> {
    pub(super) fn read(object: &Object<'a, '_>) -> Result<Self, Fault> {
        Ok(Self {
            id: object.need_text("id", "the event's id")?,
            sport_key: object.need_text("sport_key", "a sport key such as soccer_epl")?,
            home_team: object.text("home_team")?,
            away_team: object.text("away_team")?,
            commence_time: epoch_or_time_ms(object, "commence_time")?,
        })
    }
}

/// One book of an event.
pub(super) struct Bookmaker<'a> {
    pub key: Cow<'a, str>,
    pub last_update: Option<i64>,
    pub markets: Vec<&'a RawValue>,
}

impl<'a> Bookmaker<'a> {
    pub(super) fn read(object: &Object<'a, '_>) -> Result<Self, Fault> {
        Ok(Self {
            key: object.need_text("key", "a bookmaker key such as draftkings")?,
            last_update: epoch_or_time_ms(object, "last_update")?,
            markets: object.list("markets")?.unwrap_or_default(),
        })
    }
}

/// One market of a book.
pub(super) struct Market<'a> {
    pub key: Cow<'a, str>,
    pub last_update: Option<i64>,
    pub outcomes: Vec<&'a RawValue>,
}

impl<'a> Market<'a> {
    pub(super) fn read(object: &Object<'a, '_>) -> Result<Self, Fault> {
        Ok(Self {
            key: object.need_text("key", "a market key such as h2h")?,
            last_update: epoch_or_time_ms(object, "last_update")?,
            outcomes: object.list("outcomes")?.ok_or_else(|| object.missing("outcomes", "a list of outcomes"))?,
        })
    }
}

/// One outcome of a market.
pub(super) struct Outcome<'a> {
    pub name: Cow<'a, str>,
    /// Whom a prop is about: `LeBron James`.
    pub description: Option<Cow<'a, str>>,
    pub price: &'a RawValue,
    pub point: Option<&'a RawValue>,
}

impl<'a> Outcome<'a> {
    pub(super) fn read(object: &Object<'a, '_>) -> Result<Self, Fault> {
        Ok(Self {
            name: object.need_text("name", "an outcome's name")?,
            description: object.text("description")?,
            price: object.need("price", "decimal or American odds")?,
            point: object.get("point")?,
        })
    }
}

/// v4 sends text, or epoch seconds under `dateFormat=unix`; v3 sends epoch seconds.
pub(super) fn epoch_or_time_ms(object: &Object<'_, '_>, key: &str) -> Result<Option<i64>, Fault> {
    match object.get(key)? {
        Some(raw) if raw.get().starts_with(|first: char| first.is_ascii_digit()) => {
            Ok(object.integer(key, "epoch seconds")?.map(|seconds| seconds.saturating_mul(1000)))
        }
        _ => object.time_ms(key),
    }
}

/// The scores of a `/scores` event: name and score of each side.
pub(super) struct Score<'a> {
    pub name: Cow<'a, str>,
    pub score: i64,
}

impl<'a> Score<'a> {
    pub(super) fn read(raw: &'a RawValue, path: &Path<'_>) -> Result<Self, Fault> {
        let object = Object::read(raw, path, "a score such as {\"name\":..,\"score\":\"49\"}")?;
        let score = object.integer("score", "a whole number of points")?;
        Ok(Self {
            name: object.need_text("name", "a team's name")?,
            score: score.ok_or_else(|| object.missing("score", "a whole number of points"))?,
        })
    }
}
