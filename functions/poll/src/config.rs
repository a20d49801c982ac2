//! `touchline.toml`: which vendors are polled, for what, how often and within which budget.
//! CFG-1: what is not understood is refused with file, line, field and remedy; nothing is guessed.
//! CFG-2 (S10): a key is named, never written: the file may be shown to anyone.

use std::time::Duration;

use serde::{Deserialize, Deserializer};
use toml::Spanned;
use touchline_runtime::{Reach, Secret};
use touchline_store::{CreditPeriod, CreditPlan};

use crate::run::folder;
use crate::schedule::Cadence;
use crate::vendors::{GAME, SPORTS, Vendor};

const RESERVE_PERCENT: u64 = 10;
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
/// Nobody is polled faster.
const SHORTEST_CADENCE: Duration = Duration::from_secs(1);

/// One vendor as it will be polled.
#[derive(Debug, Clone)]
pub struct SourcePlan {
    pub vendor: &'static Vendor,
    /// In front of every page.
    pub base: String,
    pub reach: Reach,
    pub key: Option<Secret>,
    pub credits: Option<CreditPlan>,
    pub requests_per_minute: u32,
    pub pages: Vec<PagePlan>,
}

/// One address of a vendor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PagePlan {
    /// Path and query, with `{game}` for one page a game.
    pub path: String,
    pub cadence: Cadence,
}

/// What is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}, line {line}: {message}")]
pub struct ConfigError {
    pub file: String,
    pub line: usize,
    pub message: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    source: Vec<Spanned<Row>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    vendor: Spanned<String>,
    #[serde(default)]
    leagues: Vec<Spanned<String>>,
    #[serde(default)]
    pages: Vec<Spanned<String>>,
    key_env: Option<Spanned<String>>,
    credits: Option<u64>,
    period: Option<CreditPeriod>,
    reserve_percent: Option<Spanned<u64>>,
    requests_per_minute: Option<Spanned<u32>>,
    base: Option<Spanned<String>>,
    #[serde(default)]
    cadence: CadenceRow,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct CadenceRow {
    idle: Option<Spanned<Span>>,
    near: Option<Spanned<Span>>,
    live: Option<Spanned<Span>>,
    near_window: Option<Spanned<Span>>,
}

/// `15s`, `5m`, `2h`.
struct Span(Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let told = |error| {
            serde::de::Error::custom(format!("{text:?} is no length of time such as \"15s\" or \"5m\": {error}"))
        };
        humantime::parse_duration(&text).map(Span).map_err(told)
    }
}

/// Where keys come from, and whom the answers come from.
pub struct Surroundings<'a> {
    /// A key by the name of its variable.
    pub keys: &'a dyn Fn(&str) -> Option<Secret>,
    /// A simulation in place of every vendor, `http://127.0.0.1:<port>`; it takes any key.
    pub simulation: Option<&'a str>,
}

/// Reads a configuration; `file` is its name in messages.
pub fn read(text: &str, file: &str, surroundings: &Surroundings<'_>) -> Result<Vec<SourcePlan>, ConfigError> {
    let reader = Reader { text, file, surroundings };
    let parsed: File = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        reader.wrong(at, &error.message().replace('\n', " "))
    })?;
    if parsed.source.is_empty() {
        return Err(
            reader.wrong(0, "no [[source]] is there; add one with vendor = \"espn\" and leagues = [\"football/nfl\"]")
        );
    }
    let mut plans: Vec<SourcePlan> = Vec::with_capacity(parsed.source.len());
    for row in parsed.source {
        let at = row.get_ref().vendor.span().start;
        let plan = reader.plan(row.into_inner())?;
        if plans.iter().any(|known| known.vendor == plan.vendor) {
            let message = format!(
                "vendor {} has a second [[source]]; put its leagues and pages into one, since they share key and credits",
                plan.vendor.source.as_str()
            );
            return Err(reader.wrong(at, &message));
        }
        plans.push(plan);
    }
    Ok(plans)
}

/// ESPN alone, without a file: what `--sport` asks for.
pub fn of_sport(sport: &str, simulation: Option<&str>) -> Result<Vec<SourcePlan>, ConfigError> {
    let league = SPORTS.iter().find(|(name, _)| *name == sport).map(|(_, league)| *league);
    let league = league.or_else(|| sport.contains('/').then_some(sport)).ok_or_else(|| {
        let names: Vec<&str> = SPORTS.iter().map(|(name, _)| *name).collect();
        let message =
            format!("{sport} is unknown; give one of {}, or ESPN's own slug such as soccer/ita.1", names.join(", "));
        ConfigError { file: "--sport".to_owned(), line: 1, message }
    })?;
    let text = format!("[[source]]\nvendor = \"espn\"\nleagues = [{league:?}]\n");
    read(&text, "--sport", &Surroundings { keys: &|_| None, simulation })
}

