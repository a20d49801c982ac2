//! What Metrica's metadata says of a match, remembered for the frames and events that say less.
//! MET-1: the vendor's places stand still: a team attacks the other way in every half. Events are turned by the
//! metadata of the same session, else by where the team's own shots go in that half, else left as sent.

use std::collections::HashMap;

use touchline_event::{Location, Squad};

use super::table::PITCH;
use crate::run::Subject;

/// Matches by the name that all files of one share.
#[derive(Debug, Default)]
pub(crate) struct Notes(HashMap<String, Note>);

/// A player of the metadata.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) id: String,
    pub(super) squad: Squad,
    pub(super) number: Option<u16>,
}

/// What the metadata said.
#[derive(Debug, Clone, Default)]
pub(super) struct Note {
    pub(super) game: String,
    pub(super) starts_at_ms: Option<i64>,
    /// Frames a second, 10^-3.
    pub(super) frame_rate_e3: Option<i64>,
    /// First frame of each period.
    pub(super) period_starts: Vec<(u16, i64)>,
    /// Teams by id and name; whether they attack right to left in the first half.
    pub(super) is_turned: HashMap<String, bool>,
    pub(super) home: Option<String>,
    /// Players in the order of the frames' registers.
    pub(super) registers: Vec<Known>,
}

/// Frames a second where nothing says so.
const FRAME_RATE_E3: i64 = 25_000;

impl Notes {
    pub(super) fn remember(&mut self, stem: &str, note: Note) {
        self.0.insert(stem.to_owned(), note);
    }

    /// What is known of a file's match.
    pub(super) fn of(&self, stem: &str) -> Note {
        self.0.get(stem).cloned().unwrap_or_else(|| Note { game: stem.to_owned(), ..Note::default() })
    }
}

impl Note {
    pub(super) fn subject(&self) -> Subject {
        Subject { sport: Some("soccer".to_owned()), game_id: Some(self.game.clone()), ..Subject::default() }
    }

    /// The period of a frame, and its time since the first frame of the match, ms.
    pub(super) fn clock(&self, frame: i64) -> (Option<u16>, i64) {
        let period = self.period_starts.iter().rev().find(|(_, first)| *first <= frame).map(|(number, _)| *number);
        let first = self.period_starts.first().map_or(0, |(_, first)| *first);
        let rate_e3 = self.frame_rate_e3.unwrap_or(FRAME_RATE_E3);
        (period, frame.saturating_sub(first).saturating_mul(1_000_000) / rate_e3)
    }

    /// Whether a team's places of a period must be turned; unknown without metadata.
    pub(super) fn turn(&self, team: &str, period: Option<u16>) -> Option<bool> {
        let first_half = self.is_turned.get(team)?;
        Some(*first_half != (period?.saturating_sub(1) % 2 == 1))
    }
}

/// Parts of a match that come in files of their own share its name: `Sample_Game_1_RawEventsData`.
pub(super) fn game_of(stem: &str) -> &str {
    const PARTS: [&str; 8] = [
        "_RawEventsData",
        "_RawTrackingData_Home_Team",
        "_RawTrackingData_Away_Team",
        "_metadata",
        "_tracking",
        "_events",
        "_Metadata",
        "_tracking_data",
    ];
    PARTS.iter().find_map(|part| stem.strip_suffix(part)).unwrap_or(stem)
}

/// A place from the two coordinates, turned where the acting team attacks to the left.
pub(super) fn place(x_e5: Option<i64>, y_e5: Option<i64>, is_turned: bool) -> Option<Location> {
    let place = PITCH.place(x_e5?, y_e5?)?;
    Some(if is_turned { place.turned() } else { place })
}
