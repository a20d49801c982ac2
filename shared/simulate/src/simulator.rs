//! The simulator: recordings, clock, faults and counters together, and the answer to a request.
//! SIM-1: one seed, one course of the clock and the same requests give the same answers, byte for byte.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::HeaderMap;
use serde_json::{Value, json};
use tokio::sync::watch;
use touchline_event::format_utc_ms;

use crate::answer::{Answer, Asked, HTML, WRONG_KEY};
use crate::budget::Budgets;
use crate::clock::{Clock, Moment};
use crate::counters::Counters;
use crate::faults::{Fault, FaultPlan, Strike};
use crate::recordings::RecordingError;
use crate::streams::finnhub::{self, Doors, Listener, Listeners, Place, Tape};
use crate::vendors::{Vendors, World, too_many};

/// Paths whose last answer and count are kept.
const PATHS_MAX: usize = 4_096;
/// The longest a slow answer takes.
const SLOW_MS_MAX: u64 = 3_000;
const SLOW_MS_MIN: u64 = 200;
/// How wrong a vendor's clock may be, minutes.
const SKEW_MINUTES_MAX: u64 = 5;
/// What a vendor under load asks to wait, seconds.
const RETRY_AFTER_S_MAX: u64 = 3;

/// How a simulator behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    pub faults: FaultPlan,
    /// Credits of The Odds API a key has in a month; 500 is its free plan.
    pub odds_credits: u64,
    /// Stream connections a key may hold at a time; Finnhub allows one.
    pub connections_per_key: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { faults: FaultPlan::default(), odds_credits: 500, connections_per_key: 1 }
    }
}

/// Vendors played on one clock.
pub struct Simulator {
    pub clock: Clock,
    pub settings: Settings,
    pub counters: Counters,
    pub(crate) tape: Tape,
    pub(crate) doors: Arc<Doors>,
    pub(crate) listeners: Listeners,
    /// Raised to break every stream connection there is.
    pub(crate) breaks: watch::Sender<u64>,
    vendors: Vendors,
    budgets: Budgets,
    /// By vendor, path and query: how often it was asked, and what was said last.
    asked: Mutex<HashMap<String, (u64, Option<Answer>)>>,
}

/// One request as it came over the wire.
pub struct Request<'a> {
    pub vendor: &'a str,
    pub path: &'a str,
    pub query: &'a [(String, String)],
    pub headers: &'a HeaderMap,
}

/// An answer, and how it is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub answer: Answer,
    pub moment: Moment,
    pub delay: Duration,
    /// Whether the connection breaks in the middle of a body whose length was promised.
    pub is_cut: bool,
}

impl Simulator {
    /// A simulator of the bundled recordings.
    pub fn new(clock: Clock, settings: Settings) -> Result<Self, RecordingError> {
        let recordings = crate::recordings::bundled()?;
        let vendors = Vendors::new(&recordings, &clock)?;
        Ok(Self {
            clock,
            settings,
            counters: Counters::default(),
            tape: Tape::new(&recordings)?,
            doors: Arc::default(),
            listeners: Listeners::default(),
            breaks: watch::Sender::new(0),
            vendors,
            budgets: Budgets::default(),
            asked: Mutex::default(),
        })
    }

    /// What is answered; `None` where there is no such vendor.
    pub fn reply(&self, request: &Request<'_>) -> Option<Reply> {
        let moment = self.clock.moment();
        let address = address_of(request);
        let number = self.count(&address);
        let strike = self.settings.faults.strike(request.vendor, &address, number, moment.elapsed_ms);
        let (moment, answer) = match strike {
            Some(strike) if !reaches_vendor(strike.fault) => (moment, instead(request.vendor, strike)),
            strike => {
                let moment = skewed(moment, strike);
                let cached = self.last_answer(&address).filter(|_| is(strike, Fault::Duplicate));
                let answer = match cached {
                    Some(cached) => cached,
                    None => self.vendors.answer(request.vendor, &self.world(), &asked(request, moment))?,
                };
                (moment, answer)
            }
        };
        self.counters.request(request.vendor);
        if let Some(strike) = strike {
            self.counters.fault(request.vendor, strike.fault, &address, number);
        }
        self.counters.answer(request.vendor, answer.status);
        if strike.is_none() {
            self.keep(&address, &answer);
        }
        Some(sent(answer, moment, strike))
    }

    /// A place for a Finnhub connection with this token, or the refusal.
    pub(crate) fn enter(&self, token: Option<&str>) -> Result<Place, Answer> {
        let refusal = |status, text: &str| Answer::bytes(status, text.as_bytes().to_vec());
        let Some(token) = token.filter(|token| !token.is_empty() && *token != WRONG_KEY) else {
            return Err(refusal(401, "Invalid API key"));
        };
        let elapsed_ms = self.clock.moment().elapsed_ms;
        let number = self.counters.request(finnhub::VENDOR);
        if let Some(strike) = self.settings.faults.strike(finnhub::VENDOR, "connect", number, elapsed_ms)
            && !reaches_vendor(strike.fault)
        {
            self.counters.fault(finnhub::VENDOR, strike.fault, "connect", number);
            return Err(instead(finnhub::VENDOR, strike));
        }
        self.doors.enter(token, self.settings.connections_per_key).ok_or_else(|| refusal(429, "Too many connections"))
    }

