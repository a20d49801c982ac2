//! The vendors that are polled: where they are, where they want their key, what they charge and how they say so.
//! VND-1: a fact about a vendor's HTTP stands here alone; docs/vendors has a page on each.

use serde::Deserialize;
use touchline_feed::Source;
use touchline_runtime::{Answer, KeyPlace};
use touchline_store::{CreditPeriod, VendorCredits};

/// A vendor over HTTP.
#[derive(Debug, PartialEq, Eq)]
pub struct Vendor {
    pub source: Source,
    /// Base address; its host is the only one that is asked.
    pub base: &'static str,
    pub host: &'static str,
    pub key: Option<KeyPlace>,
    /// What its free or trial plan allows; the configuration may say otherwise.
    pub credits: Option<(u64, CreditPeriod)>,
    pub requests_per_minute: u32,
    /// How far a fact's own time is usually behind its poll, ms: heartbeats stay behind by as much. Later ones make corrections.
    pub lag_ms: i64,
}

const MINUTE_MS: i64 = 60_000;

/// Every vendor that is polled.
pub const VENDORS: [Vendor; 7] = [
    Vendor {
        source: Source::Espn,
        base: "https://site.api.espn.com",
        host: "site.api.espn.com",
        key: None,
        credits: None,
        requests_per_minute: 60,
        // Plays appear up to two minutes after their wall clock.
        lag_ms: 2 * MINUTE_MS,
    },
    Vendor {
        source: Source::TheOddsApi,
        base: "https://api.the-odds-api.com",
        host: "api.the-odds-api.com",
        key: Some(KeyPlace::Query("apiKey")),
        credits: Some((500, CreditPeriod::Month)),
        requests_per_minute: 60,
        // Books are looked at every minute or so while games are on, every five before.
        lag_ms: 5 * MINUTE_MS,
    },
    Vendor {
        source: Source::OpenWeather,
        base: "https://api.openweathermap.org",
        host: "api.openweathermap.org",
        key: Some(KeyPlace::Query("appid")),
        credits: Some((1000, CreditPeriod::Day)),
        requests_per_minute: 60,
        // Stations report every ten minutes.
        lag_ms: 15 * MINUTE_MS,
    },
    Vendor {
        source: Source::NewsApi,
        base: "https://newsapi.org",
        host: "newsapi.org",
        key: Some(KeyPlace::Header("x-api-key")),
        credits: Some((100, CreditPeriod::Day)),
        requests_per_minute: 30,
        lag_ms: 15 * MINUTE_MS,
    },
    Vendor {
        source: Source::GNews,
        base: "https://gnews.io",
        host: "gnews.io",
        key: Some(KeyPlace::Query("apikey")),
        credits: Some((100, CreditPeriod::Day)),
        requests_per_minute: 30,
        lag_ms: 15 * MINUTE_MS,
    },
    Vendor {
        source: Source::SportMonks,
        base: "https://api.sportmonks.com",
        host: "api.sportmonks.com",
        key: Some(KeyPlace::Query("api_token")),
        credits: Some((3000, CreditPeriod::Hour)),
        requests_per_minute: 120,
        lag_ms: MINUTE_MS,
    },
    Vendor {
        source: Source::Sportradar,
        base: "https://api.sportradar.com",
        host: "api.sportradar.com",
        key: Some(KeyPlace::Query("api_key")),
        credits: Some((1000, CreditPeriod::Month)),
        // Trial keys: one a second, with a little air.
        requests_per_minute: 50,
        lag_ms: MINUTE_MS,
    },
];

impl Vendor {
    /// By its name in events and configuration.
    pub fn named(name: &str) -> Option<&'static Vendor> {
        VENDORS.iter().find(|vendor| vendor.source.as_str() == name)
    }

    /// The names, for messages.
    pub fn names() -> String {
        VENDORS.map(|vendor| vendor.source.as_str()).join(", ")
    }

    /// Credits that a poll of a page costs, by the vendor's price list.
    pub fn cost(&self, page: &str) -> u64 {
        match self.source {
            Source::Espn => 0,
            Source::TheOddsApi => odds_cost(page),
            _ => 1,
        }
    }

    /// What an answer says about the account.
    pub fn told(&self, answer: &Answer) -> VendorCredits {
        let number =
            |name: &str| answer.header(name).and_then(|value| value.trim().parse::<f64>().ok()).map(|n| n as u64);
        match self.source {
            Source::TheOddsApi => VendorCredits {
                used: number("x-requests-used"),
                remaining: number("x-requests-remaining"),
                last: number("x-requests-last"),
            },
            Source::Sportradar => {
                let (allotted, used) = (number("x-plan-quota-allotted"), number("x-plan-quota-current"));
                let remaining = allotted.zip(used).map(|(allotted, used)| allotted.saturating_sub(used));
                VendorCredits { used, remaining, last: None }
            }
            Source::SportMonks => {
                VendorCredits { remaining: sportmonks_remaining(&answer.body), ..VendorCredits::default() }
            }
            // Counted by us: these say nothing.
            _ => VendorCredits::default(),
        }
    }

    /// The pages of a league; `None` for a vendor that has no such short way.
    pub fn league_pages(&self, league: &str) -> Option<Vec<String>> {
        let league = league.trim_matches('/');
        match self.source {
            Source::Espn => {
                let base = format!("/apis/site/v2/sports/{league}");
                Some(vec![format!("{base}/scoreboard"), format!("{base}/summary?event={GAME}")])
            }
            Source::TheOddsApi => {
                Some(vec![format!("/v4/sports/{league}/odds?regions=us&markets=h2h,spreads,totals&oddsFormat=decimal")])
            }
            _ => None,
        }
    }
}

