//! What StatsBomb sends, spelling and all: the members that several of its documents share.
//! SB-1: `{id, name}` pairs are read as pairs; either half may be missing.
//! SB-2: a match remembered from the list of matches dates the events of its file, which carry no date.

use std::collections::HashMap;

use serde_json::value::RawValue;
use touchline_event::Location;

use super::table::{PITCH, label_of};
use crate::RejectReason;
use crate::origin::parse_clock_ms;
use crate::raw::{Fault, Object, Path, Precision, unexpected};
use crate::run::Subject;

/// The slug of football in `sport`, as ESPN has it.
pub(super) const SPORT: &str = "soccer";

/// Matches by the vendor's id.
pub(crate) type Matches = HashMap<String, Match>;

/// What the list of matches said of one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Match {
    pub(crate) starts_at_ms: Option<i64>,
    pub(crate) league: Option<String>,
    pub(crate) home_id: Option<String>,
}

/// The game that a document is about.
#[derive(Debug, Clone, Default)]
pub(super) struct Game {
    pub(super) subject: Subject,
    pub(super) starts_at_ms: Option<i64>,
    pub(super) home_id: Option<String>,
}

impl Game {
    pub(super) fn of(id: &str, matches: &Matches) -> Self {
        let known = matches.get(id).cloned().unwrap_or_default();
        let subject = Subject {
            sport: Some(SPORT.to_owned()),
            league: known.league,
            game_id: Some(id.to_owned()),
            ..Subject::default()
        };
        Self { subject, starts_at_ms: known.starts_at_ms, home_id: known.home_id }
    }
}

/// A vendor's `{"id": 30, "name": "Pass"}`.
#[derive(Debug, Clone, Default)]
pub(super) struct Named {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
}

impl Named {
    pub(super) fn read(object: &Object<'_, '_>, key: &str) -> Result<Self, Fault> {
        let path = Path::Key(object.path(), key);
        let Some(raw) = object.get(key)? else { return Ok(Self::default()) };
        if raw.get().starts_with('"') {
            return Ok(Self { id: None, name: object.text(key)?.map(Into::into) });
        }
        let pair = Object::read(raw, &path, "an object with id and name")?;
        Ok(Self { id: pair.text("id")?.map(Into::into), name: pair.text("name")?.map(Into::into) })
    }

    pub(super) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// The vendor's word, or `type <id>` where it sends only that.
    pub(super) fn label(&self) -> String {
        match (&self.name, &self.id) {
            (Some(name), _) => name.clone(),
            (None, Some(id)) => label_of(id),
            (None, None) => String::new(),
        }
    }
}

/// A member that is an object, where it is there.
pub(super) fn inner<'a>(object: &Object<'a, '_>, key: &str) -> Result<Option<&'a RawValue>, Fault> {
    match object.get(key)? {
        Some(raw) if !raw.get().starts_with('{') => Err(unexpected(&Path::Key(object.path(), key), raw, "an object")),
        raw => Ok(raw),
    }
}

/// A place of the acting team.
pub(super) fn location(object: &Object<'_, '_>, key: &str) -> Result<Option<Location>, Fault> {
    object.get(key)?.map(|raw| PITCH.location(raw, &Path::Key(object.path(), key))).transpose()
}

/// Seconds as ms.
pub(super) fn duration_ms(object: &Object<'_, '_>) -> Result<Option<i64>, Fault> {
    object.scaled::<3>("duration", "seconds", Precision::Rounded)
}

/// `00:16:20.966`: time inside the period.
pub(super) fn clock_ms(object: &Object<'_, '_>, key: &str) -> Result<Option<i64>, Fault> {
    const WHAT: &str = "a clock such as 00:16:20.966";
    let Some(raw) = object.get(key)? else { return Ok(None) };
    let text = object.text(key)?.unwrap_or_default();
    let path = Path::Key(object.path(), key);
    parse_clock_ms(&text).map(Some).ok_or_else(|| unexpected(&path, raw, WHAT))
}

/// A small number such as a period or a shirt; `None` where there is none.
pub(super) fn small(object: &Object<'_, '_>, key: &str, what: &str) -> Result<Option<u16>, Fault> {
    let Some(number) = object.integer(key, what)? else { return Ok(None) };
    u16::try_from(number).map(Some).map_err(|_| {
        Fault::new(RejectReason::OutOfRange, &Path::Key(object.path(), key), format!("found {number}; expected {what}"))
    })
}
