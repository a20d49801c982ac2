//! SportMonks' ids and words -> ours, each with the vendor's own label.

use touchline_event::GameStatus;

/// A state by its id in version 3.
pub(super) fn status_of_id(state_id: i64) -> Option<GameStatus> {
    Some(match state_id {
        1 => GameStatus::Scheduled,    // NS, not started
        2 => GameStatus::InProgress,   // INPLAY_1ST_HALF
        3 => GameStatus::Halftime,     // HT
        4 => GameStatus::EndOfPeriod,  // BREAK, regular time finished
        5 => GameStatus::Final,        // FT
        6 => GameStatus::Overtime,     // INPLAY_ET
        7 => GameStatus::Final,        // AET, finished after extra time
        8 => GameStatus::Final,        // FT_PEN, finished after penalties
        9 => GameStatus::Shootout,     // INPLAY_PENALTIES
        10 => GameStatus::Postponed,   // POSTPONED
        11 => GameStatus::Suspended,   // SUSPENDED
        12 => GameStatus::Canceled,    // CANCELLED
        13 => GameStatus::Scheduled,   // TBA, to be announced
        14 => GameStatus::Forfeit,     // WO, walk over
        15 => GameStatus::Abandoned,   // ABANDONED
        16 => GameStatus::Delayed,     // DELAYED
        17 => GameStatus::Forfeit,     // AWARDED
        18 => GameStatus::Suspended,   // INTERRUPTED
        19 => GameStatus::Unknown,     // AWAITING_UPDATES
        20 => GameStatus::Canceled,    // DELETED
        21 => GameStatus::EndOfPeriod, // EXTRA_TIME_BREAK
        22 => GameStatus::InProgress,  // INPLAY_2ND_HALF
        23 => GameStatus::Overtime,    // INPLAY_ET_2ND_HALF
        25 => GameStatus::EndOfPeriod, // PEN_BREAK
        26 => GameStatus::Unknown,     // PENDING
        _ => return None,
    })
}

/// A state by its word: `developer_name` of version 3, `time.status` of version 2.
pub(super) fn status_of_word(word: &str) -> GameStatus {
    match word {
        "NS" | "NOT_STARTED" | "TBA" => GameStatus::Scheduled,
        "LIVE" | "IN_PLAY" | "INPLAY_1ST_HALF" | "INPLAY_2ND_HALF" => GameStatus::InProgress,
        "HT" => GameStatus::Halftime,
        "BREAK" | "EXTRA_TIME_BREAK" | "PEN_BREAK" => GameStatus::EndOfPeriod,
        "FT" | "AET" | "FT_PEN" | "FTP" => GameStatus::Final,
        "ET" | "INPLAY_ET" | "INPLAY_ET_2ND_HALF" | "INPLAY_ET_SECOND_HALF" => GameStatus::Overtime,
        "PEN_LIVE" | "INPLAY_PENALTIES" => GameStatus::Shootout,
        "POSTP" | "POSTPONED" => GameStatus::Postponed,
        "SUSP" | "SUSPENDED" | "INT" | "INTERRUPTED" => GameStatus::Suspended,
        "CANCL" | "CANCELLED" | "Deleted" | "DELETED" => GameStatus::Canceled,
        "WO" | "WALKOVER" | "AWARDED" => GameStatus::Forfeit,
        "ABAN" | "ABANDONED" => GameStatus::Abandoned,
        "DELAYED" => GameStatus::Delayed,
        _ => GameStatus::Unknown,
    }
}

/// What an event of a fixture is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    Goal { is_own_goal: bool, is_penalty: bool, is_shootout: bool },
    Card(&'static str),
    Substitution,
}

/// An event by its `type_id` of version 3 or its `type` of version 2.
pub(super) fn moment(kind: &str) -> Option<Moment> {
    let goal = |is_own_goal, is_penalty, is_shootout| Moment::Goal { is_own_goal, is_penalty, is_shootout };
    Some(match kind {
        "14" | "GOAL" | "goal" => goal(false, false, false),
        "15" | "OWNGOAL" | "own-goal" => goal(true, false, false),
        "16" | "PENALTY" | "penalty" => goal(false, true, false),
        "23" | "PENALTY_SHOOTOUT_GOAL" | "pen_shootout_goal" => goal(false, true, true),
        "18" | "SUBSTITUTION" | "substitution" => Moment::Substitution,
        "19" | "YELLOWCARD" | "yellowcard" => Moment::Card("yellow"),
        "20" | "REDCARD" | "redcard" => Moment::Card("red"),
        "21" | "YELLOWREDCARD" | "yellowred" => Moment::Card("second_yellow"),
        _ => return None,
    })
}

/// The vendor's word for an event's `type_id` where the `type` is not included.
pub(super) fn word_of_type(type_id: &str) -> Option<&'static str> {
    Some(match type_id {
        "10" => "VAR",
        "17" => "MISSED_PENALTY",
        "22" => "PENALTY_SHOOTOUT_MISS",
        "126" => "CORNER",
        _ => return None,
    })
}

/// A position by `position_id`.
pub(super) fn position(position_id: i64) -> Option<&'static str> {
    Some(match position_id {
        24 => "Goalkeeper",
        25 => "Defender",
        26 => "Midfielder",
        27 => "Attacker",
        28 => "Unknown",
        _ => return None,
    })
}

/// Starting eleven or bench, by a lineup's `type_id`.
pub(super) fn is_starter(type_id: i64) -> Option<bool> {
    match type_id {
        11 => Some(true),  // LINEUP
        12 => Some(false), // BENCH
        _ => None,
    }
}

/// A market by its id or description; the vendor's own word for any other.
pub(super) fn market<'w>(market_id: Option<&str>, description: &'w str) -> &'w str {
    match (market_id, description) {
        (Some("1"), _) | (_, "3Way Result" | "Fulltime Result" | "Full Time Result" | "Match Winner") => "h2h",
        (Some("6"), _) | (_, "Asian Handicap") => "spreads",
        (Some("7" | "80"), _) | (_, "Goals Over/Under" | "Over/Under") => "totals",
        _ => description,
    }
}
