//! One line of `trades-ndjson` as integers, parsed without allocation: `{"s":"AAPL","p":164.06,"v":5,"t":1680286537580,"c":["1"]}`.
//! TICK-1: the fast path takes keys in this order without blanks or escapes; everything else goes to the general parser,
//! and both give the same tick or the same refusal.

use serde::Deserialize;
use serde_json::value::RawValue;
use touchline_event::Scaled;
use touchline_feed::finnhub;

/// Latest instant taken: the year 2100. What lies beyond is a unit mistake or garbage.
const MAX_TIMESTAMP_MS: i64 = 4_102_444_800_000;
/// Condition codes are small numbers; verdicts for these are kept ready.
const KNOWN_CODES: usize = 64;

/// A trade as the bounded job counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick<'a> {
    pub symbol: &'a [u8],
    pub price_e8: i64,
    pub volume_e8: i64,
    pub timestamp_ms: i64,
    pub is_vwap_eligible: bool,
}

/// A tick whose symbol had to be unescaped.
pub enum Parsed<'a> {
    Borrowed(Tick<'a>),
    Owned { symbol: String, price_e8: i64, volume_e8: i64, timestamp_ms: i64, is_vwap_eligible: bool },
}

/// Which condition codes keep a print out of VWAP.
pub struct Conditions {
    excludes: [bool; KNOWN_CODES],
}

impl Conditions {
    /// From the vendor's table.
    pub fn new() -> Self {
        Self { excludes: std::array::from_fn(|code| finnhub::excludes(&code.to_string())) }
    }

    fn excludes(&self, code: &[u8]) -> bool {
        let number =
            code.iter().try_fold(0_usize, |n, byte| byte.is_ascii_digit().then(|| n * 10 + usize::from(byte - b'0')));
        match number {
            Some(number) if number < KNOWN_CODES && code.first() != Some(&b'0') => self.excludes[number],
            _ => std::str::from_utf8(code).is_ok_and(finnhub::excludes),
        }
    }
}

/// A line that is no trade, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Malformed {
    NotJson,
    MissingField(&'static str),
    BadField(&'static str),
    OutOfRange(&'static str),
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotJson => f.write_str("not a JSON object"),
            Self::MissingField(field) => write!(f, "field {field} is missing or null"),
            Self::BadField(field) => write!(f, "field {field} has the wrong type"),
            Self::OutOfRange(field) => write!(
                f,
                "field {field} is out of range: s not empty, p > 0, v >= 0, t in ms after 1970 and before 2100, at most 8 decimals"
            ),
        }
    }
}

/// The trade of a line.
pub fn parse<'a>(line: &'a [u8], conditions: &Conditions) -> Result<Parsed<'a>, Malformed> {
    if let Some(tick) = parse_fast(line, conditions) {
        return check(tick.symbol.is_empty(), tick.price_e8, tick.volume_e8, tick.timestamp_ms)
            .map(|()| Parsed::Borrowed(tick));
    }
    parse_general(line, conditions)
}

fn check(is_symbol_empty: bool, price_e8: i64, volume_e8: i64, timestamp_ms: i64) -> Result<(), Malformed> {
    if is_symbol_empty {
        Err(Malformed::OutOfRange("s"))
    } else if price_e8 <= 0 {
        Err(Malformed::OutOfRange("p"))
    } else if volume_e8 < 0 {
        Err(Malformed::OutOfRange("v"))
    } else if !(1..MAX_TIMESTAMP_MS).contains(&timestamp_ms) {
        Err(Malformed::OutOfRange("t"))
    } else {
        Ok(())
    }
}

fn parse_fast<'a>(line: &'a [u8], conditions: &Conditions) -> Option<Tick<'a>> {
    let mut rest = line.strip_prefix(b"{\"s\":\"")?;
    let end = rest.iter().position(|byte| *byte == b'"' || *byte == b'\\' || *byte < 0x20 || *byte >= 0x80)?;
    let symbol = &rest[..end];
    rest = rest[end..].strip_prefix(b"\",\"p\":")?;
    let price_e8 = decimal_e8(&mut rest)?;
    rest = rest.strip_prefix(b",\"v\":")?;
    let volume_e8 = decimal_e8(&mut rest)?;
    rest = rest.strip_prefix(b",\"t\":")?;
    let timestamp_ms = integer(&mut rest)?;
    let is_vwap_eligible = match rest {
        b"}" => true,
        _ => condition_list(rest.strip_prefix(b",\"c\":[")?, conditions)?,
    };
    Some(Tick { symbol, price_e8, volume_e8, timestamp_ms, is_vwap_eligible })
}

