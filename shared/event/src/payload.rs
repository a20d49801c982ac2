//! What each kind of event carries. Scaled integers carry their scale in the name: `price_e6` is 10^-6.
//! PAY-1: on the wire a payload stands beside the envelope's `kind`, which decides how it is read.
//! Vendor words are kept where they mean more than our own (`status_detail`, `play_type`).

mod conditions;
mod football;
mod reference;
mod tracking;

use serde::{Deserialize, Serialize};

pub use conditions::{Article, WeatherObservation};
pub use football::{
    BodyPart, Carry, Foul, FramePlayer, Lineup, LineupPlayer, Location, Pass, PassHeight, PassOutcome, Pressure, Shot,
    ShotOutcome, Situation, Tackle,
};
pub use reference::{League, RosterChange, TeamProfile, Venue};
pub use tracking::{Squad, TrackedBall, TrackedPlayer, TrackingFrame, WearableSample};

use crate::{Kind, Scaled};

/// A side of a game as the vendor names it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Team {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abbreviation: Option<String>,
}

/// Where a game stands, across sports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GameStatus {
    Scheduled,
    InProgress,
    Halftime,
    EndOfPeriod,
    Overtime,
    Shootout,
    Delayed,
    Suspended,
    Postponed,
    Canceled,
    Abandoned,
    Forfeit,
    Final,
    Unknown,
}

impl GameStatus {
    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::InProgress => "in_progress",
            Self::Halftime => "halftime",
            Self::EndOfPeriod => "end_of_period",
            Self::Overtime => "overtime",
            Self::Shootout => "shootout",
            Self::Delayed => "delayed",
            Self::Suspended => "suspended",
            Self::Postponed => "postponed",
            Self::Canceled => "canceled",
            Self::Abandoned => "abandoned",
            Self::Forfeit => "forfeit",
            Self::Final => "final",
            Self::Unknown => "unknown",
        }
    }

    /// Whether the ball may be moving, or will again soon.
    pub fn is_live(self) -> bool {
        matches!(self, Self::InProgress | Self::Halftime | Self::EndOfPeriod | Self::Overtime | Self::Shootout)
    }
}

/// A game as scheduled or listed: one per game in a scoreboard or schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fixture {
    pub home: Team,
    pub away: Team,
    /// Scheduled or actual start, UTC ms.
    pub starts_at_ms: Option<i64>,
    pub status: GameStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_detail: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub venue: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_neutral_site: Option<bool>,
}

/// The score as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScoreUpdate {
    pub home_score: i32,
    pub away_score: i32,
    pub status: GameStatus,
    /// Points by period as `[home, away]`, first period first; empty where the vendor gives none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub periods: Vec<[i32; 2]>,
}

/// The game entered a period or another state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeriodChange {
    pub status: GameStatus,
    /// The vendor's own word, `STATUS_HALFTIME`.
    pub status_detail: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Goal {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scorer: Option<String>,
    pub is_own_goal: bool,
    pub is_penalty: bool,
    pub is_shootout: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// `yellow`, `second_yellow` or `red`.
    pub color: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub player: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Substitution {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub player_in: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub player_out: Option<String>,
}

/// One play of a play-by-play sport (NFL, NBA, NHL, MLB, college football).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Play {
    /// The vendor's own type, `Pass Reception`.
    pub play_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    pub is_scoring: bool,
    pub score_value: i32,
    pub home_score: i32,
    pub away_score: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drive_id: Option<String>,
    /// Vendor's live home win probability after this play, 10^-4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home_win_probability_e4: Option<i64>,
}

/// Which way a price stands: a bookmaker's offer, or the two sides of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// What a bettor can take: a bookmaker's price, or the best price available to back.
    #[default]
    Back,
    /// The best price available to lay on an exchange.
    Lay,
    /// Last traded price on an exchange.
    LastTraded,
}

impl Side {
    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Back => "back",
            Self::Lay => "lay",
            Self::LastTraded => "last_traded",
        }
    }
}

