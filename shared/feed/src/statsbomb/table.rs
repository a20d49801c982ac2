//! StatsBomb's labels and ours, as its specifications of events 4.0 list them; ids where a label may be missing.

use touchline_event::{BodyPart, GameStatus, PassHeight, PassOutcome, ShotOutcome, Situation};

use crate::pitch::{ONE_E5, Pitch};

/// 120 x 80 yards, x along the attack of the acting team, y from its left touchline to its right one.
pub(super) const PITCH: Pitch = Pitch { x_e5: (0, 120 * ONE_E5), y_e5: (80 * ONE_E5, 0) };

/// What of ours an event becomes; everything else is `other` under the vendor's label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Becomes {
    Pass,
    Shot,
    Duel,
    Carry,
    Pressure,
    Foul,
    BadBehaviour,
    Substitution,
    OwnGoal,
    Lineup,
    HalfStart,
    HalfEnd,
    Other,
}

/// Event types by id and label.
const TYPES: [(&str, &str, Becomes); 12] = [
    ("30", "Pass", Becomes::Pass),
    ("16", "Shot", Becomes::Shot),
    ("4", "Duel", Becomes::Duel),
    ("43", "Carry", Becomes::Carry),
    ("17", "Pressure", Becomes::Pressure),
    ("22", "Foul Committed", Becomes::Foul),
    ("24", "Bad Behaviour", Becomes::BadBehaviour),
    ("19", "Substitution", Becomes::Substitution),
    // The side that gets the goal; Own Goal Against says the same of the other side and stays `other`.
    ("25", "Own Goal For", Becomes::OwnGoal),
    ("35", "Starting XI", Becomes::Lineup),
    ("18", "Half Start", Becomes::HalfStart),
    ("34", "Half End", Becomes::HalfEnd),
];

pub(super) fn becomes(id: &str, label: &str) -> Becomes {
    let same =
        |known: &&(&str, &str, Becomes)| known.1.eq_ignore_ascii_case(label) || (label.is_empty() && known.0 == id);
    TYPES.iter().find(same).map_or(Becomes::Other, |(.., becomes)| *becomes)
}

/// The label of a type that has only its id.
pub(super) fn label_of(id: &str) -> String {
    TYPES.iter().find(|known| known.0 == id).map_or_else(|| format!("type {id}"), |known| known.1.to_owned())
}

/// `pass.outcome`; a pass without one is complete.
pub(super) fn pass_outcome(label: Option<&str>) -> PassOutcome {
    match label {
        None | Some("Complete") => PassOutcome::Complete,
        Some("Incomplete") => PassOutcome::Incomplete,
        Some("Out") => PassOutcome::Out,
        Some("Pass Offside") => PassOutcome::Offside,
        Some("Injury Clearance") => PassOutcome::Stopped,
        // "Unknown", and whatever comes later.
        Some(_) => PassOutcome::Unknown,
    }
}

/// `pass.height`.
pub(super) fn pass_height(label: &str) -> Option<PassHeight> {
    match label {
        "Ground Pass" => Some(PassHeight::Ground),
        "Low Pass" => Some(PassHeight::Low),
        "High Pass" => Some(PassHeight::High),
        _ => None,
    }
}

/// `pass.body_part`, `shot.body_part`.
pub(super) fn body_part(label: &str) -> BodyPart {
    match label {
        "Right Foot" => BodyPart::RightFoot,
        "Left Foot" => BodyPart::LeftFoot,
        "Head" => BodyPart::Head,
        "Keeper Arm" => BodyPart::Hands,
        "Drop Kick" => BodyPart::DropKick,
        "No Touch" => BodyPart::NoTouch,
        _ => BodyPart::Other,
    }
}

/// `pass.type`, `shot.type`; a pass without one is open play.
pub(super) fn situation(label: Option<&str>) -> Situation {
    match label {
        Some("Corner") => Situation::Corner,
        Some("Free Kick") => Situation::FreeKick,
        Some("Throw-in") => Situation::ThrowIn,
        Some("Goal Kick") => Situation::GoalKick,
        Some("Kick Off") => Situation::KickOff,
        Some("Penalty") => Situation::Penalty,
        Some("Recovery") => Situation::Recovery,
        Some("Interception") => Situation::Interception,
        // "Open Play".
        _ => Situation::OpenPlay,
    }
}

/// `shot.outcome`.
pub(super) fn shot_outcome(label: &str) -> ShotOutcome {
    match label {
        "Goal" => ShotOutcome::Goal,
        "Saved" => ShotOutcome::Saved,
        "Saved Off Target" | "Saved Off T" => ShotOutcome::SavedOffTarget,
        "Saved to Post" | "Saved To Post" => ShotOutcome::SavedToPost,
        "Post" => ShotOutcome::Post,
        "Blocked" => ShotOutcome::Blocked,
        "Off T" | "Off Target" => ShotOutcome::OffTarget,
        "Wayward" => ShotOutcome::Wayward,
        _ => ShotOutcome::Unknown,
    }
}

/// `duel.outcome`: whether the tackler's side has the ball afterwards.
pub(super) fn is_duel_won(label: &str) -> Option<bool> {
    match label {
        "Won" | "Success" | "Success In Play" | "Success Out" => Some(true),
        "Lost" | "Lost In Play" | "Lost Out" => Some(false),
        _ => None,
    }
}

/// `foul_committed.card`, `bad_behaviour.card`.
pub(super) fn card_color(label: &str) -> Option<&'static str> {
    match label {
        "Yellow Card" => Some("yellow"),
        "Second Yellow" => Some("second_yellow"),
        "Red Card" => Some("red"),
        _ => None,
    }
}

/// `match_status`: the open data says `available` of what is collected; the API knows more words.
pub(super) fn match_status(word: &str, has_score: bool) -> GameStatus {
    match word {
        "scheduled" => GameStatus::Scheduled,
        "live" | "collecting" => GameStatus::InProgress,
        "postponed" => GameStatus::Postponed,
        "cancelled" | "canceled" | "deleted" => GameStatus::Canceled,
        "abandoned" => GameStatus::Abandoned,
        _ if has_score => GameStatus::Final,
        _ => GameStatus::Unknown,
    }
}

/// When a period begins after kick-off, ms. The vendor gives no time of day and its clock begins anew each period:
/// breaks are nominal (15, 5, 2 and 5 minutes) and room is left for added time, so that order is kept.
pub(super) fn period_starts_ms(period: u16) -> i64 {
    const MINUTE_MS: i64 = 60_000;
    match period {
        0 | 1 => 0,
        2 => 65 * MINUTE_MS,
        3 => 130 * MINUTE_MS,
        4 => 155 * MINUTE_MS,
        _ => 180 * MINUTE_MS,
    }
}

/// `442` as `4-4-2`.
pub(super) fn formation(digits: &str) -> String {
    let lines: Vec<String> = digits.chars().filter(char::is_ascii_digit).map(String::from).collect();
    lines.join("-")
}
