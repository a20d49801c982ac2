//! Odds in the forms that vendors write, as decimal odds in units of 10^-6.
//! ODDS-1: rounded half away from zero, in integers.

/// One in decimal odds, 10^-6.
pub(crate) const ONE_E6: i64 = 1_000_000;
/// American odds start here, on either side of zero.
pub(crate) const AMERICAN_MIN: i64 = 100;
/// Decimal odds beyond this are a mistake; exchanges end at 1000, outrights reach five figures.
pub(crate) const PRICE_E6_MAX: i64 = 1_000_000 * ONE_E6;

/// +164 pays 1.64 on 1; -198 pays 1 on 1.98. 0 for what is no American price.
pub(crate) fn american_to_price_e6(american_e2: i64) -> i64 {
    let american = i128::from(american_e2);
    if american.abs() < i128::from(AMERICAN_MIN * 100) {
        return 0;
    }
    let one = i128::from(ONE_E6);
    let profit_e6 = if american > 0 {
        american * 100
    } else {
        // Half away from zero; both sides are positive.
        let stake = -american;
        (one * 10_000 * 2 + stake) / (stake * 2)
    };
    i64::try_from(one + profit_e6).unwrap_or(0)
}

/// Whether decimal odds can be meant seriously.
pub(crate) fn is_price(price_e6: i64) -> bool {
    price_e6 > ONE_E6 && price_e6 <= PRICE_E6_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn american_odds_become_decimal_rounded_half_away_from_zero() {
        for (american, price_e6) in [
            (164, 2_640_000),
            (-198, 1_505_051),
            (-110, 1_909_091),
            (100, 2_000_000),
            (-100, 2_000_000),
            (-300, 1_333_333),
            (-64_000, 1_001_563),
            (99, 0),
            (0, 0),
            (-1, 0),
        ] {
            assert_eq!(american_to_price_e6(american * 100), price_e6, "{american}");
        }
    }
}