/// One price of one outcome at one book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OddsQuote {
    /// The vendor's key of the book, `draftkings`, `betfair_ex`.
    pub book: String,
    /// `h2h`, `spreads`, `totals`, `outrights`, or the vendor's word for anything else.
    pub market: String,
    /// Team name, `Over`, `Draw`, a runner: the vendor's word.
    pub outcome: String,
    /// Handicap or total, 10^-2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub point_e2: Option<i64>,
    /// Decimal odds, 10^-6.
    pub price_e6: i64,
    #[serde(default)]
    pub side: Side,
    /// Money available at this price on an exchange, 10^-2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_e2: Option<i64>,
}

impl OddsQuote {
    /// Decimal odds.
    pub fn price(&self) -> Scaled<6> {
        Scaled(self.price_e6)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarketStatus {
    pub market: String,
    /// `open`, `suspended`, `closed`, `inactive`: the vendor's word in lower case.
    pub status: String,
    pub is_in_play: bool,
    /// Scheduled start, UTC ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market_time_ms: Option<i64>,
    /// Outcome id and the vendor's name or status of each runner, in vendor order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outcomes: Vec<(String, String)>,
}

/// Money matched on one outcome at one price since the market opened: a level, not a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TradedVolume {
    pub market: String,
    pub outcome: String,
    /// Decimal odds, 10^-6.
    pub price_e6: i64,
    /// Matched at this price so far, 10^-2.
    pub size_e2: i64,
}

/// One trade print.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trade {
    /// Price, 10^-8.
    pub price_e8: i64,
    /// Shares or coins, 10^-8.
    pub volume_e8: i64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<String>,
    /// False where a sale condition keeps the print out of VWAP and of the price registers.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub is_vwap_eligible: bool,
}

/// A producer's word on one lane: everything it will ever say before `watermark_ms` is in the stream.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Heartbeat {
    pub lane: u16,
    /// Event time that this producer has passed on this lane, UTC ms.
    pub watermark_ms: i64,
    /// What the producer published on this lane, of all its sessions: the live proof; absent from producers that stamp none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<BeatClaim>,
}

/// Which frames of its lane a heartbeat vouches for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeatClaim {
    pub producer: u64,
    /// The frames' beat: heartbeats of this producer and lane before this one.
    pub beat: u32,
    pub frame_count: u32,
    /// Events in these frames, and the wrapping sum of their ids.
    pub event_count: u64,
    pub id_sum: u64,
}

/// A vendor type that no kind of ours names yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Other {
    /// The vendor's word.
    pub vendor_kind: String,
    /// The vendor's object, as sent.
    pub content: serde_json::Value,
}

macro_rules! payloads {
    ($($kind:ident),+ $(,)?) => {
        /// The payload of an event; its variant is the event's kind.
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(untagged)]
        pub enum Payload { $($kind($kind)),+ }

        impl Payload {
            /// The kind this payload belongs to.
            pub fn kind(&self) -> Kind {
                match self { $(Payload::$kind(_) => Kind::$kind),+ }
            }
        }

        /// Reads the payload of a kind known beforehand, without buffering.
        pub(crate) struct PayloadOf(pub(crate) Kind);

        impl<'de> serde::de::DeserializeSeed<'de> for PayloadOf {
            type Value = Payload;
            fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Payload, D::Error> {
                match self.0 { $(Kind::$kind => $kind::deserialize(deserializer).map(Payload::$kind)),+ }
            }
        }

        $(impl From<$kind> for Payload {
            fn from(payload: $kind) -> Self { Payload::$kind(payload) }
        })+
    };
}

payloads! {
    Fixture, ScoreUpdate, PeriodChange, Goal, Card, Substitution, Play, OddsQuote, MarketStatus, TradedVolume, Trade,
    WeatherObservation, Article, Heartbeat, Other, Lineup, Pass, Shot, Tackle, Carry, Pressure, Foul, TrackingFrame,
    WearableSample, RosterChange, TeamProfile, League, Venue,
}

fn yes() -> bool {
    true
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if passes a reference")]
fn is_true(value: &bool) -> bool {
    *value
}
