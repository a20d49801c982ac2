//! Query parameters to types that cannot be wrong: instants, window lengths, page limits.
//! QRY-1: an unknown or repeated parameter is refused by name, never ignored: a typing error must not widen an answer.
//! QRY-2: every range and page has a named limit.

use std::collections::BTreeMap;

use axum::extract::Query as AxumQuery;
use axum::http::Uri;
use touchline_event::parse_utc_ms;
use touchline_metric::Family;
use touchline_window::WindowSpec;

use crate::problem::Problem;

/// Rows of a page where the request names no limit.
pub const PAGE_ROWS_DEFAULT: usize = 100;
/// Rows of the largest page.
pub const PAGE_ROWS_MAX: usize = 1000;
/// The longest range of event time in one request.
pub const RANGE_MS_MAX: i64 = 31 * 24 * 3_600_000;
/// The longest window that is merged from panes.
pub const WINDOW_MS_MAX: i64 = 20 * 60_000;
/// Beyond these instants (years 1 to 9999) nothing happens and nothing overflows.
const INSTANT_MS_MIN: i64 = -62_135_596_800_000;
const INSTANT_MS_MAX: i64 = 253_402_300_799_999;

/// The parameters of one request.
#[derive(Debug)]
pub struct Query(BTreeMap<String, String>);

/// Half-open range of event time; `None` on a side means as far as the store goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    pub from_ms: Option<i64>,
    pub to_ms: Option<i64>,
}

impl Query {
    /// Reads the parameters of `uri`, of which only `known` are allowed.
    pub fn read(uri: &Uri, known: &[&str]) -> Result<Self, Problem> {
        let AxumQuery(pairs) = AxumQuery::<Vec<(String, String)>>::try_from_uri(uri).map_err(|error| {
            Problem::parameter("query", uri.query(), format!("the query does not decode: {error}"), "percent-encode it")
        })?;
        let mut values = BTreeMap::new();
        for (name, value) in pairs {
            if !known.contains(&name.as_str()) {
                let remedy = match known {
                    [] => "this address takes no parameters".to_owned(),
                    _ => format!("use only {}", known.join(", ")),
                };
                return Err(Problem::parameter(&name, Some(&value), "unknown parameter", remedy));
            }
            if values.contains_key(&name) {
                return Err(Problem::parameter(&name, Some(&value), "parameter given twice", "give it once"));
            }
            values.insert(name, value);
        }
        Ok(Self(values))
    }

    /// A parameter's text; an empty one counts as not given.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A parameter that must be there.
    pub fn required(&self, name: &str, remedy: &str) -> Result<&str, Problem> {
        self.text(name).ok_or_else(|| Problem::parameter(name, None, format!("{name} is missing"), remedy))
    }

    /// One word out of a list; `default` where it is not given.
    pub fn choice<'a>(&'a self, name: &str, default: &'a str, allowed: &[&str]) -> Result<&'a str, Problem> {
        let value = self.text(name).unwrap_or(default);
        if allowed.contains(&value) {
            return Ok(value);
        }
        Err(Problem::parameter(
            name,
            Some(value),
            format!("{name} is not one of its values"),
            format!("use one of {}", allowed.join(", ")),
        ))
    }

    /// The metric family, which must be one that has windows to show.
    pub fn family(&self) -> Result<Family, Problem> {
        const REMEDY: &str = "use one of trades, odds, scores";
        let name = self.required("family", REMEDY)?;
        Family::from_name(name)
            .filter(|family| *family != Family::Tally)
            .ok_or_else(|| Problem::parameter("family", Some(name), "family is not one of its values", REMEDY))
    }

    /// `from` and `to` as RFC 3339 times or UTC milliseconds.
    pub fn range(&self) -> Result<Range, Problem> {
        let (from_ms, to_ms) = (self.instant("from")?, self.instant("to")?);
        if let (Some(from), Some(to)) = (from_ms, to_ms) {
            if from >= to {
                return Err(Problem::parameter("to", self.text("to"), "to is not after from", "give from < to"));
            }
            if to - from > RANGE_MS_MAX {
                return Err(Problem::parameter(
                    "from",
                    self.text("from"),
                    format!("the range is longer than {} days", RANGE_MS_MAX / 86_400_000),
                    "ask for shorter ranges, or ask the lake with SQL",
                ));
            }
        }
        // One open side of a range still ends at the limit; two open sides mean all that is kept.
        Ok(match (from_ms, to_ms) {
            (Some(from), None) => Range { from_ms, to_ms: Some(from + RANGE_MS_MAX) },
            (None, Some(to)) => Range { from_ms: Some(to - RANGE_MS_MAX), to_ms },
            _ => Range { from_ms, to_ms },
        })
    }