    /// Breaks every stream connection that is open.
    pub fn disconnect_all(&self) {
        self.breaks.send_modify(|count| *count += 1);
    }

    /// Finnhub connections that are open now.
    pub fn listeners(&self) -> Vec<Listener> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).values().copied().collect()
    }

    /// The status page: clock, seed, counts.
    pub fn status(&self) -> Value {
        let moment = self.clock.moment();
        json!({
            "now": format_utc_ms(moment.told_ms()),
            "match_day_now": format_utc_ms(moment.now_ms),
            "speed": self.clock.speed(),
            "elapsed_ms": moment.elapsed_ms,
            "open_connections": self.listeners().len(),
            "seed": self.settings.faults.seed(),
            "counts": self.counters.read(),
        })
    }

    fn world(&self) -> World<'_> {
        World { budgets: &self.budgets, credits: self.settings.odds_credits }
    }

    fn count(&self, address: &str) -> u64 {
        let mut paths = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if paths.len() >= PATHS_MAX {
            paths.clear();
        }
        let entry = paths.entry(address.to_owned()).or_default();
        entry.0 += 1;
        entry.0 - 1
    }

    fn last_answer(&self, address: &str) -> Option<Answer> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).get(address)?.1.clone()
    }

    fn keep(&self, address: &str, answer: &Answer) {
        if let Some(entry) = self.asked.lock().unwrap_or_else(PoisonError::into_inner).get_mut(address) {
            entry.1 = Some(answer.clone());
        }
    }
}

fn asked<'a>(request: &Request<'a>, moment: Moment) -> Asked<'a> {
    Asked { path: request.path, query: request.query, headers: request.headers, moment }
}

/// Vendor, path and query without the key: what a request is about, and what may stand in a log.
fn address_of(request: &Request<'_>) -> String {
    const KEYS: [&str; 6] = ["apiKey", "apikey", "appid", "api_token", "api_key", "token"];
    let told = request.query.iter().filter(|(name, _)| !KEYS.contains(&name.as_str()));
    let query: Vec<String> = told.map(|(name, value)| format!("{name}={value}")).collect();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("/{}{}{mark}{}", request.vendor, request.path, query.join("&"))
}

fn is(strike: Option<Strike>, fault: Fault) -> bool {
    strike.is_some_and(|strike| strike.fault == fault)
}

/// Whether the vendor itself still answers.
fn reaches_vendor(fault: Fault) -> bool {
    !matches!(fault, Fault::Outage | Fault::Html | Fault::TooMany)
}

/// What comes in place of the vendor's answer.
fn instead(vendor: &str, strike: Strike) -> Answer {
    match strike.fault {
        Fault::TooMany => too_many(vendor).with("retry-after", 1 + strike.draw % RETRY_AFTER_S_MAX),
        Fault::Html => {
            let (status, title) =
                if strike.draw.is_multiple_of(2) { (502, "502 Bad Gateway") } else { (200, "Please sign in") };
            gateway_page(status, title)
        }
        _ => gateway_page(503, "503 Service Temporarily Unavailable"),
    }
}

fn gateway_page(status: u16, title: &str) -> Answer {
    let page = format!(
        "<html>\n<head><title>{title}</title></head>\n<body><center><h1>{title}</h1></center></body>\n</html>\n"
    );
    Answer { content_type: HTML, ..Answer::bytes(status, page.into_bytes()) }
}

fn skewed(moment: Moment, strike: Option<Strike>) -> Moment {
    let Some(strike) = strike.filter(|strike| strike.fault == Fault::ClockSkew) else { return moment };
    let minutes = 1 + (strike.draw / 2 % SKEW_MINUTES_MAX) as i64;
    let ahead = if strike.draw.is_multiple_of(2) { 1 } else { -1 };
    Moment { offset_ms: moment.offset_ms + ahead * minutes * 60_000, ..moment }
}

fn sent(mut answer: Answer, moment: Moment, strike: Option<Strike>) -> Reply {
    let mut reply = Reply { answer: Answer::bytes(200, Vec::new()), moment, delay: Duration::ZERO, is_cut: false };
    match strike {
        Some(Strike { fault: Fault::Slow, draw }) => {
            reply.delay = Duration::from_millis(SLOW_MS_MIN + draw % (SLOW_MS_MAX - SLOW_MS_MIN));
        }
        Some(Strike { fault: Fault::Truncate, draw }) => {
            reply.is_cut = draw.is_multiple_of(2);
            if !reply.is_cut {
                answer.body.truncate(answer.body.len() / 2);
            }
        }
        _ => {}
    }
    Reply { answer, ..reply }
}
