//! Windows as merges of panes, tumbling or sliding, decided at read.
//! WIN-5 (P14): a window merged from panes equals its direct computation.

use std::collections::BTreeMap;

use crate::Aggregate;

/// A window's length and step, both multiples of the pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowSpec {
    pub size_ms: i64,
    /// Equal to the size for tumbling windows.
    pub slide_ms: i64,
}

impl WindowSpec {
    /// Checks a window against the pane length it will be merged from.
    pub fn new(size_ms: i64, slide_ms: i64, pane_ms: i64) -> Result<Self, String> {
        if size_ms <= 0 || slide_ms <= 0 || slide_ms > size_ms {
            return Err(format!("a window needs 0 < slide <= size, not size {size_ms} ms and slide {slide_ms} ms"));
        }
        if size_ms % pane_ms != 0 || slide_ms % pane_ms != 0 {
            return Err(format!(
                "window size {size_ms} ms and slide {slide_ms} ms must be multiples of the pane, {pane_ms} ms"
            ));
        }
        Ok(Self { size_ms, slide_ms })
    }

    /// Starts of the windows that contain the instant, earliest first.
    pub fn starts_containing(&self, timestamp_ms: i64) -> impl Iterator<Item = i64> + use<> {
        let last = timestamp_ms.div_euclid(self.slide_ms) * self.slide_ms;
        let (size_ms, slide_ms) = (self.size_ms, self.slide_ms);
        let first = last - size_ms.div_euclid(slide_ms) * slide_ms;
        (0..)
            .map(move |n| first + n * slide_ms)
            .take_while(move |start| *start <= last)
            .filter(move |start| *start + size_ms > timestamp_ms)
    }
}

/// Every window that holds at least one of the panes, by window start.
pub fn merge_panes<'a, A: Aggregate + 'a>(
    panes: impl IntoIterator<Item = (i64, &'a A)>,
    spec: WindowSpec,
) -> BTreeMap<i64, A> {
    let mut windows: BTreeMap<i64, A> = BTreeMap::new();
    for (pane_start_ms, aggregate) in panes {
        for start in spec.starts_containing(pane_start_ms) {
            windows.entry(start).and_modify(|window| window.merge(aggregate)).or_insert_with(|| aggregate.clone());
        }
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sliding_window_has_size_over_slide_starts() {
        let spec = WindowSpec::new(180_000, 60_000, 60_000).unwrap();
        assert_eq!(spec.starts_containing(600_000).collect::<Vec<_>>(), [480_000, 540_000, 600_000]);
        let tumbling = WindowSpec::new(60_000, 60_000, 60_000).unwrap();
        assert_eq!(tumbling.starts_containing(659_999).collect::<Vec<_>>(), [600_000]);
    }

    #[test]
    fn sizes_that_panes_cannot_build_are_refused() {
        assert!(WindowSpec::new(90_000, 60_000, 60_000).is_err());
        assert!(WindowSpec::new(60_000, 120_000, 60_000).is_err());
    }
}
