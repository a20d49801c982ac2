//! A stream of trades as a market sends it, made from a seed: the same seed gives the same bytes everywhere.
//! GEN-1: integers only, so that no platform's floating point can change a byte.
//! Shape: 500 symbols with Zipf frequencies, 5 million lines per hour of event time, 30 % of the lines up to two
//! seconds late, 0.5 % repeated exactly within the next 300 lines, 0.1 % malformed in five ways.

use std::io::{self, Write};

pub const SYMBOL_COUNT: usize = 500;
const START_MS: u64 = 1_700_000_000_000;
const LINES_PER_HOUR: u64 = 5_000_000;
const LATENESS_MS_MAX: u64 = 2_000;
const DUPLICATE_DISTANCE_LINES_MAX: u64 = 300;
const CONDITIONS: [&str; 6] = [r#"["1"]"#, r#"["1"]"#, r#"["1","12"]"#, r#"["1","24","12"]"#, "[]", r#"["1","8"]"#];

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    pub line_count: u64,
    pub duplicate_count: u64,
    pub malformed_count: u64,
    pub late_count: u64,
}

/// Writes exactly `line_count` lines, duplicates and malformed ones among them.
pub fn write(line_count: u64, seed: u64, out: &mut impl Write) -> io::Result<Written> {
    let mut market = Market::new(seed);
    let mut written = Written::default();
    let mut waiting: Vec<(u64, Vec<u8>)> = Vec::new();
    let mut line = Vec::with_capacity(128);
    while written.line_count < line_count {
        let index = written.line_count;
        written.line_count += 1;
        if let Some(at) = waiting.iter().position(|(due, _)| *due <= index) {
            out.write_all(&waiting.swap_remove(at).1)?;
            written.duplicate_count += 1;
            continue;
        }
        let trade = market.trade(index);
        written.late_count += u64::from(trade.is_late);
        line.clear();
        match market.random.below(1000) {
            0 => {
                written.malformed_count += 1;
                let kind = market.random.below(5);
                write_malformed(&trade, kind, &mut line)?;
            }
            draw => {
                write_trade(&trade, &mut line)?;
                if draw <= 5 {
                    let due = index + 1 + market.random.below(DUPLICATE_DISTANCE_LINES_MAX);
                    waiting.push((due, line.clone()));
                }
            }
        }
        out.write_all(&line)?;
    }
    Ok(written)
}

struct Trade {
    symbol: String,
    price_cents: u64,
    volume: u64,
    time_ms: u64,
    conditions: &'static str,
    is_late: bool,
}

struct Market {
    random: Random,
    seed: u64,
    symbols: Vec<String>,
    /// Running sums of the Zipf weights.
    weights: Vec<u64>,
    price_cents: Vec<u64>,
}

impl Market {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let mut sum = 0;
        let weights = (1..=SYMBOL_COUNT as u64).map(|rank| {
            sum += 1_000_000_000 / rank;
            sum
        });
        Self {
            weights: weights.collect(),
            symbols: (0..SYMBOL_COUNT).map(symbol).collect(),
            price_cents: (0..SYMBOL_COUNT).map(|_| 1_000 + random.below(49_000)).collect(),
            random,
            seed,
        }
    }

    fn trade(&mut self, index: u64) -> Trade {
        let total = self.weights.last().copied().unwrap_or(1);
        let draw = self.random.below(total);
        let rank = self.weights.partition_point(|sum| *sum <= draw);
        let is_late = self.random.below(10) < 3;
        let late_ms = if is_late { self.random.below(LATENESS_MS_MAX) } else { 0 };
        let time_ms = START_MS + index * 3_600_000 / LINES_PER_HOUR - late_ms;
        let price = &mut self.price_cents[rank];
        let step = (*price / 5_000).max(1);
        *price = (*price + self.random.below(2 * step + 1)).saturating_sub(step).clamp(100, 500_000);
        let price_cents = *price;
        let mut volume = match self.random.below(10) {
            0..=3 => 1 + self.random.below(99),
            4..=7 => 100,
            8 => 100 * (1 + self.random.below(10)),
            _ => 1 + self.random.below(5_000),
        };
        if self.is_burst(rank, time_ms / 60_000) {
            volume *= 10;
        }
        let conditions = CONDITIONS[self.random.below(CONDITIONS.len() as u64) as usize];
        Trade { symbol: self.symbols[rank].clone(), price_cents, volume, time_ms, conditions, is_late }
    }

    /// One minute in 200 of a symbol trades ten times its usual volume, so that spikes are there to be found.
    fn is_burst(&self, rank: usize, minute: u64) -> bool {
        Random(self.seed ^ minute.wrapping_mul(1_000_003) ^ (rank as u64) << 40).next().is_multiple_of(200)
    }
}

