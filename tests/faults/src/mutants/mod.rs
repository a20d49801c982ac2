//! Designs with one part left out or done the obvious way, to show that the simulator notices.
//! MUT-1: the product has no switch for any of them; each is a wrapper around it or a consumer of its own.

pub mod naive;
mod stores;
pub mod wall_clock;

pub use stores::Mutilated;

/// What is wrong with the design.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Mutant {
    /// A pane item is overwritten with what was made from an older version of it.
    NoCompareAndSwap,
    /// Pane items keep no ids: only positions tell what was counted.
    NoIds,
    /// A pane remembers the last record of the last batch it took, and neither ids nor positions of events.
    MarkPerBatch,
    /// One mark per shard says what was applied, while two batches of a shard are under way at once.
    MarkPerShard,
    /// Sums are floating-point numbers, first over a batch, then over the pane.
    FloatSums,
    /// A lane's item is overwritten with what was made from an older version of it.
    NoLaneSwap,
    /// A part is taken out of its lane's item without having got an item of its own.
    NoCopy,
    /// An event is late when it is processed late.
    WallClock,
    /// A pane that is in the due list already is not touched there before its correction is written.
    NoDueTouch,
    /// The archive's chain is overwritten with what was made from an older version of it.
    NoChainSwap,
    /// A commit whose answer is lost is made again on whatever the table then is.
    BlindRetry,
}

impl Mutant {
    /// Every one.
    pub const ALL: [Mutant; 11] = [
        Mutant::NoCompareAndSwap,
        Mutant::NoIds,
        Mutant::MarkPerBatch,
        Mutant::MarkPerShard,
        Mutant::FloatSums,
        Mutant::NoLaneSwap,
        Mutant::NoCopy,
        Mutant::WallClock,
        Mutant::NoDueTouch,
        Mutant::NoChainSwap,
        Mutant::BlindRetry,
    ];

    /// Whether it is about the aggregation: then only panes are looked at, and nothing runs beside it.
    pub fn is_of_aggregation(self) -> bool {
        !matches!(self, Mutant::NoDueTouch | Mutant::NoChainSwap | Mutant::BlindRetry)
    }

    /// Whether it is about panes that share a lane's item: then they do, and it stands below them.
    pub fn is_of_lanes(self) -> bool {
        matches!(self, Mutant::NoLaneSwap | Mutant::NoCopy)
    }
}
