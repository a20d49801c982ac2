//! ESPN's words and numbers beside ours: sports, leagues, status names, NFL scoring types.
//! A word that is not here is kept as sent; nothing is refused for being unknown.

use touchline_event::GameStatus;

/// `s:` of a uid and ESPN's own sport slug.
const SPORTS: &[(&str, &str)] = &[
    ("1", "baseball"),
    ("20", "football"),
    ("40", "basketball"),
    ("70", "hockey"),
    ("300", "rugby"),
    ("600", "soccer"),
    ("850", "tennis"),
    ("1106", "golf"),
    ("2000", "racing"),
    ("3301", "mma"),
];

/// `l:` of a uid, ESPN's own league slug, ESPN's name. Used only where a payload does not name its league.
#[rustfmt::skip]
const LEAGUES: &[(&str, &str, &str)] = &[
    ("10",  "mlb",                       "Major League Baseball"),
    ("23",  "college-football",          "NCAA - Football"),
    ("28",  "nfl",                       "National Football League"),
    ("41",  "mens-college-basketball",   "NCAA Men's Basketball"),
    ("46",  "nba",                       "National Basketball Association"),
    ("54",  "womens-college-basketball", "NCAA Women's Basketball"),
    ("59",  "wnba",                      "Women's National Basketball Association"),
    ("90",  "nhl",                       "National Hockey League"),
    ("606", "fifa.world",                "FIFA World Cup"),
    ("700", "eng.1",                     "English Premier League"),
    ("710", "fra.1",                     "French Ligue 1"),
    ("720", "ger.1",                     "German Bundesliga"),
    ("730", "ita.1",                     "Italian Serie A"),
    ("740", "esp.1",                     "Spanish LALIGA"),
    ("770", "usa.1",                     "Major League Soccer"),
    ("775", "uefa.champions",            "UEFA Champions League"),
    ("776", "uefa.europa",               "UEFA Europa League"),
];

/// `status.type.name` and our status.
#[rustfmt::skip]
const STATUSES: &[(&str, GameStatus)] = &[
    ("STATUS_SCHEDULED",         GameStatus::Scheduled),
    ("STATUS_TBD",               GameStatus::Scheduled),
    ("STATUS_PREGAME",           GameStatus::Scheduled),
    ("STATUS_IN_PROGRESS",       GameStatus::InProgress),
    ("STATUS_IN_PROGRESS_2",     GameStatus::InProgress),
    ("STATUS_FIRST_HALF",        GameStatus::InProgress),
    ("STATUS_SECOND_HALF",       GameStatus::InProgress),
    ("STATUS_HALFTIME",          GameStatus::Halftime),
    ("STATUS_HALFTIME_ET",       GameStatus::Halftime),
    ("STATUS_END_PERIOD",        GameStatus::EndOfPeriod),
    ("STATUS_END_OF_PERIOD",     GameStatus::EndOfPeriod),
    ("STATUS_END_OF_REGULATION", GameStatus::EndOfPeriod),
    ("STATUS_END_OF_EXTRATIME",  GameStatus::EndOfPeriod),
    ("STATUS_OVERTIME",          GameStatus::Overtime),
    ("STATUS_EXTRA_TIME",        GameStatus::Overtime),
    ("STATUS_FIRST_EXTRA_TIME",  GameStatus::Overtime),
    ("STATUS_SECOND_EXTRA_TIME", GameStatus::Overtime),
    ("STATUS_IN_PROGRESS_ET",    GameStatus::Overtime),
    ("STATUS_SHOOTOUT",          GameStatus::Shootout),
    ("STATUS_IN_PROGRESS_PEN",   GameStatus::Shootout),
    ("STATUS_DELAYED",           GameStatus::Delayed),
    ("STATUS_DELAY",             GameStatus::Delayed),
    ("STATUS_RAIN_DELAY",        GameStatus::Delayed),
    ("STATUS_WEATHER_DELAY",     GameStatus::Delayed),
    ("STATUS_SUSPENDED",         GameStatus::Suspended),
    ("STATUS_POSTPONED",         GameStatus::Postponed),
    ("STATUS_CANCELED",          GameStatus::Canceled),
    ("STATUS_CANCELLED",         GameStatus::Canceled),
    ("STATUS_ABANDONED",         GameStatus::Abandoned),
    ("STATUS_FORFEIT",           GameStatus::Forfeit),
    ("STATUS_FORFEIT_HOME_TEAM", GameStatus::Forfeit),
    ("STATUS_FORFEIT_AWAY_TEAM", GameStatus::Forfeit),
    ("STATUS_FINAL",             GameStatus::Final),
    ("STATUS_FULL_TIME",         GameStatus::Final),
    ("STATUS_FINAL_OT",          GameStatus::Final),
    ("STATUS_FINAL_AET",         GameStatus::Final),
    ("STATUS_FINAL_ET",          GameStatus::Final),
    ("STATUS_FINAL_PEN",         GameStatus::Final),
    ("STATUS_FULL_PEN",          GameStatus::Final),
];

