//! TRACAB's codes and ours.

use touchline_event::Squad;

/// The team of a target: `1` plays at home; `4` is a target nobody has named, `-1` one that is not used.
pub(super) fn squad(code: &str) -> Option<Squad> {
    match code {
        "1" => Some(Squad::Home),
        "0" => Some(Squad::Away),
        "2" | "3" => Some(Squad::Official),
        "4" => Some(Squad::Unknown),
        _ => None,
    }
}

/// Who has the ball.
pub(super) fn owner(code: &str) -> Option<Squad> {
    match code {
        "H" => Some(Squad::Home),
        "A" => Some(Squad::Away),
        _ => None,
    }
}

/// Whether the ball is in play.
pub(super) fn is_alive(word: &str) -> Option<bool> {
    match word {
        "Alive" => Some(true),
        "Dead" => Some(false),
        _ => None,
    }
}