struct Reader<'a> {
    text: &'a str,
    file: &'a str,
    surroundings: &'a Surroundings<'a>,
}

impl Reader<'_> {
    fn wrong(&self, at: usize, message: &str) -> ConfigError {
        let before = self.text.get(..at).unwrap_or_default();
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        ConfigError { file: self.file.to_owned(), line, message: message.to_owned() }
    }

    fn plan(&self, row: Row) -> Result<SourcePlan, ConfigError> {
        let at = row.vendor.span().start;
        let vendor = Vendor::named(row.vendor.get_ref()).ok_or_else(|| {
            let message = format!("vendor {:?} is not polled; polled are {}", row.vendor.get_ref(), Vendor::names());
            self.wrong(at, &message)
        })?;
        let (base, reach) = self.base(vendor, row.base.as_ref())?;
        let cadence = self.cadence(vendor, &row.cadence)?;
        Ok(SourcePlan {
            key: self.key(vendor, at, row.key_env.as_ref(), &reach)?,
            credits: self.credits(vendor, &row)?,
            requests_per_minute: self.rate(vendor, row.requests_per_minute.as_ref())?,
            pages: self.pages(vendor, at, &row, cadence)?,
            vendor,
            base,
            reach,
        })
    }

    fn base(&self, vendor: &'static Vendor, base: Option<&Spanned<String>>) -> Result<(String, Reach), ConfigError> {
        if let Some(address) = self.surroundings.simulation {
            let reach = Reach::simulation(address).map_err(|error| self.wrong(0, &error.to_string()))?;
            return Ok((format!("{}/{}", address.trim_end_matches('/'), vendor.source.as_str()), reach));
        }
        let Some(base) = base else { return Ok((vendor.base.to_owned(), Reach::Vendor(vec![vendor.host.to_owned()]))) };
        let address = base.get_ref().trim_end_matches('/');
        // A path may follow the server: the simulator tells its vendors apart by it.
        let server = address.strip_prefix("http://").and_then(|rest| rest.split('/').next());
        let Some(server) = server else {
            let message = format!(
                "base {address:?}: only a simulation on this machine may stand in for {}, http://127.0.0.1:<port>/{}; leave base out otherwise",
                vendor.host,
                vendor.source.as_str()
            );
            return Err(self.wrong(base.span().start, &message));
        };
        let reach = Reach::simulation(server).map_err(|error| self.wrong(base.span().start, &error.to_string()))?;
        Ok((address.to_owned(), reach))
    }

    fn key(
        &self,
        vendor: &Vendor,
        at: usize,
        name: Option<&Spanned<String>>,
        reach: &Reach,
    ) -> Result<Option<Secret>, ConfigError> {
        let vendor_name = vendor.source.as_str();
        let is_simulated = matches!(reach, Reach::Simulation(_));
        match (vendor.key, name) {
            (None, None) => Ok(None),
            (None, Some(name)) => {
                Err(self.wrong(name.span().start, &format!("key_env: {vendor_name} takes no key; leave it out")))
            }
            (Some(_), _) if is_simulated => Ok(Some(Secret::new("simulated"))),
            (Some(_), None) => {
                let message = format!("key_env is missing: {vendor_name} wants a key; name the variable that holds it");
                Err(self.wrong(at, &message))
            }
            (Some(_), Some(name)) => match (self.surroundings.keys)(name.get_ref()) {
                Some(secret) => Ok(Some(secret)),
                None => {
                    let message = format!(
                        "key_env: the variable {} is not set; export it with the key of {vendor_name}",
                        name.get_ref()
                    );
                    Err(self.wrong(name.span().start, &message))
                }
            },
        }
    }

    fn credits(&self, vendor: &Vendor, row: &Row) -> Result<Option<CreditPlan>, ConfigError> {
        let percent = row.reserve_percent.as_ref().map_or(RESERVE_PERCENT, |percent| *percent.get_ref());
        if percent > 100 {
            let at = row.reserve_percent.as_ref().map_or(0, |percent| percent.span().start);
            return Err(self.wrong(at, "reserve_percent is a share of the credits, 0 to 100"));
        }
        let (default, period) = match vendor.credits {
            Some((credits, period)) => (Some(credits), period),
            None => (None, CreditPeriod::Day),
        };
        let plan = |credits: u64| CreditPlan {
            credits,
            period: row.period.unwrap_or(period),
            reserve: (credits * percent).div_ceil(100),
        };
        Ok(row.credits.or(default).map(plan))
    }

    fn rate(&self, vendor: &Vendor, rate: Option<&Spanned<u32>>) -> Result<u32, ConfigError> {
        match rate {
            Some(rate) if !(1..=600).contains(rate.get_ref()) => {
                Err(self.wrong(rate.span().start, "requests_per_minute is a number from 1 to 600"))
            }
            Some(rate) => Ok(*rate.get_ref()),
            None => Ok(vendor.requests_per_minute),
        }
    }

    fn pages(&self, vendor: &Vendor, at: usize, row: &Row, cadence: Cadence) -> Result<Vec<PagePlan>, ConfigError> {
        let mut paths = Vec::new();
        for league in &row.leagues {
            let is_slug = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
            if league.get_ref().is_empty() || !league.get_ref().bytes().all(is_slug) {
                return Err(
                    self.wrong(league.span().start, &format!("leagues: {:?} is no league's slug", league.get_ref()))
                );
            }
            paths.extend(vendor.league_pages(league.get_ref()).ok_or_else(|| {
                let message =
                    format!("leagues: {} has no short way for a league; list its pages", vendor.source.as_str());
                self.wrong(league.span().start, &message)
            })?);
        }
        for page in &row.pages {
            let path = page.get_ref();
            if !path.starts_with('/') || path.bytes().any(|byte| byte <= b' ' || byte > b'~') {
                let message =
                    format!("pages: {path:?} is no path; begin with / and write what a URL cannot hold as %XX");
                return Err(self.wrong(page.span().start, &message));
            }
            paths.push(path.clone());
        }
        let is_listed =
            |path: &String| paths.iter().any(|other| !other.contains(GAME) && folder(other) == folder(path));
        if let Some(path) = paths.iter().find(|path| path.contains(GAME) && !is_listed(path)) {
            let message = format!(
                "pages: {path:?} stands for games that no page lists; add the page beside it that does, under {}/",
                folder(path)
            );
            return Err(self.wrong(at, &message));
        }
        if paths.is_empty() {
            return Err(self.wrong(at, "nothing is asked for; give leagues = [..] or pages = [..]"));
        }
        Ok(paths.into_iter().map(|path| PagePlan { path, cadence }).collect())
    }

    fn cadence(&self, vendor: &Vendor, row: &CadenceRow) -> Result<Cadence, ConfigError> {
        // A vendor that counts credits is asked as rarely as a free plan bears.
        let [idle, near, live] = match vendor.credits {
            None => [15 * MINUTE, MINUTE, Duration::from_secs(15)],
            Some(_) => [6 * HOUR, HOUR, 10 * MINUTE],
        };
        let length_ms = |name: &str, span: Option<&Spanned<Span>>, default: Duration| match span {
            Some(span) if span.get_ref().0 < SHORTEST_CADENCE || span.get_ref().0 > 24 * HOUR => {
                Err(self.wrong(span.span().start, &format!("cadence.{name} is a length of time from 1s to 24h")))
            }
            Some(span) => Ok(span.get_ref().0.as_millis() as i64),
            None => Ok(default.as_millis() as i64),
        };
        Ok(Cadence {
            idle_ms: length_ms("idle", row.idle.as_ref(), idle)?,
            near_ms: length_ms("near", row.near.as_ref(), near)?,
            live_ms: length_ms("live", row.live.as_ref(), live)?,
            near_window_ms: length_ms("near_window", row.near_window.as_ref(), HOUR)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REAL: Surroundings<'static> =
        Surroundings { keys: &|name| (name == "ODDS_KEY").then(|| Secret::new("canary-key")), simulation: None };

    fn refusal(text: &str) -> String {
        read(text, "touchline.toml", &REAL).unwrap_err().to_string()
    }

    #[test]
    fn the_example_is_read_and_says_what_it_means() {
        let example = include_str!("../../../touchline.example.toml");
        let keys = |_: &str| Some(Secret::new("canary-key"));
        let plans = read(example, "touchline.example.toml", &Surroundings { keys: &keys, simulation: None }).unwrap();
        assert_eq!(plans.len(), crate::vendors::VENDORS.len());
        assert!(!format!("{plans:?}").contains("canary"), "S10");
    }

    #[test]
    fn a_source_without_more_has_its_vendors_defaults() {
        let plans = read(
            "[[source]]\nvendor = 'the-odds-api'\nkey_env = 'ODDS_KEY'\nleagues = ['americanfootball_nfl']",
            "f",
            &REAL,
        );
        let plan = plans.unwrap().remove(0);
        assert_eq!(plan.credits, Some(CreditPlan { credits: 500, period: CreditPeriod::Month, reserve: 50 }));
        assert_eq!((plan.base.as_str(), plan.pages.len()), ("https://api.the-odds-api.com", 1));
        assert_eq!(plan.reach, Reach::Vendor(vec!["api.the-odds-api.com".to_owned()]));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_its_remedy() {
        let espn = "[[source]]\nvendor = 'espn'\n";
        for (text, line, part) in [
            ("", 1, "add one with vendor"),
            ("[[source]]\nvendor = 'opta'\n", 2, "polled are espn, the-odds-api"),
            ("[[source]]\nvendor = 'espn'\nleage = ['x']\n", 3, "unknown field `leage`, expected one of"),
            ("[[source]]\nvendor = 'espn", 2, "invalid"),
            (espn, 2, "give leagues = [..] or pages"),
            ("[[source]]\nvendor = 'espn'\npages = ['scoreboard']", 3, "begin with /"),
            ("[[source]]\nvendor = 'espn'\nleagues = ['a b']", 3, "no league's slug"),
            ("[[source]]\nvendor = 'espn'\npages = ['/a/summary?event={game}']", 2, "under /a/"),
            ("[[source]]\nvendor = 'openweather'\nkey_env = 'ODDS_KEY'\nleagues = ['x']", 4, "list its pages"),
            ("[[source]]\nvendor = 'the-odds-api'\nleagues = ['x']", 2, "key_env is missing"),
            ("[[source]]\nvendor = 'the-odds-api'\nkey_env = 'NO'\nleagues = ['x']", 3, "the variable NO is not set"),
            ("[[source]]\nvendor = 'espn'\nkey_env = 'ODDS_KEY'\nleagues = ['x']", 3, "takes no key"),
            ("[[source]]\nvendor = 'espn'\nleagues = ['x']\nreserve_percent = 101", 4, "0 to 100"),
            ("[[source]]\nvendor = 'espn'\nleagues = ['x']\nrequests_per_minute = 0", 4, "from 1 to 600"),
            ("[[source]]\nvendor = 'espn'\nleagues = ['x']\ncadence = { live = '10ms' }", 4, "from 1s to 24h"),
            ("[[source]]\nvendor = 'espn'\nleagues = ['x']\ncadence = { live = 'often' }", 4, "no length of time"),
            ("[[source]]\nvendor = 'espn'\nleagues = ['x']\nbase = 'https://evil.example'", 4, "only a simulation"),
            ("[[source]]\nvendor = 'espn'\nleagues = ['x']\nbase = 'http://10.0.0.1:80'", 4, "loopback"),
            (
                "[[source]]\nvendor = 'espn'\nleagues = ['x']\n[[source]]\nvendor = 'espn'\nleagues = ['y']",
                5,
                "second [[source]]",
            ),
        ] {
            let message = refusal(text);
            assert!(message.starts_with(&format!("touchline.toml, line {line}: ")), "{text}\n{message}");
            assert!(message.contains(part), "{text}\n{message}");
        }
    }

    #[test]
    fn a_simulation_takes_every_vendors_place_and_any_key() {
        let simulated = Surroundings { keys: &|_| None, simulation: Some("http://127.0.0.1:9/") };
        let text = "[[source]]\nvendor = 'the-odds-api'\nkey_env = 'UNSET'\nleagues = ['x']";
        let plan = read(text, "f", &simulated).unwrap().remove(0);
        assert_eq!(plan.base, "http://127.0.0.1:9/the-odds-api");
        assert!(plan.key.is_some() && matches!(plan.reach, Reach::Simulation(_)));
    }

    #[test]
    fn a_sport_is_espns_league_and_needs_no_key() {
        let plan = of_sport("nfl", None).unwrap().remove(0);
        let paths: Vec<_> = plan.pages.iter().map(|page| page.path.as_str()).collect();
        assert_eq!(
            paths,
            ["/apis/site/v2/sports/football/nfl/scoreboard", "/apis/site/v2/sports/football/nfl/summary?event={game}"]
        );
        assert!(of_sport("soccer/ita.1", None).is_ok());
        assert!(of_sport("cricket", None).unwrap_err().to_string().contains("give one of nfl"));
    }
}