/// Digits with at most 8 decimals and no leading zero, as JSON wants them; 18 digits in all stay inside an i64.
fn decimal_e8(rest: &mut &[u8]) -> Option<i64> {
    let bytes = *rest;
    let mut value: i64 = 0;
    let mut at = 0;
    while let Some(digit) = bytes.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
        value = value.wrapping_mul(10).wrapping_add(i64::from(digit));
        at += 1;
    }
    if at == 0 || at > 10 || (at > 1 && bytes[0] == b'0') {
        return None;
    }
    let mut decimals = 0;
    if bytes.get(at) == Some(&b'.') {
        at += 1;
        while let Some(digit) = bytes.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
            value = value.wrapping_mul(10).wrapping_add(i64::from(digit));
            at += 1;
            decimals += 1;
        }
        if decimals == 0 || decimals > 8 {
            return None;
        }
    }
    *rest = &bytes[at..];
    Some(value * POWERS[8 - decimals])
}

const POWERS: [i64; 9] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

fn integer(rest: &mut &[u8]) -> Option<i64> {
    let bytes = *rest;
    let end = bytes.iter().position(|byte| !byte.is_ascii_digit())?;
    if end == 0 || end > 18 || (end > 1 && bytes[0] == b'0') {
        return None;
    }
    *rest = &bytes[end..];
    Some(bytes[..end].iter().fold(0, |value, byte| value * 10 + i64::from(byte - b'0')))
}

/// After `"c":[`: strings without escapes up to `]}`.
fn condition_list(mut rest: &[u8], conditions: &Conditions) -> Option<bool> {
    let mut is_eligible = true;
    if rest == b"]}" {
        return Some(true);
    }
    loop {
        rest = rest.strip_prefix(b"\"")?;
        let end = rest.iter().position(|byte| *byte == b'"' || *byte == b'\\' || *byte < 0x20 || *byte >= 0x80)?;
        is_eligible &= !conditions.excludes(&rest[..end]);
        match &rest[end + 1..] {
            b"]}" => return Some(is_eligible),
            [b',', more @ ..] => rest = more,
            _ => return None,
        }
    }
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow, default)]
    s: Option<&'a RawValue>,
    #[serde(borrow, default)]
    p: Option<&'a RawValue>,
    #[serde(borrow, default)]
    v: Option<&'a RawValue>,
    #[serde(borrow, default)]
    t: Option<&'a RawValue>,
    #[serde(borrow, default)]
    c: Option<&'a RawValue>,
}

fn parse_general<'a>(line: &[u8], conditions: &Conditions) -> Result<Parsed<'a>, Malformed> {
    let wire: Wire<'_> = serde_json::from_slice(line).map_err(|_| Malformed::NotJson)?;
    let symbol: String = serde_json::from_str(present("s", wire.s)?.get()).map_err(|_| Malformed::BadField("s"))?;
    let price_e8 = number("p", present("p", wire.p)?)?;
    let volume_e8 = number("v", present("v", wire.v)?)?;
    let timestamp_ms: i64 = serde_json::from_str(present("t", wire.t)?.get()).map_err(|_| Malformed::BadField("t"))?;
    let codes: Option<Vec<String>> = match wire.c {
        Some(raw) => serde_json::from_str(raw.get()).map_err(|_| Malformed::BadField("c"))?,
        None => None,
    };
    let is_vwap_eligible = !codes.unwrap_or_default().iter().any(|code| conditions.excludes(code.as_bytes()));
    check(symbol.is_empty(), price_e8, volume_e8, timestamp_ms)?;
    Ok(Parsed::Owned { symbol, price_e8, volume_e8, timestamp_ms, is_vwap_eligible })
}

fn present<'a>(field: &'static str, raw: Option<&'a RawValue>) -> Result<&'a RawValue, Malformed> {
    raw.filter(|raw| raw.get() != "null").ok_or(Malformed::MissingField(field))
}

