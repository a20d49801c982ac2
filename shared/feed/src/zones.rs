//! Local times of vendors that write no zone: the clock of New York and of London, by their rules since 1987 and 1996.
//! ZONE-1: the hour that is skipped or repeated is read as standard time; no game starts in it.

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// UTC of a clock in New York.
pub(crate) fn new_york_to_utc_ms(local_ms: i64) -> i64 {
    let year = year_of(local_ms);
    // Two in the morning: since 2007 from the second Sunday of March to the first of November, before that from the
    // first Sunday of April to the last of October.
    let (from, to) = if year >= 2007 {
        (sunday_from(year, 3, 8), sunday_from(year, 11, 1))
    } else {
        (sunday_from(year, 4, 1), sunday_from(year, 10, 25))
    };
    let is_summer = local_ms >= from + 2 * HOUR_MS && local_ms < to + HOUR_MS;
    local_ms + if is_summer { 4 } else { 5 } * HOUR_MS
}

/// UTC of a clock in London.
pub(crate) fn london_to_utc_ms(local_ms: i64) -> i64 {
    let year = year_of(local_ms);
    let (from, to) = (sunday_from(year, 3, 25), sunday_from(year, 10, 25));
    let is_summer = local_ms >= from + HOUR_MS && local_ms < to + HOUR_MS;
    local_ms - if is_summer { HOUR_MS } else { 0 }
}

fn year_of(ms: i64) -> i64 {
    touchline_event::format_utc_ms(ms).get(..4).and_then(|year| year.parse().ok()).unwrap_or(1970)
}

/// Midnight of the first Sunday on or after a day.
fn sunday_from(year: i64, month: i64, day: i64) -> i64 {
    let start_ms = touchline_event::parse_utc_ms(&format!("{year:04}-{month:02}-{day:02}")).unwrap_or_default();
    // 1970 began on a Thursday.
    let weekday = (start_ms.div_euclid(DAY_MS) + 4).rem_euclid(7);
    start_ms + (7 - weekday).rem_euclid(7) * DAY_MS
}

#[cfg(test)]
mod tests {
    use touchline_event::{format_utc_ms, parse_utc_ms};

    use super::*;

    #[test]
    fn summer_begins_and_ends_on_its_sundays() {
        for (convert, local, utc) in [
            (new_york_to_utc_ms as fn(i64) -> i64, "2023-11-05T00:59", "2023-11-05T04:59:00.000Z"),
            (new_york_to_utc_ms, "2023-11-05T13:00", "2023-11-05T18:00:00.000Z"),
            (new_york_to_utc_ms, "2023-10-29T13:00", "2023-10-29T17:00:00.000Z"),
            (new_york_to_utc_ms, "1999-10-31T13:00", "1999-10-31T18:00:00.000Z"),
            (new_york_to_utc_ms, "1999-10-24T13:00", "1999-10-24T17:00:00.000Z"),
            (new_york_to_utc_ms, "2024-02-11T18:30", "2024-02-11T23:30:00.000Z"),
            (london_to_utc_ms, "2024-08-17T12:30", "2024-08-17T11:30:00.000Z"),
            (london_to_utc_ms, "2024-10-27T14:00", "2024-10-27T14:00:00.000Z"),
            (london_to_utc_ms, "2024-03-31T14:00", "2024-03-31T13:00:00.000Z"),
        ] {
            assert_eq!(format_utc_ms(convert(parse_utc_ms(local).unwrap())), utc, "{local}");
        }
    }
}
