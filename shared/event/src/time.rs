//! UTC milliseconds and their text. Accepts what vendors really send: `Z` or an offset, with or without
//! seconds, fractions of any length. Reads no clock.

/// Milliseconds since 1970 of an RFC 3339-like time: `2023-10-29T17:02:54Z`, `2023-10-29T17:00Z`,
/// `2026-04-16T19:00:22.965965+00:00`, `2023-10-29 17:02:54`. `None` when it is not one.
pub fn parse_utc_ms(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let year = digits(bytes, 0, 4)?;
    let (month, day) = (
        sep(bytes, 4, b"-").and_then(|()| digits(bytes, 5, 2))?,
        sep(bytes, 7, b"-").and_then(|()| digits(bytes, 8, 2))?,
    );
    if bytes.len() == 10 {
        return civil_ms(year, month, day, 0, 0, 0);
    }
    sep(bytes, 10, b"Tt ")?;
    let hour = digits(bytes, 11, 2)?;
    let minute = sep(bytes, 13, b":").and_then(|()| digits(bytes, 14, 2))?;
    let mut at = 16;
    let mut second = 0;
    let mut fraction_ms = 0;
    if bytes.get(at) == Some(&b':') {
        second = digits(bytes, at + 1, 2)?;
        at += 3;
        if matches!(bytes.get(at), Some(b'.' | b',')) {
            at += 1;
            let start = at;
            while bytes.get(at).is_some_and(u8::is_ascii_digit) {
                if at - start < 3 {
                    fraction_ms += i64::from(bytes[at] - b'0') * [100, 10, 1][at - start];
                }
                at += 1;
            }
            if at == start {
                return None;
            }
        }
    }
    let offset_minutes = offset(&bytes[at.min(bytes.len())..])?;
    Some(civil_ms(year, month, day, hour, minute, second)? + fraction_ms - offset_minutes * 60_000)
}

/// `2023-10-29T17:02:54.000Z`.
pub fn format_utc_ms(ms: i64) -> String {
    let days = ms.div_euclid(86_400_000);
    let of_day = ms.rem_euclid(86_400_000);
    let (year, month, day) = civil_from_days(days);
    let (second_of_day, fraction) = (of_day / 1000, of_day % 1000);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{fraction:03}Z",
        second_of_day / 3600,
        second_of_day / 60 % 60,
        second_of_day % 60
    )
}

fn digits(bytes: &[u8], at: usize, count: usize) -> Option<i64> {
    let slice = bytes.get(at..at + count)?;
    slice.iter().try_fold(0, |value, byte| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0')))
}

fn sep(bytes: &[u8], at: usize, any_of: &[u8]) -> Option<()> {
    bytes.get(at).filter(|byte| any_of.contains(byte)).map(|_| ())
}

fn offset(rest: &[u8]) -> Option<i64> {
    match rest {
        [] | [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), tail @ ..] => {
            let hours = digits(tail, 0, 2)?;
            let minutes = match &tail[2..] {
                [] => 0,
                [b':', more @ ..] if more.len() == 2 => digits(more, 0, 2)?,
                more if more.len() == 2 => digits(more, 0, 2)?,
                _ => return None,
            };
            let total = hours * 60 + minutes;
            Some(if *sign == b'-' { -total } else { total })
        }
        _ => None,
    }
}

fn civil_ms(year: i64, month: i64, day: i64, hour: i64, minute: i64, second: i64) -> Option<i64> {
    let is_valid = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second <= 60;
    is_valid.then(|| (days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second) * 1000)
}

// Howard Hinnant's civil calendar algorithms: proleptic Gregorian, exact for every year in use.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let year_of_era = y - era * 400;
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z - era * 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let mp = (5 * day_of_year + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * mp + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vendor_times_are_read_in_all_their_shapes() {
        for (text, ms) in [
            ("2023-10-29T17:02:54Z", 1_698_598_974_000),
            ("2023-10-29T17:00Z", 1_698_598_800_000),
            ("2026-04-16T19:00:22.965965+00:00", 1_776_366_022_965),
            ("2026-04-16T19:00:22-04:00", 1_776_380_422_000),
            ("2026-04-16T19:00:22+0530", 1_776_346_222_000),
            ("2023-10-29 17:02:54", 1_698_598_974_000),
            ("1970-01-01", 0),
        ] {
            assert_eq!(parse_utc_ms(text), Some(ms), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "yesterday",
            "2023-13-01T00:00Z",
            "2023-10-29T25:00Z",
            "2023-10-29T17:00:00Q",
            "20231029",
            "2023-10-29T17:00:00.Z",
            "2023-10-29T17:00:00+1",
        ] {
            assert_eq!(parse_utc_ms(text), None, "{text}");
        }
    }

    #[test]
    fn text_and_milliseconds_are_inverse() {
        for ms in [0, 951_782_400_123, 1_698_598_974_000, 4_102_444_799_999, -1] {
            assert_eq!(parse_utc_ms(&format_utc_ms(ms)), Some(ms));
        }
    }
}
