//! A price as sent to an `odds_quote`: decimal or American, to decimal odds in units of 10^-6.
//! ODA-2: a payload has one odds format; it is told from all of its prices, so that one broken price changes nothing.
//! ODA-3: a quote is named by book, market, outcome and point, and revised by its time and price: polled again
//! unchanged it is the same fact.

use serde_json::value::RawValue;
use touchline_event::{Event, EventDraft, OddsQuote};

use super::{parse::SOURCE, table};
use crate::odds::{AMERICAN_MIN, ONE_E6, american_to_price_e6, is_price};
use crate::raw::{Fault, Path, Precision, decimal, scaled};
use crate::{MAX_FUTURE_MS, RejectReason};

/// The form of every price of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OddsFormat {
    Decimal,
    American,
}

impl OddsFormat {
    /// Negative prices are American, prices between 1 and 100 are decimal; the more frequent of the two decides.
    /// Where neither occurs, whole numbers of 100 and more are American.
    pub(super) fn of<'a>(prices: impl Iterator<Item = &'a str>) -> Self {
        let (mut american, mut decimals, mut large) = (0_usize, 0_usize, 0_usize);
        for price in prices {
            match decimal::<6>(price, Precision::Rounded).map(|price| price.0) {
                Ok(price) if price <= -AMERICAN_MIN * ONE_E6 => american += 1,
                Ok(price) if price > ONE_E6 && price < AMERICAN_MIN * ONE_E6 => decimals += 1,
                Ok(price) if price >= AMERICAN_MIN * ONE_E6 && price % ONE_E6 == 0 => large += 1,
                _ => {}
            }
        }
        if american > decimals || (american == 0 && decimals == 0 && large > 0) {
            OddsFormat::American
        } else {
            OddsFormat::Decimal
        }
    }

    /// The format of a v3 or v4 JSON text, from the numbers that stand where prices stand.
    pub(super) fn of_json(text: &str) -> Self {
        Self::of(PRICE_KEYS.iter().flat_map(|key| prices_after(text, key)))
    }

    /// Decimal odds of a price as sent.
    pub(super) fn price_e6(self, raw: &RawValue, path: &Path<'_>) -> Result<i64, Fault> {
        let (what, price_e6) = match self {
            OddsFormat::Decimal => {
                let what = "decimal odds above 1";
                (what, scaled::<6>(raw, path, what, Precision::Rounded)?.0)
            }
            OddsFormat::American => {
                let what = "American odds of at most -100 or at least 100";
                (what, american_to_price_e6(scaled::<2>(raw, path, what, Precision::Rounded)?.0))
            }
        };
        if !is_price(price_e6) {
            let message = format!("found {}; expected {what}", raw.get());
            return Err(Fault::new(RejectReason::OutOfRange, path, message));
        }
        Ok(price_e6)
    }
}

const PRICE_KEYS: [&str; 4] = ["\"price\"", "\"h2h\"", "\"h2h_lay\"", "\"odds\""];

/// The numbers after every `key:` of a text: one, or those of the array that follows.
fn prices_after<'a>(text: &'a str, key: &'static str) -> impl Iterator<Item = &'a str> {
    memchr::memmem::find_iter(text.as_bytes(), key).flat_map(move |at| {
        let rest = text[at + key.len()..].trim_start();
        let value = rest.strip_prefix(':').unwrap_or("").trim_start();
        let end = match value.strip_prefix('[') {
            Some(_) => value.find(']'),
            None => value.find([',', '}', '\n']),
        };
        let value = &value[..end.unwrap_or(0)];
        let is_object = value.starts_with('{');
        value
            .split([',', '['])
            .map(|number| number.trim().trim_matches('"'))
            .filter(move |number| !is_object && !number.is_empty())
    })
}

/// What a quote stands in: its event, book and market.
#[derive(Clone, Copy)]
pub(super) struct QuoteFrame<'a> {
    pub game_id: &'a str,
    pub sport_key: &'a str,
    pub book: &'a str,
    pub market_key: &'a str,
    pub timestamp_ms: i64,
    pub received_at_ms: i64,
}

impl QuoteFrame<'_> {
    /// The event of one price.
    pub(super) fn quote(&self, outcome: String, point_e2: Option<i64>, price_e6: i64) -> Event {
        let (market, side) = table::market(self.market_key);
        let point = point_e2.map(|point| point.to_string()).unwrap_or_default();
        let vendor_id = format!("odds:{}:{}:{outcome}:{point}", self.book, self.market_key);
        let revision = format!("{}:{price_e6}", self.timestamp_ms);
        let payload = OddsQuote {
            book: self.book.to_owned(),
            market: market.to_owned(),
            outcome,
            point_e2,
            price_e6,
            side,
            size_e2: None,
        };
        let mut draft = EventDraft::new(SOURCE, self.timestamp_ms, self.received_at_ms, payload);
        draft.sport = table::sport(self.sport_key).map(str::to_owned);
        draft.league = Some(self.sport_key.to_owned());
        draft.game_id = Some(self.game_id.to_owned());
        draft.with_vendor_id(&vendor_id, &revision)
    }
}

/// A handicap or total of a price.
pub(super) fn point_e2(raw: Option<&RawValue>, path: &Path<'_>) -> Result<Option<i64>, Fault> {
    raw.map(|raw| scaled::<2>(raw, path, "a handicap or total", Precision::Rounded).map(|point| point.0)).transpose()
}

/// Refuses times that no clock skew explains.
pub(super) fn check_not_future(time_ms: i64, received_at_ms: Option<i64>, path: &Path<'_>) -> Result<(), Fault> {
    match received_at_ms {
        Some(received) if time_ms > received.saturating_add(MAX_FUTURE_MS) => {
            let message = format!("found {time_ms} ms, more than {MAX_FUTURE_MS} ms after it was received");
            Err(Fault::new(RejectReason::FutureTime, path, message))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_broken_price_does_not_change_the_format() {
        let of = |text: &str| OddsFormat::of(text.split(' '));
        assert_eq!(of("1.91 1.91 -5 3.4"), OddsFormat::Decimal);
        assert_eq!(of("1.91 1.91 -110 3.4"), OddsFormat::Decimal);
        assert_eq!(of("-110 -110 150 1.5 -180"), OddsFormat::American);
        assert_eq!(of("1.8 151 201 251 501"), OddsFormat::Decimal);
        assert_eq!(of("150 120"), OddsFormat::American);
        assert_eq!(of("150.5 120"), OddsFormat::American);
        assert_eq!(of(""), OddsFormat::Decimal);
    }

    #[test]
    fn prices_are_found_where_v3_and_v4_put_them() {
        let v4 = r#"[{"price": -110,"point":5},{"name":"x","price":2.5}]"#;
        let v3 = r#"{"odds":{"h2h":[8.4, 1.07],"spreads":{"odds":["1.9","1.95"],"points":["-5.5","5.5"]}}}"#;
        let found = |text| PRICE_KEYS.iter().flat_map(|key| prices_after(text, key)).collect::<Vec<_>>();
        assert_eq!(found(v4), ["-110", "2.5"]);
        assert_eq!(found(v3), ["8.4", "1.07", "1.9", "1.95"]);
    }
}