/// `AAA`, `BAA`, ...: distinct, three letters.
fn symbol(rank: usize) -> String {
    let mut rest = rank;
    (0..3)
        .map(|_| {
            let letter = char::from(b'A' + (rest % 26) as u8);
            rest /= 26;
            letter
        })
        .collect()
}

fn write_trade(trade: &Trade, line: &mut Vec<u8>) -> io::Result<()> {
    let Trade { symbol, volume, time_ms, conditions, .. } = trade;
    let price = price(trade);
    writeln!(line, r#"{{"s":"{symbol}","p":{price},"v":{volume},"t":{time_ms},"c":{conditions}}}"#)
}

fn write_malformed(trade: &Trade, kind: u64, line: &mut Vec<u8>) -> io::Result<()> {
    let Trade { symbol, volume, time_ms, conditions, .. } = trade;
    let price = price(trade);
    match kind {
        0 => writeln!(line, r#"{{"s":"{symbol}","p":{price},"v":{volume},"t":17000"#),
        1 => writeln!(line, "not json at all {time_ms}"),
        2 => writeln!(line, r#"{{"s":"{symbol}","p":{price},"t":{time_ms},"c":{conditions}}}"#),
        3 => writeln!(line, r#"{{"s":"{symbol}","p":"abc","v":{volume},"t":{time_ms},"c":{conditions}}}"#),
        _ => writeln!(line, r#"{{"s":"{symbol}","p":,"v":{volume},"t":{time_ms}}}"#),
    }
}

fn price(trade: &Trade) -> String {
    format!("{}.{:02}", trade.price_cents / 100, trade.price_cents % 100)
}

/// SplitMix64 (Steele, Lea and Flood, 2014): tiny, fast, and good enough for test input.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Uniform in `0..limit`.
    fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(limit)) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const LINES: u64 = 100_000;

    fn generate(seed: u64) -> (Vec<u8>, Written) {
        let mut bytes = Vec::new();
        let written = write(LINES, seed, &mut bytes).unwrap();
        (bytes, written)
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
        assert!(generate(1) == generate(1));
        assert!(generate(1).0 != generate(2).0);
    }

    #[test]
    fn the_shape_is_what_the_head_promises() {
        let (bytes, written) = generate(42);
        assert_eq!(bytes.iter().filter(|byte| **byte == b'\n').count() as u64, LINES);
        let share = |count: u64| count as f64 / LINES as f64;
        assert!((0.27..0.33).contains(&share(written.late_count)), "{written:?}");
        assert!((0.004..0.006).contains(&share(written.duplicate_count)), "{written:?}");
        assert!((0.0007..0.0013).contains(&share(written.malformed_count)), "{written:?}");
        let lines: Vec<_> = bytes.split(|byte| *byte == b'\n').collect();
        let first = lines.iter().filter(|line| line.starts_with(br#"{"s":"AAA""#)).count();
        let second = lines.iter().filter(|line| line.starts_with(br#"{"s":"BAA""#)).count();
        assert!((1.8..2.2).contains(&(first as f64 / second as f64)), "{first} {second}");
    }

    #[test]
    fn symbols_are_distinct() {
        assert_eq!((0..SYMBOL_COUNT).map(symbol).collect::<HashSet<_>>().len(), SYMBOL_COUNT);
    }
}
