//! Vendor payloads in, canonical events out: one folder per vendor, every parse a pure function of bytes and session.
//! FEED-1: every record of a payload ends as events or as a reject with its raw bytes; nothing is dropped.
//! FEED-2: one bad record never spoils its neighbours.
//! FEED-3: the same session seen twice gives the same ids; identical facts inside one session stay apart.
//! Fetches nothing, reads no clock; unknown vendor types become `other` events.

mod reader;
mod session;
mod source;

mod article;
pub mod betfair;
pub mod espn;
pub mod finnhub;
pub mod football_data;
pub mod gnews;
mod json;
mod messages;
pub mod metrica;
pub mod newsapi;
pub mod nfl_ngs;
pub mod nflverse;
mod odds;
pub mod openweather;
mod origin;
mod pitch;
mod raw;
mod rows;
mod run;
pub mod skillcorner;
pub mod sportmonks;
pub mod sportradar;
pub mod statsbomb;
mod text;
pub mod the_odds_api;
pub mod tracab;
pub mod wearable;
mod xml;
mod zones;

pub use reader::SessionReader;
pub use session::Session;
pub use source::Source;

use touchline_event::Event;

/// One vendor payload as it was received: an HTTP body, a WebSocket message, a file or a block of its lines.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    pub bytes: &'a [u8],
    /// When the bytes reached us, UTC ms. Event time where the vendor gives none. `None` for a file without a
    /// receive time: then the vendor's own times stand in, so that nothing depends on when a file is read.
    pub received_at_ms: Option<i64>,
    /// What the payload is about where the bytes do not say: the request path, the file name.
    pub origin: &'a str,
}

/// What became of a payload.
#[derive(Debug, Default, PartialEq)]
pub struct Parsed {
    pub events: Vec<Event>,
    pub rejects: Vec<Reject>,
}

/// A record that could not be taken, with everything needed to see why and to try again.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Reject {
    pub reason: RejectReason,
    /// JSON pointer (RFC 6901) to the offending field, from the payload's root; for line formats `/<line from 0>/...`.
    pub pointer: String,
    /// What is wrong and what was expected, in words.
    pub message: String,
    /// The smallest enclosing record, as sent.
    #[serde(serialize_with = "json::lossy_text")]
    pub raw: Vec<u8>,
}

/// Why a record was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectReason {
    Empty,
    BadUtf8,
    NotJson,
    Truncated,
    TooLarge,
    TooDeep,
    DuplicateKey,
    WrongVendor,
    MissingField,
    BadField,
    OutOfRange,
    /// Event time further in the future than any clock skew explains.
    FutureTime,
    /// The vendor itself answered with an error message.
    VendorError,
}

impl RejectReason {
    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::BadUtf8 => "bad_utf8",
            Self::NotJson => "not_json",
            Self::Truncated => "truncated",
            Self::TooLarge => "too_large",
            Self::TooDeep => "too_deep",
            Self::DuplicateKey => "duplicate_key",
            Self::WrongVendor => "wrong_vendor",
            Self::MissingField => "missing_field",
            Self::BadField => "bad_field",
            Self::OutOfRange => "out_of_range",
            Self::FutureTime => "future_time",
            Self::VendorError => "vendor_error",
        }
    }
}

/// A payload is refused beyond this size before anything is parsed.
pub const MAX_DOCUMENT_BYTES: usize = 256 * 1024 * 1024;
/// Event times further ahead of the receive time than this are rejected.
pub const MAX_FUTURE_MS: i64 = 24 * 3600 * 1000;

/// Turns one payload into events. `session` carries what a vendor connection or file implies from payload to
/// payload: counts of identical facts, order books.
pub fn parse(source: Source, document: Document<'_>, session: &mut Session) -> Parsed {
    let refused = json::refuse_early(document.bytes, takes_markup(source));
    if let Some(reject) = refused {
        return Parsed { events: Vec::new(), rejects: vec![reject] };
    }
    match source {
        Source::Finnhub => finnhub::parse(document, session),
        Source::Espn => espn::parse(document, session),
        Source::TheOddsApi => the_odds_api::parse(document, session),
        Source::Betfair => betfair::parse(document, session),
        Source::NewsApi => newsapi::parse(document, session),
        Source::GNews => gnews::parse(document, session),
        Source::OpenWeather => openweather::parse(document, session),
        Source::SportMonks => sportmonks::parse(document, session),
        Source::Sportradar => sportradar::parse(document, session),
        Source::StatsBomb => statsbomb::parse(document, session),
        Source::Nflverse => nflverse::parse(document, session),
        Source::FootballData => football_data::parse(document, session),
        Source::NflNgs => nfl_ngs::parse(document, session),
        Source::Wearable => wearable::parse(document, session),
        Source::Metrica => metrica::parse(document, session),
        Source::SkillCorner => skillcorner::parse(document, session),
        Source::Tracab => tracab::parse(document, session),
    }
}

/// Sources that send XML besides, or instead of, JSON and tables.
fn takes_markup(source: Source) -> bool {
    matches!(source, Source::Wearable | Source::Metrica | Source::Tracab | Source::Sportradar)
}
