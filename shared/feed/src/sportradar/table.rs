//! Sportradar's words and codes -> ours, each with the vendor's own label.

use touchline_event::GameStatus;

/// A status: of Soccer, of US leagues, or a number of the Unified Odds Feed. The finer word decides where it is known.
pub(super) fn status(status: &str, match_status: Option<&str>) -> GameStatus {
    let of_status = status_of_word(status);
    match match_status.map(status_of_word) {
        Some(GameStatus::Unknown) | None => of_status,
        // `closed` and `ended` are the last word on a game whose match status still says how it ended.
        Some(_) if of_status == GameStatus::Final => of_status,
        Some(finer) => finer,
    }
}

fn status_of_word(word: &str) -> GameStatus {
    match word {
        "not_started" | "scheduled" | "created" | "time-tbd" | "if-necessary" | "start_delayed" | "0" => {
            GameStatus::Scheduled
        }
        "live" | "started" | "inprogress" | "1" | "1st_half" | "2nd_half" | "1st_period" | "2nd_period"
        | "3rd_period" | "1st_quarter" | "2nd_quarter" | "3rd_quarter" | "4th_quarter" => GameStatus::InProgress,
        "halftime" | "half_time" => GameStatus::Halftime,
        "break" | "pause" | "awaiting_extra_time" | "extra_time_halftime" | "awaiting_penalties" | "endperiod" => {
            GameStatus::EndOfPeriod
        }
        "overtime" | "1st_extra" | "2nd_extra" | "extra_time" | "overtime_1" => GameStatus::Overtime,
        "penalties" | "shootout" => GameStatus::Shootout,
        "ended" | "closed" | "complete" | "finished" | "aet" | "ap" | "full-time" | "3" | "4" => GameStatus::Final,
        "postponed" | "6" => GameStatus::Postponed,
        "cancelled" | "canceled" | "unnecessary" | "5" => GameStatus::Canceled,
        "delayed" | "wdelay" | "odelay" | "fdelay" | "7" => GameStatus::Delayed,
        "interrupted" | "suspended" | "2" | "8" => GameStatus::Suspended,
        "abandoned" | "9" => GameStatus::Abandoned,
        "walkover" | "defaulted" | "retired" | "forfeit" => GameStatus::Forfeit,
        _ => GameStatus::Unknown,
    }
}

/// The Unified Odds Feed's `match_status` codes, from its own list of descriptions.
pub(super) fn status_of_code(code: i64) -> Option<GameStatus> {
    Some(match code {
        0 => GameStatus::Scheduled,                               // Not started
        1..=21 | 141..=149 | 401..=450 => GameStatus::InProgress, // 1st period .. In progress, sets, innings
        30 => GameStatus::EndOfPeriod,                            // Pauses
        31 => GameStatus::Halftime,                               // Halftime
        32..=37 | 301..=314 => GameStatus::EndOfPeriod,           // Awaiting extra time, breaks
        40..=44 => GameStatus::Overtime,                          // Overtime, 1st extra, 2nd extra
        50..=52 => GameStatus::Shootout,                          // Penalties
        60 => GameStatus::Postponed,                              // Postponed
        61 => GameStatus::Delayed,                                // Start delayed
        70 => GameStatus::Canceled,                               // Cancelled
        80 | 81 => GameStatus::Suspended,                         // Interrupted, Suspended
        90 => GameStatus::Abandoned,                              // Abandoned
        91..=98 => GameStatus::Forfeit,                           // Walkover, Retired, Defaulted
        100..=130 => GameStatus::Final,                           // Ended, after extra time, after penalties
        _ => return None,
    })
}

/// A sport by the vendor's name.
pub(super) fn sport(name: &str) -> String {
    match name {
        "Soccer" => "soccer".to_owned(),
        "Ice Hockey" => "hockey".to_owned(),
        "American Football" => "football".to_owned(),
        other => other.to_lowercase().replace(' ', "-"),
    }
}

/// The sport of a US league.
pub(super) fn sport_of_league(league: &str) -> Option<&'static str> {
    Some(match league {
        "nba" | "wnba" | "ncaamb" | "ncaawb" | "gleague" => "basketball",
        "nfl" | "ncaafb" | "cfl" => "football",
        "mlb" => "baseball",
        "nhl" => "hockey",
        _ => return None,
    })
}

/// A market of the Unified Odds Feed by its id; `None` keeps the id.
pub(super) fn market(id: &str) -> Option<&'static str> {
    match id {
        "1" | "186" | "219" => Some("h2h"), // 1x2; Winner; Winner (incl. overtime)
        "16" | "223" => Some("spreads"),    // Handicap; Handicap (incl. overtime)
        "18" | "225" => Some("totals"),     // Total; Total (incl. overtime)
        _ => None,
    }
}

/// An outcome of those markets by its id.
pub(super) fn outcome(id: &str) -> Option<&'static str> {
    match id {
        "1" | "4" | "1714" => Some("home"),
        "2" => Some("draw"),
        "3" | "5" | "1715" => Some("away"),
        "12" => Some("over"),
        "13" => Some("under"),
        _ => None,
    }
}

/// A market's status by its number.
pub(super) fn market_status(status: &str) -> String {
    match status {
        "1" => "open",
        "0" => "inactive",
        "-1" => "suspended",
        "-2" => "handed_over",
        "-3" => "settled",
        "-4" => "cancelled",
        other => other,
    }
    .to_owned()
}
