//! Next Gen Stats' column names in all their years, and ours.

/// The frame's number: highlights and 2018, later years.
pub(super) const FRAME: [&str; 3] = ["frameId", "frame.id", "frame"];
pub(super) const NFL_ID: [&str; 1] = ["nflId"];
pub(super) const SHIRT: [&str; 2] = ["jerseyNumber", "jersey_number"];
/// `home`, `away`, `football`, or the team's abbreviation.
pub(super) const SIDE: [&str; 3] = ["team", "club", "teamAbbr"];
pub(super) const EVENT: [&str; 2] = ["event", "frameType"];

/// Columns of a play that the highlight feed repeats in every row.
pub(super) const PLAY: [&str; 14] = [
    "playType",
    "playDescription",
    "season",
    "seasonType",
    "week",
    "preSnapHomeScore",
    "preSnapVisitorScore",
    "quarter",
    "gameClock",
    "down",
    "yardsToGo",
    "yardlineSide",
    "yardlineNumber",
    "possessionTeam",
];

/// The ball's name among the players'.
pub(super) fn is_ball(name: &str) -> bool {
    matches!(name, "ball" | "football" | "Football")
}

/// The offence's direction; `true` for a field that must be turned.
pub(super) fn is_turned(direction: &str) -> Option<bool> {
    match direction {
        "left" => Some(true),
        "right" => Some(false),
        _ => None,
    }
}
