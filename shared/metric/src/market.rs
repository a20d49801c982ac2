//! A market at one moment: implied probability, overround, fair prices, consensus, best price. Pure functions of quotes.
//!
//! | figure | formula |
//! |---|---|
//! | implied probability | 1 / o |
//! | overround | Σ 1/o − 1 over all outcomes of one book |
//! | multiplicative devig | (1/oᵢ) / Σ 1/o |
//! | consensus | median over books of the fair probability, per outcome |
//! | best price | highest decimal odds over books, per outcome |

use std::collections::BTreeMap;

use serde::Serialize;

use crate::median;

/// 1 / decimal odds. Odds are above 1 by the time they are events.
pub fn implied_probability(decimal_odds: f64) -> f64 {
    1.0 / decimal_odds
}

/// What the book takes: Σ 1/o − 1.
///
/// ```
/// // 1.90 on either side: 2 / 1.9 - 1 = 5.26 %.
/// assert!((touchline_metric::overround(&[1.9, 1.9]) - 0.052_631_578_947).abs() < 1e-9);
/// ```
pub fn overround(decimal_odds: &[f64]) -> f64 {
    decimal_odds.iter().copied().map(implied_probability).sum::<f64>() - 1.0
}

/// Fair probabilities, each outcome's share of the implied total.
pub fn devig_multiplicative(decimal_odds: &[f64]) -> Vec<f64> {
    let total: f64 = decimal_odds.iter().copied().map(implied_probability).sum();
    decimal_odds.iter().map(|odds| implied_probability(*odds) / total).collect()
}

/// An outcome's fair probability over books.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FairOutcome {
    pub outcome: String,
    pub fair_probability: f64,
    pub book_count: usize,
}

/// The best offer on an outcome.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BestPrice {
    pub outcome: String,
    pub book: String,
    pub price: f64,
}

/// Median fair probability per outcome over the books that quote every outcome. `books`: book -> outcome -> decimal odds.
pub fn consensus(books: &BTreeMap<String, BTreeMap<String, f64>>) -> Vec<FairOutcome> {
    let outcome_count = books.values().map(BTreeMap::len).max().unwrap_or(0);
    let mut fair: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    // A book that misses an outcome has no overround to take out.
    for prices in books.values().filter(|prices| prices.len() == outcome_count && outcome_count > 1) {
        let odds: Vec<f64> = prices.values().copied().collect();
        for (outcome, probability) in prices.keys().zip(devig_multiplicative(&odds)) {
            fair.entry(outcome).or_default().push(probability);
        }
    }
    fair.into_iter()
        .filter_map(|(outcome, probabilities)| {
            let fair_probability = median(&probabilities)?;
            Some(FairOutcome { outcome: outcome.to_owned(), fair_probability, book_count: probabilities.len() })
        })
        .collect()
}

/// The highest odds per outcome; the first book by name where several offer it.
pub fn best_prices(books: &BTreeMap<String, BTreeMap<String, f64>>) -> Vec<BestPrice> {
    let mut best: BTreeMap<&str, (&str, f64)> = BTreeMap::new();
    for (book, prices) in books {
        for (outcome, price) in prices {
            let slot = best.entry(outcome).or_insert((book, *price));
            if *price > slot.1 {
                *slot = (book, *price);
            }
        }
    }
    best.into_iter()
        .map(|(outcome, (book, price))| BestPrice { outcome: outcome.to_owned(), book: book.to_owned(), price })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn books() -> BTreeMap<String, BTreeMap<String, f64>> {
        let book = |a, b| BTreeMap::from([("Over".to_owned(), a), ("Under".to_owned(), b)]);
        BTreeMap::from([
            ("a".into(), book(1.9, 1.9)),
            ("b".into(), book(2.0, 1.8)),
            ("c".into(), book(1.8, 2.0)),
            ("d".into(), BTreeMap::from([("Over".to_owned(), 9.0)])),
        ])
    }

    #[test]
    fn fair_probabilities_sum_to_one() {
        let fair = devig_multiplicative(&[1.5, 4.2, 7.0]);
        assert!((fair.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn consensus_is_the_median_over_complete_books() {
        let fair = consensus(&books());
        assert_eq!(fair[0].book_count, 3);
        assert!((fair[0].fair_probability - 0.5).abs() < 1e-12);
    }

    #[test]
    fn the_best_price_may_come_from_an_incomplete_book() {
        assert_eq!(best_prices(&books())[0], BestPrice { outcome: "Over".into(), book: "d".into(), price: 9.0 });
    }
}
