//! What happened in a schedule: always as one number, and as lines where somebody wants to read them.
//! TRC-1: equal runs have equal digests, whether or not lines are kept.

use touchline_delivery::mix;

/// A run's record.
#[derive(Debug, Default)]
pub struct Trace {
    digest: u64,
    lines: Option<Vec<String>>,
}

impl Trace {
    /// With `has_lines` the story is kept, else only its digest.
    pub fn new(has_lines: bool) -> Self {
        Self { digest: 0, lines: has_lines.then(Vec::new) }
    }

    /// Something happened that these numbers tell from everything else.
    pub fn note(&mut self, numbers: &[u64], line: impl FnOnce() -> String) {
        self.digest = numbers.iter().fold(self.digest, |digest, number| mix(digest ^ number));
        if let Some(lines) = &mut self.lines {
            lines.push(line());
        }
    }

    /// The whole run as a number.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// The story so far; the trace goes on without.
    pub fn take_lines(&mut self) -> Vec<String> {
        self.lines.take().unwrap_or_default()
    }
}
