//! NewsAPI and GNews: articles that appear as their time comes.
//! NEWS-1: an answer lists the articles published by then, newest first; a page repeats none of the page before.
//! See docs/vendors/newsapi.md and gnews.md. Whatever is searched for is found: headlines of fixtures are placeholders.

use serde_json::{Value, json};
use touchline_event::parse_utc_ms;

use super::{Endpoint, World, fixture};
use crate::answer::{Answer, Asked, WRONG_KEY};
use crate::budget::{Allowance, Spent};
use crate::moved::{UnixTimes, moved};
use crate::recordings::RecordingError;

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        vendor: "newsapi",
        path: "/v2/everything",
        plays: "two articles, one of them twenty minutes after the start",
    },
    Endpoint { vendor: "newsapi", path: "/v2/top-headlines", plays: "two articles" },
    Endpoint { vendor: "newsapi", path: "/v2/top-headlines/sources", plays: "one fixture" },
    Endpoint { vendor: "gnews", path: "/api/v4/search", plays: "one article with its language" },
    Endpoint { vendor: "gnews", path: "/api/v4/top-headlines", plays: "two articles" },
];

const NEWSAPI_A_DAY: Allowance = Allowance { name: "newsapi: day", limit: 100, window_ms: 86_400_000 };
const GNEWS_A_DAY: Allowance = Allowance { name: "gnews: day", limit: 100, window_ms: 86_400_000 };
const GNEWS_A_SECOND: Allowance = Allowance { name: "gnews: second", limit: 1, window_ms: 1_000 };
/// When the newest article of a fixture appears, after the simulation began.
const NEWEST_AFTER_MS: i64 = 20 * 60_000;
const SOURCES: &[u8] = fixture!("newsapi/sources.json");
const NEWSAPI_PAGE: usize = 100;
const GNEWS_PAGE: usize = 10;

/// What is played, with the newest article at its place on the match day's clock.
pub struct News {
    everything: Value,
    headlines: Value,
    gnews_search: Value,
    gnews_headlines: Value,
}

impl News {
    pub(super) fn new(from_ms: i64) -> Result<Self, RecordingError> {
        let newest_ms = from_ms + NEWEST_AFTER_MS;
        Ok(Self {
            everything: placed(fixture!("newsapi/everything_two_articles.json"), newest_ms)?,
            headlines: placed(fixture!("newsapi/top_headlines_with_nulls.json"), newest_ms)?,
            gnews_search: placed(fixture!("gnews/search_with_language.json"), newest_ms)?,
            gnews_headlines: placed(fixture!("gnews/top_headlines.json"), newest_ms)?,
        })
    }

    pub(super) fn newsapi(&self, world: &World<'_>, asked: &Asked<'_>) -> Answer {
        let bearer = asked.header("authorization").map(|text| text.trim_start_matches("Bearer ").trim());
        let key = asked.header("x-api-key").or(bearer).or_else(|| asked.get("apiKey"));
        let Some(key) = key else {
            let message = "Your API key is missing. Append this to the URL with the apiKey param, or use the x-api-key HTTP header.";
            return newsapi_error(401, "apiKeyMissing", message);
        };
        if key == WRONG_KEY {
            return newsapi_error(401, "apiKeyInvalid", "Your API key is invalid or incorrect.");
        }
        if let Spent::Refused { resets_in_s, .. } = world.budgets.spend(NEWSAPI_A_DAY, key, 1, asked.moment.elapsed_ms)
        {
            let message = "You have made too many requests recently. Developer accounts are limited to 100 requests over a 24 hour period.";
            return newsapi_error(429, "rateLimited", message).with("retry-after", resets_in_s);
        }
        let page_size = number(asked, "pageSize").unwrap_or(NEWSAPI_PAGE);
        if !(1..=NEWSAPI_PAGE).contains(&page_size) {
            return newsapi_error(400, "parameterInvalid", "pageSize is from 1 to 100.");
        }
        let has_scope = |names: &[&str]| names.iter().any(|name| asked.get(name).is_some());
        let missing =
            |what: &str| newsapi_error(400, "parametersMissing", &format!("Required parameters are missing: {what}."));
        match asked.path.trim_end_matches('/') {
            "/v2/everything" if !has_scope(&["q", "sources", "domains", "qInTitle"]) => {
                missing("q, qInTitle, sources, domains")
            }
            "/v2/everything" => listed(&self.everything, "totalResults", page_size, asked),
            "/v2/top-headlines" if !has_scope(&["q", "sources", "country", "category", "language"]) => {
                missing("sources, q, language, country, category")
            }
            "/v2/top-headlines" => listed(&self.headlines, "totalResults", page_size, asked),
            "/v2/top-headlines/sources" => Answer::bytes(200, SOURCES.to_vec()),
            _ => newsapi_error(404, "unexpectedError", "The endpoint does not exist."),
        }
    }