/// Sport slug and the periods after which ESPN's plain "in progress" is overtime. Baseball's extra innings are innings.
const REGULATION_PERIODS: &[(&str, u16)] = &[("football", 4), ("basketball", 4), ("hockey", 3), ("soccer", 2)];

/// College games have two halves; everything else of the sport has the periods above.
const REGULATION_PERIODS_OF_LEAGUE: &[(&str, u16)] = &[("mens-college-basketball", 2)];

/// Soccer's period 5 is the penalty shootout, after two halves of extra time.
const SOCCER_SHOOTOUT_PERIOD: u16 = 5;

/// `scoringType.name` of an NFL play and its points without the try after it: drives carry no `scoreValue`.
const SCORING_TYPES: &[(&str, i32)] = &[("touchdown", 6), ("field-goal", 3), ("safety", 2)];

/// A part of a uid: `uid_part("s:20~l:28~e:401", 'l')` is `28`.
pub(super) fn uid_part(uid: &str, key: char) -> Option<&str> {
    uid.split('~').find_map(|part| part.strip_prefix(key)?.strip_prefix(':'))
}

/// ESPN's sport slug of a uid.
pub(super) fn sport_of_uid(uid: &str) -> Option<&'static str> {
    let id = uid_part(uid, 's')?;
    SPORTS.iter().find(|(sport, _)| *sport == id).map(|(_, slug)| *slug)
}

/// ESPN's league slug of a league id.
pub(super) fn league_of_id(id: &str) -> Option<&'static str> {
    LEAGUES.iter().find(|(league, _, _)| *league == id).map(|(_, slug, _)| *slug)
}

/// Our status of `status.type.name`.
pub(super) fn status_of_name(name: &str) -> GameStatus {
    STATUSES.iter().find(|(word, _)| *word == name).map_or(GameStatus::Unknown, |(_, status)| *status)
}

/// What "in progress" means in a period: ESPN sends the same word in overtime.
pub(super) fn refine_in_progress(sport: Option<&str>, league: Option<&str>, period: u16, detail: &str) -> GameStatus {
    let Some(sport) = sport else { return GameStatus::InProgress };
    let of_league = REGULATION_PERIODS_OF_LEAGUE.iter().find(|(slug, _)| Some(*slug) == league);
    let Some((_, periods)) = of_league.or_else(|| REGULATION_PERIODS.iter().find(|(slug, _)| *slug == sport)) else {
        return GameStatus::InProgress;
    };
    let is_shootout = match sport {
        "soccer" => period >= SOCCER_SHOOTOUT_PERIOD,
        "hockey" => {
            period > *periods && (detail.contains("Shootout") || detail.split([' ', '-']).any(|word| word == "SO"))
        }
        _ => false,
    };
    if is_shootout {
        GameStatus::Shootout
    } else if period > *periods {
        GameStatus::Overtime
    } else {
        GameStatus::InProgress
    }
}

/// Points of an NFL scoring type, without the try.
pub(super) fn points_of_scoring_type(name: &str) -> Option<i32> {
    SCORING_TYPES.iter().find(|(word, _)| *word == name).map(|(_, points)| *points)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_names_its_sport_and_league() {
        assert_eq!(sport_of_uid("s:20~l:28~e:401437650"), Some("football"));
        assert_eq!(uid_part("s:600~l:606~e:1", 'l').and_then(league_of_id), Some("fifa.world"));
        assert_eq!(sport_of_uid("s:~x"), None);
        assert_eq!(uid_part("", 'l'), None);
    }

    #[test]
    fn in_progress_beyond_regulation_is_overtime_or_a_shootout() {
        for (sport, league, period, detail, status) in [
            ("basketball", "nba", 4, "0:02 - 4th", GameStatus::InProgress),
            ("basketball", "nba", 5, "3:10 - OT", GameStatus::Overtime),
            ("basketball", "mens-college-basketball", 3, "3:10 - OT", GameStatus::Overtime),
            ("hockey", "nhl", 5, "Shootout", GameStatus::Shootout),
            ("hockey", "nhl", 5, "4:31 - 2OT", GameStatus::Overtime),
            ("soccer", "fifa.world", 3, "97'", GameStatus::Overtime),
            ("soccer", "fifa.world", 5, "Pens", GameStatus::Shootout),
            ("baseball", "mlb", 11, "Top 11th", GameStatus::InProgress),
        ] {
            assert_eq!(
                refine_in_progress(Some(sport), Some(league), period, detail),
                status,
                "{sport} {period} {detail}"
            );
        }
    }

    #[test]
    fn an_unknown_status_is_a_value() {
        assert_eq!(status_of_name("STATUS_MOON_LANDING"), GameStatus::Unknown);
        assert_eq!(status_of_name("STATUS_RAIN_DELAY"), GameStatus::Delayed);
    }
}
