//! The vocabulary of Touchline: what happened, to whom, when, and the bytes in which it travels.
//! EVT-1: `event_id` depends on vendor bytes only, never on when or how often they were fetched.
//! EVT-2: decode(encode(x)) = x for every event and frame.
//! Knows no vendor, no metric and no transport; reads no clock.

mod changes;
mod envelope;
mod frame;
mod id;
mod kind;
mod number;
mod payload;
mod position;
mod stamp;
mod time;

pub use changes::Changes;
pub use envelope::{Event, EventDraft};
pub use frame::{Frame, FrameError, MAX_EVENT_BYTES, MAX_FRAME_BYTES, MAX_FRAME_EVENTS, decode_frame, encode_frame};
pub use id::{DEFAULT_LANES, EventId, Lane, stable_hash};
pub use kind::Kind;
pub use number::{NumberError, Scaled, decimal_string};
pub use payload::{
    Article, BeatClaim, BodyPart, Card, Carry, Fixture, Foul, FramePlayer, GameStatus, Goal, Heartbeat, League, Lineup,
    LineupPlayer, Location, MarketStatus, OddsQuote, Other, Pass, PassHeight, PassOutcome, Payload, PeriodChange, Play,
    Pressure, RosterChange, ScoreUpdate, Shot, ShotOutcome, Side, Situation, Squad, Substitution, Tackle, Team,
    TeamProfile, TrackedBall, TrackedPlayer, TrackingFrame, Trade, TradedVolume, Venue, WearableSample,
    WeatherObservation,
};
pub use position::{Position, Sequence, ShardId};
pub use stamp::FrameStamp;
pub use time::{format_utc_ms, parse_utc_ms};
