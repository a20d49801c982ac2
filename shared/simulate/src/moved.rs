//! Times inside a payload, moved by one amount; every other byte stays as the vendor sent it.
//! MOV-1: moving by 0 gives the same bytes, and moving there and back gives them again; a time keeps its spelling.
//! A time is a JSON string that is a whole date and time (with `Z`, an offset, or nothing), or a number under a key that the vendor
//! uses for unix time. Dates without a time stay: they are birthdays and seasons.

use touchline_event::{format_utc_ms, parse_utc_ms};

/// The keys under which a vendor sends unix times, and their unit.
#[derive(Debug, Clone, Copy)]
pub struct UnixTimes {
    pub keys: &'static [&'static str],
    pub unit_ms: i64,
}

impl UnixTimes {
    /// A vendor that sends text only.
    pub const NONE: Self = Self { keys: &[], unit_ms: 1 };
}

/// Shortest text with a date and a time: `2026-07-04T17:00`.
const TIME_BYTES_MIN: usize = 16;
const SECONDS_BYTES: usize = 19;

/// The payload with its times `by_ms` later.
pub fn moved(bytes: &[u8], by_ms: i64, unix: UnixTimes) -> Vec<u8> {
    if by_ms == 0 {
        return bytes.to_vec();
    }
    let mut out = Vec::with_capacity(bytes.len() + 16);
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] != b'"' {
            out.push(bytes[at]);
            at += 1;
            continue;
        }
        let end = string_end(bytes, at + 1);
        let text = &bytes[at + 1..end];
        out.push(b'"');
        match std::str::from_utf8(text).ok().and_then(|text| moved_text(text, by_ms)) {
            Some(moved) => out.extend_from_slice(moved.as_bytes()),
            None => out.extend_from_slice(text),
        }
        at = end;
        if unix.keys.iter().any(|key| key.as_bytes() == text) {
            at = copy_number_after(bytes, end, by_ms / unix.unit_ms, &mut out);
        }
        // The closing quote, unless it was copied with a number or never came.
        if at == end && at < bytes.len() {
            out.push(bytes[at]);
            at += 1;
        }
    }
    out
}

/// Where the string that begins at `from` has its closing quote, or the end of the bytes.
fn string_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at.min(bytes.len())
}

/// Copies `": 123` with a later number; where no number follows nothing is copied. The place behind what was copied.
fn copy_number_after(bytes: &[u8], quote: usize, by_units: i64, out: &mut Vec<u8>) -> usize {
    let mut at = quote + 1;
    while at < bytes.len() && (bytes[at] == b':' || bytes[at].is_ascii_whitespace()) {
        at += 1;
    }
    let digits = bytes[at.min(bytes.len())..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number =
        std::str::from_utf8(&bytes[at.min(bytes.len())..][..digits]).ok().and_then(|text| text.parse::<i64>().ok());
    let Some(number) = number else { return quote };
    out.extend_from_slice(&bytes[quote..at]);
    out.extend_from_slice((number + by_units).to_string().as_bytes());
    at + digits
}

/// The time in its own spelling, later; `None` where the text is none.
fn moved_text(text: &str, by_ms: i64) -> Option<String> {
    if text.len() < TIME_BYTES_MIN || !text.is_ascii() {
        return None;
    }
    // Read as if in UTC: an offset stays what it was, and so does the distance.
    let local_end = text[TIME_BYTES_MIN..].find(['Z', '+', '-']).map_or(text.len(), |at| at + TIME_BYTES_MIN);
    parse_utc_ms(text)?;
    let moved = format_utc_ms(parse_utc_ms(&text[..local_end])? + by_ms);
    let separator = &text[10..11];
    let clock_end = local_end.min(SECONDS_BYTES);
    // A fraction of any length stays: the distance is of whole milliseconds, and of whole seconds wherever it matters.
    let fraction = match &text[clock_end..local_end] {
        "" => String::new(),
        told if by_ms % 1000 == 0 => told.to_owned(),
        _ => moved[SECONDS_BYTES..SECONDS_BYTES + 4].to_owned(),
    };
    Some(format!("{}{separator}{}{fraction}{}", &moved[..10], &moved[11..clock_end], &text[local_end..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TRADES: UnixTimes = UnixTimes { keys: &["t"], unit_ms: 1 };
    const DAY_MS: i64 = 86_400_000;

    #[test]
    fn each_spelling_of_a_time_is_kept_and_what_is_no_time_stays() {
        for (text, expected) in [
            (r#"{"date":"2026-07-04T17:00Z"}"#, r#"{"date":"2026-07-05T17:00Z"}"#),
            (r#"{"a":"2023-10-29T17:02:54.123456+00:00"}"#, r#"{"a":"2023-10-30T17:02:54.123456+00:00"}"#),
            (r#"{"a":"2023-10-31 23:02:54"}"#, r#"{"a":"2023-11-01 23:02:54"}"#),
            (r#"{"a":"2023-12-31T23:02:54-07:00"}"#, r#"{"a":"2024-01-01T23:02:54-07:00"}"#),
            (r#"{"s":"x","t": 1680286537580}"#, r#"{"s":"x","t": 1680372937580}"#),
            (r#"{"t":"text","t":null,"born":"1990-01-01"}"#, r#"{"t":"text","t":null,"born":"1990-01-01"}"#),
            (
                r#"{"say":"\"2026-07-04T17:00Z\" he said","x":[1,2.50]}"#,
                r#"{"say":"\"2026-07-04T17:00Z\" he said","x":[1,2.50]}"#,
            ),
            (r#"{"cut":"2026-07-04T"#, r#"{"cut":"2026-07-04T"#),
        ] {
            assert_eq!(String::from_utf8(moved(text.as_bytes(), DAY_MS, TRADES)).unwrap(), expected);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_survive_and_moving_back_restores_them(bytes in "[\"{}:,t0-9\\\\TZ. -]{0,80}", by in -40_000_i64..40_000) {
            let there = moved(bytes.as_bytes(), by * 1000, UnixTimes::NONE);
            let back = moved(&there, -by * 1000, UnixTimes::NONE);
            prop_assert_eq!(String::from_utf8(back).unwrap(), bytes);
        }

        #[test]
        fn a_time_moved_is_later_by_that_much(at in 0_i64..4_000_000_000_000, by in -1_000_000_i64..1_000_000) {
            let text = format!("{{\"at\":\"{}\"}}", format_utc_ms(at + 1_000_000_000));
            let later = String::from_utf8(moved(text.as_bytes(), by, UnixTimes::NONE)).unwrap();
            let inner = &later[7..later.len() - 2];
            prop_assert_eq!(parse_utc_ms(inner), Some(at + 1_000_000_000 + by));
        }
    }
}
