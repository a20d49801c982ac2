//! What a payload is about and when it happened, where its bytes do not say.
//! ORI-1: a fact that the vendor times by a game's clock alone has the start of the game, where that is known, plus the
//! clock; else the time of receipt; without one the clock from 1970 on, so that order and distance are kept and nothing
//! depends on when a file is read.

/// When something happened `elapsed_ms` after a start that may be unknown, ORI-1.
pub(crate) fn time_ms(start_ms: Option<i64>, received_at_ms: Option<i64>, elapsed_ms: i64) -> i64 {
    start_ms.map(|start| start.saturating_add(elapsed_ms)).or(received_at_ms).unwrap_or(elapsed_ms)
}

/// What the payload is about where its bytes do not say: the last part of its address or file name, endings left out.
pub(crate) fn origin_stem(origin: &str) -> &str {
    const ENDINGS: [&str; 12] =
        [".gz", ".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt", ".dat", ".xml", ".fit", ".tcx", ".gpx"];
    let path = origin.split(['?', '#']).next().unwrap_or_default();
    let mut stem = path.trim_end_matches('/').rsplit(['/', '\\']).next().unwrap_or_default();
    while let Some(shorter) = ENDINGS.iter().find_map(|ending| stem.strip_suffix(ending)) {
        stem = shorter;
    }
    stem
}

/// Shorter numbers in a name count something; no vendor's match has so few digits.
const NUMBER_DIGITS_MIN: usize = 4;

/// The number in the name of an origin, the longest if there are several: `three_sixty_3795108` is match 3795108.
pub(crate) fn origin_number(origin: &str) -> Option<&str> {
    let numbers =
        origin_stem(origin).split(|c: char| !c.is_ascii_digit()).filter(|digits| digits.len() >= NUMBER_DIGITS_MIN);
    numbers.max_by_key(|digits| digits.len())
}

/// Hours, minutes, seconds and a fraction in ms.
pub(crate) fn parse_clock_ms(text: &str) -> Option<i64> {
    let mut ms = 0_i64;
    let parts: Vec<&str> = text.trim().split(':').collect();
    if parts.len() > 3 {
        return None;
    }
    for (index, part) in parts.iter().enumerate() {
        let is_last = index + 1 == parts.len();
        let (whole, fraction) = if is_last { part.split_once('.').unwrap_or((part, "")) } else { (*part, "") };
        let is_number = |digits: &str| digits.len() <= 9 && digits.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !is_number(whole) || !is_number(fraction) {
            return None;
        }
        ms = ms * 60 + whole.parse::<i64>().ok()? * 1000;
        if !fraction.is_empty() {
            ms += format!("{fraction:0<3.3}").parse::<i64>().ok()?;
        }
    }
    Some(ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_names_what_a_payload_is_about() {
        assert_eq!(origin_stem("/data/events/15946.json.gz"), "15946");
        assert_eq!(origin_stem("https://host/v8/events/15946?key=1"), "15946");
        assert_eq!(origin_number("three_sixty_3795108_truncated.json"), Some("3795108"));
        assert_eq!(origin_number("events.json"), None);
    }

    #[test]
    fn clocks_of_one_two_and_three_parts_are_read() {
        for (text, ms) in [
            ("00:16:20.966", Some(980_966)),
            ("1:39:15.3", Some(5_955_300)),
            ("45:00", Some(2_700_000)),
            ("12.5", Some(12_500)),
            ("", None),
            ("00:1x:00", None),
            ("-1:00", None),
            ("1:2:3:4", None),
            ("99999999999:00", None),
        ] {
            assert_eq!(parse_clock_ms(text), ms, "{text}");
        }
    }
}
