//! Everything that happens in a run, one moment at a time, for whoever judges it or tells it.

use std::fmt;
use std::rc::Rc;

use crate::{Invocation, Record, Response};

/// How an invocation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Answered(Response),
    /// The answer never reached the mapping.
    Unheard(Response),
    Crashed,
    TimedOut,
}

/// Something happened.
pub enum Moment<'m, T> {
    /// A record is in the stream.
    Put {
        record: &'m Rc<Record<T>>,
        is_repeat: bool,
    },
    /// An invocation began in a sandbox.
    Started {
        invocation: &'m Invocation<T>,
        sandbox: u64,
    },
    /// An invocation ended. `is_zombie`: its mapping no longer waits for it.
    Ended {
        invocation: &'m Invocation<T>,
        end: End,
        is_zombie: bool,
    },
    /// A mapping gave up waiting; the invocation runs on.
    Abandoned {
        invocation: &'m Invocation<T>,
    },
    /// A sandbox stands still.
    Frozen {
        invocation: &'m Invocation<T>,
    },
    /// Retries are used up: the records go to the failure destination and are published again later.
    Discarded {
        function: usize,
        records: &'m [Rc<Record<T>>],
    },
    /// The stream forgot a record that a function had not acknowledged. `was_delivered`: it may have seen it before.
    Expired {
        function: usize,
        record: &'m Rc<Record<T>>,
        was_delivered: bool,
    },
    /// Parents are closed, children take their keys.
    Resharded {
        parents: &'m [usize],
        children: &'m [usize],
    },
    /// A mapping reads the stream from here on.
    MappingStarted {
        function: usize,
        mapping: usize,
        parallelization: usize,
    },
    MappingStopped {
        mapping: usize,
    },
    /// A partition has a new poller.
    Rebalanced {
        partition: usize,
    },
    /// The timer's task began, ended well, or was cut off.
    TimerStarted {
        number: u64,
    },
    TimerEnded {
        number: u64,
        is_whole: bool,
    },
    /// From now on nothing fails.
    Calm,
}

/// Sees the run. An error ends it: the run is wrong, or has shown what was asked for.
pub trait Watch<T> {
    /// Called for every moment, in order.
    fn see(&mut self, moment: Moment<'_, T>) -> Result<(), String>;
}

impl<T> fmt::Display for Moment<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put { record, is_repeat } => {
                let again = if *is_repeat { " again" } else { "" };
                write!(f, "published{again}: {}", at(record))
            }
            Self::Started { invocation, sandbox } => write!(f, "{invocation} starts in sandbox {sandbox}"),
            Self::Ended { invocation, end, is_zombie } => {
                let zombie = if *is_zombie { " as a zombie" } else { "" };
                write!(f, "invocation {} ends{zombie}: {end:?}", invocation.number)
            }
            Self::Abandoned { invocation } => {
                write!(f, "invocation {} is given up and runs on", invocation.number)
            }
            Self::Frozen { invocation } => write!(f, "invocation {} freezes", invocation.number),
            Self::Discarded { records, .. } => {
                let names: Vec<String> = records.iter().map(at).collect();
                write!(f, "to the failure destination: {}", names.join(", "))
            }
            Self::Expired { function, record, .. } => {
                write!(f, "expired unread by function {function}: {}", at(record))
            }
            Self::Resharded { parents, children } => write!(f, "shards {parents:?} become {children:?}"),
            Self::MappingStarted { function, mapping, parallelization } => {
                write!(f, "mapping {mapping} reads for function {function} with parallelization {parallelization}")
            }
            Self::MappingStopped { mapping } => write!(f, "mapping {mapping} stops"),
            Self::Rebalanced { partition } => write!(f, "partition {partition} has a new poller"),
            Self::TimerStarted { number } => write!(f, "timer task {number} starts"),
            Self::TimerEnded { number, is_whole } => {
                write!(f, "timer task {number} {}", if *is_whole { "ends" } else { "is cut off" })
            }
            Self::Calm => write!(f, "from here on nothing fails"),
        }
    }
}

impl<T> fmt::Display for Invocation<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sequences: Vec<String> = self.records.iter().map(|record| record.sequence.to_string()).collect();
        write!(
            f,
            "invocation {} of function {}, mapping {}, shard {}, order {}, records {}",
            self.number,
            self.function,
            self.mapping,
            self.shard,
            self.order,
            sequences.join(" ")
        )
    }
}

fn at<T>(record: &Rc<Record<T>>) -> String {
    format!("shard {} record {} key {}", record.shard, record.sequence, record.partition_key)
}
