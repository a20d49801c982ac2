//! What may go wrong between a producer and a consumer, which of it a run allows, and how often it happened.

/// A kind of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// An invocation ends in the middle of any await; its sandbox is lost.
    Crash,
    /// A retried batch is longer or shorter than it was.
    Recut,
    /// The invocation ended well, the mapping never heard of it.
    LostResponse,
    /// The mapping gives an invocation up and starts its successor; the old one runs on.
    Zombie,
    /// A second mapping reads the stream, from somewhere before the first one's checkpoint; later one of them ends.
    SecondMapping,
    /// More than one batch of a shard at once, in order per partition key only.
    Parallelization,
    /// Shards are split and merged; parents and children may be read at the same time.
    Reshard,
    /// `PutRecords` takes a part of the call, or answers too late: the rest, or all of it, is sent again, out of order.
    PutFailure,
    /// A producer starts again from a state older than what it published.
    Republish,
    /// Records come again at new positions, once or twice: from the failure destination, or because somebody asked for it.
    Redrive,
    /// The invocation's time is over.
    TimeOut,
    /// The sandbox stands still for a long while, then goes on.
    Freeze,
    /// The stream forgets records before they were read.
    Expiry,
    /// A Kafka partition moves to another poller, which begins at an older committed offset.
    Rebalance,
    /// A warm sandbox is taken away.
    ColdStart,
}

impl Fault {
    /// Every kind.
    pub const ALL: [Fault; 15] = [
        Fault::Crash,
        Fault::Recut,
        Fault::LostResponse,
        Fault::Zombie,
        Fault::SecondMapping,
        Fault::Parallelization,
        Fault::Reshard,
        Fault::PutFailure,
        Fault::Republish,
        Fault::Redrive,
        Fault::TimeOut,
        Fault::Freeze,
        Fault::Expiry,
        Fault::Rebalance,
        Fault::ColdStart,
    ];

    fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// Kinds that a run allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FaultSet(u32);

impl FaultSet {
    /// Nothing ever goes wrong.
    pub const NONE: FaultSet = FaultSet(0);

    /// Everything may.
    pub fn all() -> Self {
        Fault::ALL.into_iter().collect()
    }

    /// Whether this kind may happen.
    pub fn has(self, fault: Fault) -> bool {
        self.0 & fault.bit() != 0
    }

    /// All but one kind.
    pub fn without(self, fault: Fault) -> Self {
        Self(self.0 & !fault.bit())
    }
}

impl FromIterator<Fault> for FaultSet {
    fn from_iter<I: IntoIterator<Item = Fault>>(faults: I) -> Self {
        Self(faults.into_iter().fold(0, |set, fault| set | fault.bit()))
    }
}

/// How often each kind happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FaultCounts([u64; Fault::ALL.len()]);

impl FaultCounts {
    /// Occurrences of one kind.
    pub fn of(&self, fault: Fault) -> u64 {
        self.0[fault as usize]
    }

    pub(crate) fn note(&mut self, fault: Fault) {
        self.0[fault as usize] += 1;
    }
}
