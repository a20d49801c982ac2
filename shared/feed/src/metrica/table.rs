//! Metrica's words and ours, as its documentation of event definitions lists them. Its pitch goes from 0 to 1.

use touchline_event::{ShotOutcome, Situation};

use crate::pitch::{ONE_E5, Pitch};

/// From the left goal line to the right one, and from the upper touchline to the lower one.
pub(super) const PITCH: Pitch = Pitch { x_e5: (0, ONE_E5), y_e5: (ONE_E5, 0) };

/// What of ours an event becomes; everything else is `other` under the vendor's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Becomes {
    Pass,
    Shot,
    Carry,
    Tackle,
    Card,
    Other,
}

/// `type`, and for a challenge the subtype that makes it a tackle: the others are duels in the air or on the ground.
pub(super) fn becomes(kind: &str, subtypes: &[String]) -> Becomes {
    let has = |word: &str| subtypes.iter().any(|subtype| subtype == word);
    match kind {
        "PASS" => Becomes::Pass,
        "SHOT" => Becomes::Shot,
        "CARRY" => Becomes::Carry,
        "CHALLENGE" if has("TACKLE") => Becomes::Tackle,
        "CARD" if has("YELLOW") || has("RED") => Becomes::Card,
        // A lost ball may have been a pass or a dribble: the vendor does not say.
        _ => Becomes::Other,
    }
}

/// How a shot ended, by its subtypes.
pub(super) fn shot_outcome(subtypes: &[String]) -> ShotOutcome {
    let has = |word: &str| subtypes.iter().any(|subtype| subtype == word);
    match () {
        () if has("GOAL") => ShotOutcome::Goal,
        () if has("SAVED") => ShotOutcome::Saved,
        () if has("BLOCKED") => ShotOutcome::Blocked,
        () if has("WOODWORK") => ShotOutcome::Post,
        () if has("OFF TARGET") || has("OUT") => ShotOutcome::OffTarget,
        () => ShotOutcome::Unknown,
    }
}

/// A pass of a goal kick; the set piece before a pass is an event of its own.
pub(super) fn situation(subtypes: &[String]) -> Situation {
    let has = |word: &str| subtypes.iter().any(|subtype| subtype == word);
    if has("GOAL KICK") { Situation::GoalKick } else { Situation::OpenPlay }
}

/// `attack_direction_first_half` of a team that attacks from right to left.
pub(super) const RIGHT_TO_LEFT: &str = "right_to_left";