fn number(field: &'static str, raw: &RawValue) -> Result<i64, Malformed> {
    if !raw.get().starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
        return Err(Malformed::BadField(field));
    }
    Scaled::<8>::parse(raw.get()).map(|scaled| scaled.0).map_err(|_| Malformed::OutOfRange(field))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn owned(line: &str) -> Result<(String, i64, i64, i64, bool), Malformed> {
        Ok(match parse(line.as_bytes(), &Conditions::new())? {
            Parsed::Borrowed(t) => (
                String::from_utf8(t.symbol.to_vec()).unwrap(),
                t.price_e8,
                t.volume_e8,
                t.timestamp_ms,
                t.is_vwap_eligible,
            ),
            Parsed::Owned { symbol, price_e8, volume_e8, timestamp_ms, is_vwap_eligible } => {
                (symbol, price_e8, volume_e8, timestamp_ms, is_vwap_eligible)
            }
        })
    }

    #[test]
    fn the_same_trade_in_other_clothes_is_the_same_tick() {
        let expected = Ok(("AAPL".to_owned(), 16_406_010_000, 500_000_000, 1_680_286_537_580, true));
        for line in [
            r#"{"s":"AAPL","p":164.0601,"v":5,"t":1680286537580,"c":["1","12"]}"#,
            r#"{"s":"AAPL","p":164.0601,"v":5,"t":1680286537580}"#,
            r#"{"s":"AAPL","p":164.0601,"v":5,"t":1680286537580,"c":[]}"#,
            r#"{ "t":1680286537580, "v":5.0, "p":1.640601e2, "s":"\u0041APL", "c":null, "x":{} }"#,
        ] {
            assert_eq!(owned(line), expected, "{line}");
        }
    }

    #[test]
    fn a_code_that_excludes_is_found_on_both_paths() {
        for line in [r#"{"s":"A","p":1,"v":1,"t":1,"c":["1","21"]}"#, r#"{"s":"A","p":1,"v":1,"t":1,"c":["1", "21"]}"#]
        {
            assert!(!owned(line).unwrap().4, "{line}");
        }
    }

    #[test]
    fn malformed_lines_name_the_field() {
        for (line, error) in [
            (r#"{"s":"A","p":1.5,"v":7,"t":17000"#, Malformed::NotJson),
            ("not json at all", Malformed::NotJson),
            (r#"{"s":"A","p":1.5,"t":1}"#, Malformed::MissingField("v")),
            (r#"{"s":"A","p":null,"v":1,"t":1}"#, Malformed::MissingField("p")),
            (r#"{"s":"A","p":"abc","v":1,"t":1}"#, Malformed::BadField("p")),
            (r#"{"s":"A","p":,"v":1,"t":1}"#, Malformed::NotJson),
            (r#"{"s":"A","p":0,"v":1,"t":1}"#, Malformed::OutOfRange("p")),
            (r#"{"s":"A","p":1,"v":-1,"t":1}"#, Malformed::OutOfRange("v")),
            (r#"{"s":"A","p":1,"v":1,"t":99999999999999999}"#, Malformed::OutOfRange("t")),
            (r#"{"s":"A","p":1.123456789,"v":1,"t":1}"#, Malformed::OutOfRange("p")),
            (r#"{"s":"","p":1,"v":1,"t":1}"#, Malformed::OutOfRange("s")),
            (r#"{"s":"A","p":01.5,"v":1,"t":1}"#, Malformed::NotJson),
        ] {
            assert_eq!(owned(line), Err(error), "{line}");
        }
    }

    proptest! {
        #[test]
        fn fast_and_general_path_agree(price in 1_u64..1_000_000_000_000, volume in 0_u64..1_000_000_000, at in 1_i64..4_000_000_000_000, decimals in 0_usize..9) {
            let text = |units: u64| {
                let one = 10_u64.pow(decimals as u32);
                if decimals == 0 { units.to_string() } else { format!("{}.{:0decimals$}", units / one, units % one) }
            };
            let line = format!(r#"{{"s":"X","p":{},"v":{},"t":{at},"c":["1"]}}"#, text(price), text(volume));
            let spaced = line.replace("\"p\":", "\"p\": ");
            prop_assert_eq!(owned(&line), owned(&spaced));
        }

        #[test]
        fn no_line_panics(line in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = parse(&line, &Conditions::new());
        }
    }
}
