//! Finnhub's trade condition codes and whether the tape's rules let such a print make a price.
//! Codes and labels: the list Finnhub's docs link from "trade conditions" (websocket-trades, stock-tick).
//! Verdicts: sale-condition processing of the consolidated tape (CTS and UTP participant specifications): a print
//! is kept out where the rules keep it from the last price because its price or its time is not the market's, or
//! because it carries no volume of its own.
//! Odd lots and Form-T prints do not set the tape's last price either, but they are real trades at market prices and
//! real volume: VWAP keeps them.

/// Code, Finnhub's label, whether the print counts for VWAP and the price registers.
#[rustfmt::skip]
const CONDITIONS: &[(&str, &str, bool)] = &[
    ("1", "Regular", true),
    ("2", "Acquisition", true),
    ("3", "Average Price Trade", false),
    ("4", "Bunched", true),
    ("5", "Cash Sale", false),
    ("6", "Distribution", true),
    ("7", "Automatic Execution", true),
    ("8", "Intermarket Sweep Order", true),
    ("9", "Bunched Sold", false),
    ("10", "Price Variation Trade", false),
    ("11", "Cap Election", false),
    ("12", "Odd Lot Trade", true),
    ("13", "Rule 127", true),
    ("14", "Rule 155", true),
    ("15", "Sold Last", true),
    ("16", "Market Center Official Close", false),
    ("17", "Next Day", false),
    ("18", "Market Center Opening Trade", true),
    ("19", "Opening Prints", true),
    ("20", "Market Center Official Open", false),
    ("21", "Prior Reference Price", false),
    ("22", "Seller", false),
    ("23", "Split Trade", true),
    ("24", "Form-T Trade", true),
    ("25", "Extended Hours (Sold Out of Sequence)", false),
    ("26", "Contingent Trade", false),
    ("27", "Stock Option Trade", false),
    ("28", "Cross Trade", true),
    ("29", "Yellow Flag", true),
    ("30", "Sold (Out of Sequence)", false),
    ("31", "Stopped Stock", true),
    ("32", "Derivatively Priced", false),
    ("33", "Market Center Re-opening Trade", true),
    ("34", "Re-opening Prints", true),
    ("35", "Market Center Closing Trade", true),
    ("36", "Closing Prints", true),
    ("37", "Qualified Contingent Trade", false),
    ("38", "Placeholder for 611 Exempt", true),
    ("39", "Corrected Consolidated Close", false),
    ("40", "Opened", true),
    ("41", "Trade Through Exempt (TTE)", true),
];

/// Whether a print with these codes counts: one excluding code is enough; a code not in the list excludes nothing.
pub(super) fn is_vwap_eligible(conditions: &[String]) -> bool {
    !conditions.iter().any(|code| excludes(code))
}

/// Whether this one code keeps a print out of VWAP and the price registers.
pub fn excludes(code: &str) -> bool {
    CONDITIONS.iter().any(|(known, _, is_eligible)| *known == code && !is_eligible)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eligible(codes: &[&str]) -> bool {
        is_vwap_eligible(&codes.iter().map(|code| (*code).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn everyday_prints_count_and_one_excluding_code_is_enough() {
        for codes in [&["1"][..], &["1", "8"], &["1", "12"], &["1", "8", "24", "12"], &[], &["99"]] {
            assert!(eligible(codes), "{codes:?}");
        }
        for codes in [&["3"][..], &["1", "21"], &["1", "32", "12"], &["1", "30"], &["39"]] {
            assert!(!eligible(codes), "{codes:?}");
        }
    }

    #[test]
    fn codes_stand_once_and_in_order() {
        let codes: Vec<u32> = CONDITIONS
            .iter()
            .map(|(code, label, _)| {
                assert!(!label.is_empty());
                code.parse().unwrap()
            })
            .collect();
        assert_eq!(codes, (1..=41).collect::<Vec<_>>());
    }
}
