//! nflverse's words and ours, as its data dictionary of the schedules lists them.

/// `roof`: whether the game was played under a closed one.
pub(super) fn is_indoor(roof: &str) -> Option<bool> {
    match roof {
        "dome" | "closed" => Some(true),
        "outdoors" | "open" => Some(false),
        _ => None,
    }
}

/// `location`: `Home`, or `Neutral` in London, Mexico City and at the Super Bowl.
pub(super) fn is_neutral_site(location: &str) -> Option<bool> {
    match location {
        "Home" => Some(false),
        "Neutral" => Some(true),
        _ => None,
    }
}

/// A market of the table: its columns for the outcomes of away and home, or over and under.
pub(super) struct Market {
    pub(super) market: &'static str,
    /// The column of the line, and the sign it has for the first outcome; none for a moneyline.
    pub(super) line: Option<(&'static str, [i64; 2])>,
    pub(super) prices: [&'static str; 2],
}

pub(super) const MARKETS: [Market; 3] = [
    Market { market: "h2h", line: None, prices: ["away_moneyline", "home_moneyline"] },
    // `spread_line` is by how many points the home team is favoured: its handicap is the negative.
    Market {
        market: "spreads",
        line: Some(("spread_line", [1, -1])),
        prices: ["away_spread_odds", "home_spread_odds"],
    },
    Market { market: "totals", line: Some(("total_line", [1, 1])), prices: ["over_odds", "under_odds"] },
];