/// Stands in a page's path for the id of each game that is on.
pub const GAME: &str = "{game}";

/// What `--sport` of the command line means: ESPN's league.
pub const SPORTS: [(&str, &str); 11] = [
    ("nfl", "football/nfl"),
    ("college-football", "football/college-football"),
    ("nba", "basketball/nba"),
    ("wnba", "basketball/wnba"),
    ("college-basketball", "basketball/mens-college-basketball"),
    ("nhl", "hockey/nhl"),
    ("mlb", "baseball/mlb"),
    ("premier-league", "soccer/eng.1"),
    ("champions-league", "soccer/uefa.champions"),
    ("mls", "soccer/usa.1"),
    ("world-cup", "soccer/fifa.world"),
];

/// Markets times regions; ten bookmakers are a region; history is ten times as dear; lists of sports and events are free.
fn odds_cost(page: &str) -> u64 {
    let (path, query) = page.split_once('?').unwrap_or((page, ""));
    let parameter = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let count =
        |name: &str| parameter(name).map_or(0, |list| list.split(',').filter(|one| !one.is_empty()).count() as u64);
    let factor = if path.contains("/historical/") { 10 } else { 1 };
    match path.rsplit('/').next() {
        Some("odds") => {
            let regions = match count("bookmakers") {
                0 => count("regions").max(1),
                books => books.div_ceil(10),
            };
            factor * regions * count("markets").max(1)
        }
        Some("scores") => factor * (1 + u64::from(parameter("daysFrom").is_some())),
        Some("events") if factor > 1 => 1,
        _ => 0,
    }
}

/// `rate_limit` stands beside `data` in the body.
fn sportmonks_remaining(body: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Envelope {
        rate_limit: RateLimit,
    }
    #[derive(Deserialize)]
    struct RateLimit {
        remaining: u64,
    }
    serde_json::from_slice::<Envelope>(body).ok().map(|envelope| envelope.rate_limit.remaining)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_page_of_the_odds_api_costs_is_what_its_price_list_says() {
        let vendor = Vendor::named("the-odds-api").unwrap();
        for (page, cost) in [
            ("/v4/sports", 0),
            ("/v4/sports/americanfootball_nfl/events", 0),
            ("/v4/sports/americanfootball_nfl/odds?regions=us&markets=h2h,spreads,totals", 3),
            ("/v4/sports/americanfootball_nfl/odds?regions=us,uk&markets=h2h", 2),
            ("/v4/sports/americanfootball_nfl/odds?regions=us,uk&bookmakers=a,b,c,d,e,f,g,h,i,j,k&markets=h2h", 2),
            ("/v4/sports/americanfootball_nfl/odds?regions=us", 1),
            ("/v4/sports/x/events/1/odds?regions=us&markets=h2h", 1),
            ("/v4/sports/x/scores", 1),
            ("/v4/sports/x/scores?daysFrom=2", 2),
            ("/v4/historical/sports/x/odds?regions=us&markets=h2h,totals&date=2026-01-01T00:00:00Z", 20),
        ] {
            assert_eq!(vendor.cost(page), cost, "{page}");
        }
        assert_eq!(Vendor::named("espn").unwrap().cost("/x"), 0);
    }

    #[test]
    fn every_vendors_own_words_on_its_account_are_read() {
        let told = |vendor: &str, headers: &[(&str, &str)], body: &str| {
            let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            Vendor::named(vendor).unwrap().told(&Answer { status: 200, headers, body: body.as_bytes().to_vec() })
        };
        let odds = [("x-requests-used", "17"), ("x-requests-remaining", "483.0"), ("x-requests-last", "3")];
        assert_eq!(
            told("the-odds-api", &odds, "[]"),
            VendorCredits { used: Some(17), remaining: Some(483), last: Some(3) }
        );
        let quota = [("x-plan-quota-allotted", "1000"), ("x-plan-quota-current", "20")];
        assert_eq!(told("sportradar", &quota, "{}").remaining, Some(980));
        let body = r#"{"data":[],"rate_limit":{"resets_in_seconds":3,"remaining":2999,"requested_entity":"Fixture"}}"#;
        assert_eq!(told("sportmonks", &[], body).remaining, Some(2999));
        assert_eq!(told("newsapi", &odds, "{}"), VendorCredits::default());
    }

    #[test]
    fn a_base_address_is_that_of_its_host() {
        for vendor in &VENDORS {
            assert_eq!(vendor.base, format!("https://{}", vendor.host));
            assert_eq!(Vendor::named(vendor.source.as_str()), Some(vendor));
        }
    }
}
