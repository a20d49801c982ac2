//! Betfair's ids and words to ours: sports by event type id, markets by market type.

/// Event type id, Betfair's name, our sport.
#[rustfmt::skip]
const SPORTS: &[(&str, &str, &str)] = &[
    ("1", "Soccer", "soccer"),
    ("2", "Tennis", "tennis"),
    ("3", "Golf", "golf"),
    ("4", "Cricket", "cricket"),
    ("5", "Rugby Union", "rugby-union"),
    ("6", "Boxing", "boxing"),
    ("7", "Horse Racing", "horse-racing"),
    ("8", "Motor Sport", "motor-sport"),
    ("11", "Cycling", "cycling"),
    ("1477", "Rugby League", "rugby-league"),
    ("3503", "Darts", "darts"),
    ("4339", "Greyhound Racing", "greyhound-racing"),
    ("6422", "Snooker", "snooker"),
    ("6423", "American Football", "american-football"),
    ("7511", "Baseball", "baseball"),
    ("7522", "Basketball", "basketball"),
    ("7524", "Ice Hockey", "ice-hockey"),
    ("61420", "Australian Rules", "australian-rules"),
    ("468328", "Handball", "handball"),
    ("998917", "Volleyball", "volleyball"),
    ("26420387", "Mixed Martial Arts", "mixed-martial-arts"),
    ("27454571", "Esports", "esports"),
];

/// The sport of an event type id; `None` for politics, specials and what Betfair adds later.
pub(super) fn sport(event_type_id: &str) -> Option<&'static str> {
    SPORTS.iter().find(|(id, _, _)| *id == event_type_id).map(|(_, _, sport)| *sport)
}

/// `MATCH_ODDS` is a head to head, `WIN` and `WINNER` pick one of many; anything else is Betfair's word in lower case.
pub(super) fn market(market_type: &str) -> String {
    match market_type {
        "MATCH_ODDS" => "h2h".to_owned(),
        "WIN" | "WINNER" => "outrights".to_owned(),
        other => other.to_lowercase(),
    }
}

/// The market of prices that come before any definition.
pub(super) const UNKNOWN_MARKET: &str = "unknown";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sports_and_markets_are_mapped_and_the_rest_keeps_its_word() {
        assert_eq!((sport("4"), sport("7"), sport("2378961")), (Some("cricket"), Some("horse-racing"), None));
        assert_eq!(market("MATCH_ODDS"), "h2h");
        assert_eq!(market("WIN"), "outrights");
        assert_eq!(market("OVER_UNDER_25"), "over_under_25");
    }
}
