//! Prices, odds, sizes and points as scaled integers: a decimal number times 10^SCALE, exact.
//! NUM-1: a vendor number with at most 15 significant digits converts without error or not at all.
//! Floats appear only in derived outputs, never in state.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Why a number was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    #[error("not a decimal number")]
    NotDecimal,
    #[error("more than {0} decimals")]
    TooPrecise(u32),
    #[error("out of range")]
    OutOfRange,
}

/// A decimal number held as an integer of 10^-SCALE units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Scaled<const SCALE: u32>(pub i64);

/// An `i128` has 39 digits: a shift by more than this ends where this one does.
const MAX_SHIFT: i64 = 100;

impl<const SCALE: u32> Scaled<SCALE> {
    /// Units in one.
    pub const ONE: i64 = 10_i64.pow(SCALE);

    /// From decimal text such as `-12.50` or `1.5e3`. Digits beyond the scale are refused unless they are zeros.
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        let (mantissa, exponent) = match text.find(['e', 'E']) {
            Some(at) => (&text[..at], text[at + 1..].parse::<i32>().map_err(|_| NumberError::NotDecimal)?),
            None => (text, 0),
        };
        let (is_negative, digits) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() && fraction.is_empty() {
            return Err(NumberError::NotDecimal);
        }
        let mut value: i128 = 0;
        for byte in whole.bytes().chain(fraction.bytes()) {
            if !byte.is_ascii_digit() {
                return Err(NumberError::NotDecimal);
            }
            value = value
                .checked_mul(10)
                .and_then(|v| v.checked_add(i128::from(byte - b'0')))
                .ok_or(NumberError::OutOfRange)?;
        }
        let shift = i64::from(SCALE) + i64::from(exponent) - fraction.len() as i64;
        value = shift_decimal(value, shift.clamp(-MAX_SHIFT, MAX_SHIFT) as i32)?;
        let value = if is_negative { -value } else { value };
        i64::try_from(value).map(Self).map_err(|_| NumberError::OutOfRange)
    }

    /// From a float that came out of a JSON number: the nearest unit. Exact up to 15 significant digits.
    pub fn from_f64(value: f64) -> Result<Self, NumberError> {
        if !value.is_finite() {
            return Err(NumberError::NotDecimal);
        }
        let scaled = (value * Self::ONE as f64).round();
        if scaled.abs() >= 9.2e18 {
            return Err(NumberError::OutOfRange);
        }
        Ok(Self(scaled as i64))
    }

    /// The last step of a derived figure.
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / Self::ONE as f64
    }
}

fn shift_decimal(mut value: i128, shift: i32) -> Result<i128, NumberError> {
    if value == 0 {
        return Ok(0);
    }
    if shift >= 0 {
        let factor = 10_i128.checked_pow(shift as u32).ok_or(NumberError::OutOfRange)?;
        return value.checked_mul(factor).ok_or(NumberError::OutOfRange);
    }
    for _ in 0..-shift {
        if value % 10 != 0 {
            return Err(NumberError::TooPrecise((-shift) as u32));
        }
        value /= 10;
    }
    Ok(value)
}

/// `units` of 10^-scale as shortest decimal text: `(15_000, 4)` is `1.5`.
pub fn decimal_string(units: i128, scale: u32) -> String {
    let one = 10_u128.pow(scale);
    let magnitude = units.unsigned_abs();
    let sign = if units < 0 { "-" } else { "" };
    let (whole, fraction) = (magnitude / one, magnitude % one);
    if fraction == 0 {
        return format!("{sign}{whole}");
    }
    let fraction = format!("{fraction:0width$}", width = scale as usize);
    format!("{sign}{whole}.{}", fraction.trim_end_matches('0'))
}

impl<const SCALE: u32> fmt::Display for Scaled<SCALE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&decimal_string(i128::from(self.0), SCALE))
    }
}

impl<const SCALE: u32> Serialize for Scaled<SCALE> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0)
    }
}

impl<'de, const SCALE: u32> Deserialize<'de> for Scaled<SCALE> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        i64::deserialize(deserializer).map(Self).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_text_becomes_exact_units() {
        for (text, units) in [
            ("164.0601", 16_406_010_000),
            ("-0.5", -50_000_000),
            ("1.5e3", 150_000_000_000),
            ("0.01559", 1_559_000),
            (".5", 50_000_000),
            ("1.10000000000", 110_000_000),
        ] {
            assert_eq!(Scaled::<8>::parse(text), Ok(Scaled(units)), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_exact_is_refused() {
        assert_eq!(Scaled::<2>::parse("1.005"), Err(NumberError::TooPrecise(1)));
        assert_eq!(Scaled::<8>::parse("1e30"), Err(NumberError::OutOfRange));
        assert_eq!(Scaled::<8>::parse("1e2147483647"), Err(NumberError::OutOfRange));
        assert_eq!(Scaled::<8>::parse("0e2147483647"), Ok(Scaled(0)));
        assert!(matches!(Scaled::<8>::parse("1.5e-2147483648"), Err(NumberError::TooPrecise(_))));
        for text in ["", "-", "abc", "1,5", "NaN", "1e", "0x10"] {
            assert_eq!(Scaled::<8>::parse(text), Err(NumberError::NotDecimal), "{text}");
        }
        assert!(Scaled::<8>::from_f64(f64::NAN).is_err());
        assert!(Scaled::<8>::from_f64(1e12).is_err());
    }

    #[test]
    fn floats_of_fifteen_digits_agree_with_their_text() {
        for text in ["164.0601", "66972.77", "0.01559", "7296.89", "0.011467", "1.01", "1000"] {
            let float: f64 = text.parse().unwrap_or(f64::NAN);
            assert_eq!(Scaled::<8>::from_f64(float), Scaled::<8>::parse(text), "{text}");
        }
    }

    #[test]
    fn decimal_strings_are_short() {
        assert_eq!(decimal_string(15_000, 4), "1.5");
        assert_eq!(decimal_string(-5, 2), "-0.05");
        assert_eq!(decimal_string(300, 2), "3");
    }
}
