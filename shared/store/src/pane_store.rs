//! The pane store: where the items of panes are kept. Readers and writers of panes see one item per pane, lane and part under
//! compare-and-swap, in either layout; which one it is, only whoever builds the store knows.
//! PST-1: in both layouts a pane's item obeys the port's law (ITEM-1, ITEM-2); what is no pane passes through untouched.
//! PST-2: a table is written in one layout at a time. From panes to lanes it may be changed while nobody writes; not back.

mod address;
mod lane_item;
mod lanes;
mod leave;
mod visit;

use std::sync::Arc;

use crate::{ItemStore, MAX_ITEM_BYTES};
pub use address::live_lane;
pub use lane_item::{LaneEntry, LaneItem};
pub use lanes::{LaneLimits, LanePanes, is_own_version};

/// How panes lie in items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PaneLayout {
    /// Every pane is an item of its own: a batch makes one write for each pane it meets.
    #[default]
    Pane,
    /// The open panes of a lane share one compressed item: a batch makes one write for each lane it meets.
    Lane,
}

impl PaneLayout {
    /// Both.
    pub const ALL: [PaneLayout; 2] = [Self::Pane, Self::Lane];

    /// The name in settings and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pane => "pane",
            Self::Lane => "lane",
        }
    }

    /// The largest part of a pane: where a lane's panes share an item, a few of them must fit.
    pub fn max_part_bytes(self) -> usize {
        match self {
            Self::Pane => MAX_ITEM_BYTES,
            Self::Lane => MAX_ITEM_BYTES / 4,
        }
    }
}

impl std::str::FromStr for PaneLayout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|layout| layout.as_str() == text);
        found.ok_or_else(|| format!("{text} is no layout of panes; give pane or lane"))
    }
}

/// `items` with panes in this layout. `lanes`: lanes of the stream.
pub fn pane_store(items: Arc<dyn ItemStore>, layout: PaneLayout, lanes: u16) -> Arc<dyn ItemStore> {
    match layout {
        PaneLayout::Pane => items,
        PaneLayout::Lane => Arc::new(LanePanes::new(items, lanes, LaneLimits::DEFAULT)),
    }
}
