//! SkillCorner's words and ours.

use touchline_event::{GameStatus, Squad};

/// `status` of a match.
pub(super) fn status(word: &str) -> GameStatus {
    match word {
        "closed" | "finished" => GameStatus::Final,
        "scheduled" | "not_started" => GameStatus::Scheduled,
        "live" | "in_progress" => GameStatus::InProgress,
        "postponed" => GameStatus::Postponed,
        "cancelled" | "canceled" => GameStatus::Canceled,
        _ => GameStatus::Unknown,
    }
}

/// `possession.group`, and `group_name` of a track.
pub(super) fn squad(word: &str) -> Option<Squad> {
    match word {
        "home team" | "home_team" => Some(Squad::Home),
        "away team" | "away_team" => Some(Squad::Away),
        "referee" => Some(Squad::Official),
        _ => None,
    }
}

/// Position that a player of the bench has.
pub(super) const SUBSTITUTE: &str = "SUB";
/// Start of those who began.
pub(super) const KICK_OFF: &str = "00:00:00";
/// `home_team_side` of a half in which the pitch must be turned.
pub(super) const TURNED: &str = "right_to_left";