    fn instant(&self, name: &str) -> Result<Option<i64>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse::<i64>()
            .ok()
            .or_else(|| parse_utc_ms(text))
            .filter(|ms| (INSTANT_MS_MIN..=INSTANT_MS_MAX).contains(ms))
            .map(Some)
            .ok_or_else(|| {
                Problem::parameter(
                    name,
                    Some(text),
                    format!("{name} is not an instant"),
                    "use RFC 3339 such as 2026-11-20T19:30:00Z (a + must be written %2B), or UTC milliseconds",
                )
            })
    }

    /// `size` and `slide`, checked against the pane they are merged from. The size is a pane where it is not given.
    pub fn window(&self, pane_ms: i64) -> Result<WindowSpec, Problem> {
        let size_ms = self.minutes("size")?.unwrap_or(pane_ms);
        let slide_ms = self.minutes("slide")?.unwrap_or(size_ms);
        let name = if self.text("slide").is_some() { "slide" } else { "size" };
        WindowSpec::new(size_ms, slide_ms, pane_ms).map_err(|message| {
            Problem::parameter(name, self.text(name), message, "use 1m, 3m, 5m, 10m or 20m, and a slide up to the size")
        })
    }

    fn minutes(&self, name: &str) -> Result<Option<i64>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.strip_suffix('m')
            .filter(|digits| digits.len() <= 2 && digits.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|digits| digits.parse::<i64>().ok())
            .map(|minutes| minutes * 60_000)
            .filter(|ms| (1..=WINDOW_MS_MAX).contains(ms))
            .map(Some)
            .ok_or_else(|| {
                Problem::parameter(
                    name,
                    Some(text),
                    format!("{name} is not a length in minutes from 1m to {}m", WINDOW_MS_MAX / 60_000),
                    "use 1m, 3m, 5m, 10m or 20m",
                )
            })
    }

    /// Rows wanted in a page.
    pub fn limit(&self) -> Result<usize, Problem> {
        let Some(text) = self.text("limit") else { return Ok(PAGE_ROWS_DEFAULT) };
        text.parse().ok().filter(|rows| (1..=PAGE_ROWS_MAX).contains(rows)).ok_or_else(|| {
            Problem::parameter(
                "limit",
                Some(text),
                format!("limit is not a number from 1 to {PAGE_ROWS_MAX}"),
                "use a smaller page and follow next",
            )
        })
    }

    /// A number, finite and not negative.
    pub fn number(&self, name: &str) -> Result<Option<f64>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse::<f64>().ok().filter(|value| value.is_finite() && *value >= 0.0).map(Some).ok_or_else(|| {
            Problem::parameter(
                name,
                Some(text),
                format!("{name} is not a number of at least 0"),
                "use a number like 3.5",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Result<Query, Problem> {
        let uri: Uri = format!("/v1/windows?{text}").parse().unwrap();
        Query::read(&uri, &["from", "to", "size", "slide", "limit"])
    }

    #[test]
    fn instants_are_times_or_milliseconds() {
        let range = query("from=2023-10-29T17:00:00Z&to=1698602400000").unwrap().range().unwrap();
        assert_eq!(range, Range { from_ms: Some(1_698_598_800_000), to_ms: Some(1_698_602_400_000) });
    }

    #[test]
    fn a_range_open_on_one_side_ends_at_the_limit() {
        let range = query("from=0").unwrap().range().unwrap();
        assert_eq!(range, Range { from_ms: Some(0), to_ms: Some(RANGE_MS_MAX) });
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_name() {
        for (text, parameter) in [
            ("from=yesterday", "from"),
            ("from=9223372036854775807", "from"),
            ("from=2&to=1", "to"),
            ("from=0&to=99999999999", "from"),
            ("form=0", "form"),
            ("from=1&from=2", "from"),
        ] {
            let problem = query(text).and_then(|query| query.range()).unwrap_err();
            assert_eq!((problem.parameter.as_deref(), problem.status), (Some(parameter), 400), "{text}");
        }
        for text in ["size=0m", "size=21m", "size=1h", "size=-5m", "slide=20m&size=5m", "size=9999999999999999999m"] {
            assert!(query(text).unwrap().window(60_000).is_err(), "{text}");
        }
        for text in ["limit=0", "limit=1001", "limit=many", "limit=-1"] {
            assert!(query(text).unwrap().limit().is_err(), "{text}");
        }
    }
}
