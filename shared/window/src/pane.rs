//! Which pane an event falls into, and the key under which the pane is stored.
//! PANE-1 (P13): a key has exactly one lane and one entity; lanes never share an item.
//! PANE-2: sort keys of one entity sort by pane start.

use touchline_event::Lane;

/// Start of the pane that contains `timestamp_ms`. Panes are aligned to the epoch; works before 1970 too.
pub fn pane_start_ms(timestamp_ms: i64, pane_ms: i64) -> i64 {
    timestamp_ms.div_euclid(pane_ms) * pane_ms
}

/// One pane item: consumer, epoch, family, entity, length, start, lane, part.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PaneKey {
    /// Metric family, `trades`.
    pub family: &'static str,
    /// What is counted, `finnhub:AAPL`; for odds with the market, `espn:401|h2h`.
    pub entity: String,
    pub pane_ms: i64,
    pub start_ms: i64,
    pub lane: Lane,
}

impl PaneKey {
    /// Partition key: every pane of one entity and family. A rebuild writes a new epoch beside the old one.
    pub fn partition(consumer: &str, epoch: u32, family: &str, entity: &str) -> String {
        format!("pane#{consumer}#{epoch}#{family}#{entity}")
    }

    /// Sort key of a part of this pane; part 0 is the pane itself until it outgrows one item.
    pub fn sort_key(&self, part: u32) -> String {
        let mut text = format!("{}#{:05}", Self::sort_prefix(self.pane_ms, self.start_ms), self.lane.0);
        if part > 0 {
            text.push_str(&format!("#{part:04}"));
        }
        text
    }

    /// Sort key prefix of all lanes and parts of the pane that starts at `start_ms`. The offset keeps times before 1970 in order.
    pub fn sort_prefix(pane_ms: i64, start_ms: i64) -> String {
        const OFFSET_MS: i64 = 1 << 46;
        format!("{pane_ms:010}#{:016}", start_ms.saturating_add(OFFSET_MS))
    }

    /// The start of the pane after this one.
    pub fn end_ms(&self) -> i64 {
        self.start_ms.saturating_add(self.pane_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panes_are_aligned_on_both_sides_of_1970() {
        assert_eq!(pane_start_ms(61_500, 60_000), 60_000);
        assert_eq!(pane_start_ms(-1, 60_000), -60_000);
        assert_eq!(pane_start_ms(60_000, 60_000), 60_000);
    }

    #[test]
    fn sort_keys_follow_time() {
        let keys: Vec<_> =
            [-60_000, 0, 60_000, 1_700_000_000_000].map(|start| PaneKey::sort_prefix(60_000, start)).to_vec();
        assert!(keys.windows(2).all(|pair| pair[0] < pair[1]), "{keys:?}");
    }
}
