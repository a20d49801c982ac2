//! What SkillCorner says of a match and what is remembered of it for the frames, which name players by number alone.
//! SKC-1: places are metres from the centre spot; the pitch is as long as the match says, 105 x 68 m where it does not.

use std::collections::HashMap;

use serde_json::value::RawValue;
use touchline_event::Squad;

use super::table::TURNED;
use crate::pitch::Pitch;
use crate::raw::{Fault, Object, Path, Precision, text};
use crate::run::Subject;

/// Matches by the vendor's id.
pub(crate) type Notes = HashMap<String, Note>;

/// A player of a match.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(super) id: String,
    pub(super) squad: Squad,
    pub(super) number: Option<u16>,
}

/// What a match's own document said.
#[derive(Debug, Clone, Default)]
pub(crate) struct Note {
    pub(super) starts_at_ms: Option<i64>,
    pub(super) league: Option<String>,
    /// Length and width, 10^-5 m.
    pub(super) size_e5: Option<(i64, i64)>,
    /// Halves in which the home team attacks right to left; empty where the vendor does not say.
    pub(super) is_turned: Vec<bool>,
    /// By player id and by track.
    pub(super) players: HashMap<String, Known>,
    pub(super) ball_track: Option<String>,
}

impl Note {
    pub(super) fn pitch(&self) -> Pitch {
        let (length, width) = self.size_e5.unwrap_or((10_500_000, 6_800_000));
        Pitch { x_e5: (-length / 2, length / 2), y_e5: (-width / 2, width / 2) }
    }

    /// Whether places of this period must be turned for the home team to attack left to right.
    pub(super) fn turn(&self, period: Option<u16>) -> Option<bool> {
        let half = usize::from(period?.checked_sub(1)?);
        // Teams change ends with every period.
        let known = self.is_turned.get(half % 2).or(self.is_turned.first())?;
        Some(*known != (self.is_turned.len() < 2 && half % 2 == 1))
    }
}

pub(super) fn subject(id: &str, note: &Note) -> Subject {
    Subject {
        sport: Some("soccer".to_owned()),
        league: note.league.clone(),
        game_id: Some(id.to_owned()),
        ..Subject::default()
    }
}

/// `home_team_side`: one word for the first half, or one a half.
pub(super) fn sides(object: &Object<'_, '_>) -> Result<Vec<bool>, Fault> {
    let path = Path::Key(object.path(), "home_team_side");
    let Some(raw) = object.get("home_team_side")? else { return Ok(Vec::new()) };
    if !raw.get().starts_with('[') {
        return Ok(vec![text(raw, &path, "left_to_right or right_to_left")? == TURNED]);
    }
    let sides = object.list("home_team_side")?.unwrap_or_default();
    sides.into_iter().map(|raw| Ok(text(raw, &path, "left_to_right or right_to_left")? == TURNED)).collect()
}

pub(super) fn size_e5(object: &Object<'_, '_>) -> Result<Option<(i64, i64)>, Fault> {
    let read = |key: &str| object.scaled::<5>(key, "metres", Precision::Rounded);
    Ok(read("pitch_length")?.zip(read("pitch_width")?).filter(|(length, width)| *length > 0 && *width > 0))
}

/// A member that is an object, read by `read`.
pub(super) fn inner<T>(
    object: &Object<'_, '_>,
    key: &str,
    read: impl FnOnce(&Object<'_, '_>) -> Result<Option<T>, Fault>,
) -> Result<Option<T>, Fault> {
    let path = Path::Key(object.path(), key);
    let Some(raw): Option<&RawValue> = object.get(key)? else { return Ok(None) };
    read(&Object::read(raw, &path, "an object")?)
}

/// The text of a member of a member.
pub(super) fn inner_text(object: &Object<'_, '_>, key: &str, name: &str) -> Result<Option<String>, Fault> {
    inner(object, key, |inside| Ok(inside.text(name)?.map(Into::into)))
}
