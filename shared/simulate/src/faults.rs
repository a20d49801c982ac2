//! What goes wrong, decided by seed: the same requests in the same order meet the same faults.
//! FLT-1: a request's fault depends on seed, vendor, path and how often that path was asked, never on a clock or on other paths;
//! an outage, being a stretch of time, depends on seed, vendor and the server's own time.

use std::fmt;
use std::str::FromStr;

use touchline_event::stable_hash;

/// How often a fault strikes unless the rate is given.
const DEFAULT_RATE: f64 = 0.05;
/// An outage lasts this long; the rate is the share of such stretches.
const OUTAGE_MS: i64 = 20_000;
const PER_MILLION: f64 = 1_000_000.0;

/// One way to go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Nothing works for a while: 503, streams are cut.
    Outage,
    /// The answer comes late.
    Slow,
    /// The body ends in the middle: half of them with a length that promises more, half well framed.
    Truncate,
    /// A gateway's page instead of the API's answer, half of them with status 200.
    Html,
    /// Too many requests, with `Retry-After`.
    TooMany,
    /// A cached answer: the same bytes as last time, whatever happened since. On streams a frame twice.
    Duplicate,
    /// The vendor's clock is wrong by up to five minutes.
    ClockSkew,
}

impl Fault {
    /// Every fault, in the order in which they are tried.
    pub const ALL: [Self; 7] =
        [Self::Outage, Self::Slow, Self::Truncate, Self::Html, Self::TooMany, Self::Duplicate, Self::ClockSkew];

    /// The name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Outage => "outage",
            Self::Slow => "slow",
            Self::Truncate => "truncate",
            Self::Html => "html",
            Self::TooMany => "429",
            Self::Duplicate => "duplicate",
            Self::ClockSkew => "clock-skew",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which faults strike, and how often.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FaultRates(Vec<(Fault, u32)>);

impl FromStr for FaultRates {
    type Err = String;

    /// `outage,slow=0.2,html`, or `all`, or `all=0.02`.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut rates = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, rate) = part.split_once('=').unwrap_or((part, ""));
            let rate = if rate.is_empty() { Ok(DEFAULT_RATE) } else { rate.parse::<f64>() };
            let Some(rate) = rate.ok().filter(|rate| (0.0..=1.0).contains(rate)) else {
                return Err(format!("{part}: the rate is no number from 0 to 1, such as {name}=0.05"));
            };
            let known: Vec<Fault> =
                Fault::ALL.into_iter().filter(|known| name == "all" || known.as_str() == name).collect();
            if known.is_empty() {
                return Err(format!("{name} is no fault; known: {}, all", Fault::ALL.map(Fault::as_str).join(", ")));
            }
            rates.extend(known.into_iter().map(|fault| (fault, (rate * PER_MILLION) as u32)));
        }
        Ok(Self(rates))
    }
}

/// The faults of one run.
#[derive(Debug, Clone, Default)]
pub struct FaultPlan {
    seed: u64,
    rates: FaultRates,
}

/// A fault that strikes, and a number drawn for how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strike {
    pub fault: Fault,
    pub draw: u64,
}

impl FaultPlan {
    /// Faults by seed and rate.
    pub fn new(seed: u64, rates: FaultRates) -> Self {
        Self { seed, rates }
    }

    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// What strikes the `number`th time that `what` is asked of a vendor.
    pub fn strike(&self, vendor: &str, what: &str, number: u64, elapsed_ms: i64) -> Option<Strike> {
        for (fault, per_million) in &self.rates.0 {
            let key = match fault {
                Fault::Outage => format!("{}|{vendor}|{}", self.seed, elapsed_ms.div_euclid(OUTAGE_MS)),
                fault => format!("{}|{vendor}|{what}|{number}|{fault}", self.seed),
            };
            let draw = stable_hash(key.as_bytes());
            if draw % 1_000_000 < u64::from(*per_million) {
                return Some(Strike { fault: *fault, draw: draw / 1_000_000 });
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(seed: u64, text: &str) -> FaultPlan {
        FaultPlan::new(seed, text.parse().unwrap())
    }

    #[test]
    fn one_seed_gives_one_course_and_another_seed_another() {
        let course = |seed| (0..200).map(|n| plan(seed, "all=0.1").strike("espn", "/x", n, 0)).collect::<Vec<_>>();
        assert_eq!(course(7), course(7));
        assert_ne!(course(7), course(8));
    }

    #[test]
    fn rates_hold_roughly_and_nothing_strikes_that_was_not_asked_for() {
        let plan = plan(1, "slow=0.2,html=0.1");
        let strikes: Vec<_> =
            (0..10_000).filter_map(|n| plan.strike("espn", "/x", n, 0)).map(|one| one.fault).collect();
        let count = |fault| strikes.iter().filter(|struck| **struck == fault).count();
        assert!((1_800..2_200).contains(&count(Fault::Slow)), "{}", count(Fault::Slow));
        assert!((650..950).contains(&count(Fault::Html)), "{}", count(Fault::Html));
        assert_eq!(count(Fault::Slow) + count(Fault::Html), strikes.len());
    }

    #[test]
    fn an_outage_lasts_and_ends() {
        let plan = plan(3, "outage=0.5");
        let is_out = |at| plan.strike("espn", "/x", 0, at).is_some();
        let stretches: Vec<bool> = (0..40).map(|n| is_out(n * OUTAGE_MS)).collect();
        assert!(stretches.contains(&true) && stretches.contains(&false));
        assert!((0..40).all(|n| is_out(n * OUTAGE_MS) == is_out(n * OUTAGE_MS + OUTAGE_MS - 1)));
    }

    #[test]
    fn what_cannot_be_read_names_the_remedy() {
        let error = |text: &str| text.parse::<FaultRates>().unwrap_err();
        assert!(error("fire").contains("known: outage"), "{}", error("fire"));
        assert!(error("slow=2").contains("from 0 to 1"), "{}", error("slow=2"));
        assert_eq!("429=0".parse(), Ok(FaultRates(vec![(Fault::TooMany, 0)])));
    }
}
