//! One file a vendor: which addresses it has, and what it answers of a request at an instant.

pub mod espn;
pub mod news;
pub mod openweather;
pub mod sportmonks;
pub mod sportradar;
pub mod the_odds_api;

use crate::answer::{Answer, Asked};
use crate::budget::Budgets;
use crate::clock::Clock;
use crate::recordings::{Bundled, RecordingError};

/// The bytes of a fixture of the parsers: a real payload, one a situation.
macro_rules! fixture {
    ($path:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../feed/fixtures/", $path))
    };
}
pub(crate) use fixture;

/// An address that is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Endpoint {
    pub vendor: &'static str,
    /// Below the vendor's base, `{...}` for what varies.
    pub path: &'static str,
    /// Where its answers come from.
    pub plays: &'static str,
}

/// What every vendor has in common while it answers.
pub struct World<'a> {
    pub budgets: &'a Budgets,
    /// Requests or credits that The Odds API's month holds.
    pub credits: u64,
}

/// Every vendor that answers over HTTP.
pub struct Vendors {
    espn: espn::Espn,
    news: news::News,
    openweather: openweather::OpenWeather,
    sportmonks: sportmonks::SportMonks,
    sportradar: sportradar::Sportradar,
    the_odds_api: the_odds_api::TheOddsApi,
}

impl Vendors {
    /// Vendors that play these recordings.
    pub fn new(recordings: &[Bundled], clock: &Clock) -> Result<Self, RecordingError> {
        let from_ms = clock.from_ms();
        Ok(Self {
            espn: espn::Espn::new(recordings)?,
            news: news::News::new(from_ms)?,
            openweather: openweather::OpenWeather,
            sportmonks: sportmonks::SportMonks::new(from_ms),
            sportradar: sportradar::Sportradar::new(from_ms),
            the_odds_api: the_odds_api::TheOddsApi::new(recordings)?,
        })
    }

    /// A vendor's answer; `None` where there is no such vendor.
    pub fn answer(&self, vendor: &str, world: &World<'_>, asked: &Asked<'_>) -> Option<Answer> {
        Some(match vendor {
            "espn" => self.espn.answer(asked),
            "newsapi" => self.news.newsapi(world, asked),
            "gnews" => self.news.gnews(world, asked),
            "openweather" => self.openweather.answer(world, asked),
            "sportmonks" => self.sportmonks.answer(world, asked),
            "sportradar" => self.sportradar.answer(world, asked),
            "the-odds-api" => self.the_odds_api.answer(world, asked),
            _ => return None,
        })
    }
}

/// What a vendor says to too many requests, before the server adds `Retry-After`.
pub fn too_many(vendor: &str) -> Answer {
    match vendor {
        "newsapi" => news::newsapi_error(429, "rateLimited", "You have made too many requests recently."),
        "gnews" => news::gnews_error(429, "You have made too many requests recently."),
        "openweather" => openweather::too_many(),
        "sportmonks" => sportmonks::too_many(),
        "sportradar" => sportradar::too_many(),
        "the-odds-api" => the_odds_api::too_many(),
        _ => Answer::json(429, &serde_json::json!({"code": 429, "message": "Too many requests"})),
    }
}

/// Every address served over HTTP.
pub fn endpoints() -> Vec<Endpoint> {
    [
        espn::ENDPOINTS,
        the_odds_api::ENDPOINTS,
        openweather::ENDPOINTS,
        news::ENDPOINTS,
        sportmonks::ENDPOINTS,
        sportradar::ENDPOINTS,
    ]
    .concat()
}
