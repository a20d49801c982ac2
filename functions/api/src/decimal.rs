//! Figures as text: money and odds as decimal strings, instants as RFC 3339.
//! DEC-1: no digit is shown that a double does not hold; at most 15 significant ones.

use touchline_event::format_utc_ms;

/// Decimals of a price, volume or turnover.
pub const MONEY_PLACES: i32 = 8;
/// Decimals of decimal odds.
pub const ODDS_PLACES: i32 = 6;
/// Significant digits that survive a double.
const DIGITS_MAX: i32 = 15;

/// `1.91`: at most `places` decimals, no trailing zeros.
pub fn decimal(value: f64, places: i32) -> String {
    if !value.is_finite() {
        return value.to_string();
    }
    let whole_digits = if value.abs() < 1.0 { 1 } else { value.abs().log10() as i32 + 1 };
    let places = places.min(DIGITS_MAX - whole_digits).max(0) as usize;
    let text = format!("{value:.places$}");
    let short = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if short == "-0" { "0".to_owned() } else { short.to_owned() }
}

/// A price or a quantity of money or goods.
pub fn money(value: f64) -> String {
    decimal(value, MONEY_PLACES)
}

/// Decimal odds.
pub fn odds(value: f64) -> String {
    decimal(value, ODDS_PLACES)
}

/// A handicap or total in hundredths: `-3.5`.
pub fn point(units_e2: i64) -> String {
    touchline_event::decimal_string(i128::from(units_e2), 2)
}

/// An instant as the API writes it; `None` for the mark of a pane that counted nothing.
pub fn instant(ms: i64) -> Option<String> {
    (ms != i64::MIN).then(|| format_utc_ms(ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_short_and_honest() {
        for (value, text) in [
            (1.91, "1.91"),
            (100.0, "100"),
            (-0.000_000_000_1, "0"),
            (10.0 / 3.0, "3.33333333"),
            (123_456_789_012.345_67, "123456789012.346"),
            (0.0, "0"),
            (1e20, "100000000000000000000"),
            (f64::INFINITY, "inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(money(value), text);
        }
        assert_eq!(point(-350), "-3.5");
    }
}