    pub(super) fn gnews(&self, world: &World<'_>, asked: &Asked<'_>) -> Answer {
        let Some(key) = asked.header("x-api-key").or_else(|| asked.get("apikey")) else {
            return gnews_error(401, "You did not provide an API key.");
        };
        if key == WRONG_KEY {
            return gnews_error(401, "Your API key is invalid.");
        }
        let spend = |allowance| world.budgets.spend(allowance, key, 1, asked.moment.elapsed_ms);
        if let Spent::Refused { resets_in_s, .. } = spend(GNEWS_A_SECOND) {
            return gnews_error(429, "You have made too many requests in a short time.")
                .with("retry-after", resets_in_s);
        }
        if let Spent::Refused { .. } = spend(GNEWS_A_DAY) {
            return gnews_error(403, "You have reached your request limit for today.");
        }
        let page_size = number(asked, "max").unwrap_or(GNEWS_PAGE).min(GNEWS_PAGE);
        match asked.path.trim_end_matches('/') {
            "/api/v4/search" if asked.get("q").is_none() => {
                Answer::json(400, &json!({"errors": {"q": "The query is missing or empty."}}))
            }
            "/api/v4/search" => listed(&self.gnews_search, "totalArticles", page_size, asked),
            "/api/v4/top-headlines" => listed(&self.gnews_headlines, "totalArticles", page_size, asked),
            _ => gnews_error(404, "The endpoint does not exist."),
        }
    }
}

/// A fixture with its newest article at `newest_ms`.
fn placed(bytes: &[u8], newest_ms: i64) -> Result<Value, RecordingError> {
    let articles: Value = serde_json::from_slice(bytes)?;
    let times = articles["articles"].as_array().into_iter().flatten().filter_map(published_ms);
    let by_ms = times.max().map_or(0, |recorded_ms| newest_ms - recorded_ms);
    Ok(serde_json::from_slice(&moved(bytes, by_ms, UnixTimes::NONE))?)
}

fn published_ms(article: &Value) -> Option<i64> {
    parse_utc_ms(article["publishedAt"].as_str()?)
}

fn number(asked: &Asked<'_>, name: &str) -> Option<usize> {
    asked.get(name)?.parse().ok()
}

fn listed(placed: &Value, total: &str, page_size: usize, asked: &Asked<'_>) -> Answer {
    let mut told = placed.clone();
    let page = number(asked, "page").unwrap_or(1).max(1);
    let mut newest_ms = None;
    let mut count = 0;
    if let Some(articles) = told["articles"].as_array_mut() {
        articles.retain(|article| published_ms(article).is_none_or(|at_ms| at_ms <= asked.moment.now_ms));
        count = articles.len();
        newest_ms = articles.iter().filter_map(published_ms).max();
        *articles = articles.iter().skip((page - 1).saturating_mul(page_size)).take(page_size).cloned().collect();
    }
    told[total] = json!(count);
    let bytes = serde_json::to_vec(&told).unwrap_or_default();
    let offset_ms = asked.moment.offset_ms;
    let answer = Answer::bytes(200, moved(&bytes, offset_ms, UnixTimes::NONE));
    Answer { modified_at_ms: newest_ms.map(|at_ms| at_ms + offset_ms), ..answer }
}

/// NewsAPI's shape of an error.
pub(super) fn newsapi_error(status: u16, code: &str, message: &str) -> Answer {
    Answer::json(status, &json!({"status": "error", "code": code, "message": message}))
}

/// GNews' shape of an error.
pub(super) fn gnews_error(status: u16, message: &str) -> Answer {
    Answer::json(status, &json!({"errors": [message]}))
}
