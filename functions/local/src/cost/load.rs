//! What a bill is for: traffic, for how long, and over how many calendar days standing things are paid.

use touchline_store::PaneLayout;

/// Events a second while there is traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    pub events_per_second: u64,
    /// Hours with traffic.
    pub hours: u64,
    /// Calendar days that alarms, secrets and stored bytes are paid for.
    pub days: u64,
    /// Games, markets and symbols with events at the same time.
    pub entities: u64,
    /// How panes lie in items.
    pub layout: PaneLayout,
}

/// Loads with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum NamedLoad {
    /// Twelve hours of games, lines and trades at 200 events a second.
    MatchDay,
    /// 180 such days within nine months.
    Season,
    /// 10,000 events a second for a month.
    Sustained,
}

impl NamedLoad {
    pub const ALL: [NamedLoad; 3] = [Self::MatchDay, Self::Season, Self::Sustained];

    pub fn title(self) -> &'static str {
        match self {
            Self::MatchDay => "A match day",
            Self::Season => "A season of 180 match days",
            Self::Sustained => "A month at 10,000 events a second",
        }
    }

    pub fn load(self) -> Load {
        match self {
            Self::MatchDay => {
                Load { events_per_second: 200, hours: 12, days: 1, entities: 500, layout: PaneLayout::Pane }
            }
            Self::Season => Load { hours: 180 * 12, days: 270, ..Self::MatchDay.load() },
            Self::Sustained => {
                Load { events_per_second: 10_000, hours: 30 * 24, days: 30, entities: 2_000, layout: PaneLayout::Pane }
            }
        }
    }
}
