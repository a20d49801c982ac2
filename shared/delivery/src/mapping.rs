//! An event source mapping: its concurrent orders, their checkpoints, and how the next batch is cut.
//! MAP-1: an order has one invocation that counts at a time; its checkpoint moves over what that one finished.
//! MAP-2: a record is in exactly one order of a mapping, that of its partition key.

use std::rc::Rc;

use crate::random::mix;
use crate::stream::Stream;
use crate::{Random, Record};

/// One order of records in a shard: with a parallelization factor of 1 the shard itself.
#[derive(Default)]
pub(crate) struct Order {
    /// Indexes into the shard's records.
    pub members: Vec<usize>,
    /// How many members are acknowledged.
    pub done: usize,
    /// The invocation that counts.
    pub in_flight: Option<u64>,
    /// The batch that failed last: from, until.
    pub failed: Option<(usize, usize)>,
    /// Failures since the checkpoint last moved.
    pub attempt_count: u32,
}

pub(crate) struct Mapping {
    /// For which function it reads.
    pub function: usize,
    pub is_stopped: bool,
    pub parallelization: usize,
    /// Spreads keys over orders differently in each mapping.
    salt: u64,
    /// By shard.
    pub shards: Vec<Vec<Order>>,
}

impl Mapping {
    pub fn new(function: usize, parallelization: usize, salt: u64) -> Self {
        Self { function, is_stopped: false, parallelization, salt, shards: Vec::new() }
    }

    /// Reads a shard from one of its records on.
    pub fn read_from<T>(&mut self, stream: &Stream<T>, shard: usize, from: usize) {
        while self.shards.len() <= shard {
            self.shards.push((0..self.parallelization).map(|_| Order::default()).collect());
        }
        self.shards[shard] = (0..self.parallelization).map(|_| Order::default()).collect();
        for (index, record) in stream.shards[shard].records.iter().enumerate().skip(from) {
            self.take(record, index);
        }
    }

    /// A record came into the stream.
    pub fn take<T>(&mut self, record: &Rc<Record<T>>, index: usize) {
        let order = (mix(u64::from(record.partition_key) ^ self.salt) % self.parallelization as u64) as usize;
        self.shards[record.shard][order].members.push(index);
    }

    /// The first record of a shard that is not acknowledged.
    pub fn checkpoint(&self, shard: usize, record_count: usize) -> usize {
        self.shards[shard].iter().filter_map(Order::next).min().unwrap_or(record_count)
    }

    pub fn is_through(&self, shard: usize) -> bool {
        self.shards[shard].iter().all(|order| order.done == order.members.len())
    }
}

impl Order {
    fn next(&self) -> Option<usize> {
        self.members.get(self.done).copied()
    }

    pub fn is_ready(&self) -> bool {
        self.in_flight.is_none() && self.done < self.members.len()
    }

    /// Where the next batch ends. A retry without `may_recut` is the batch that failed, as far as it is not done.
    pub fn cut(&self, random: &mut Random, batch_records: usize, may_recut: bool) -> usize {
        let from = self.done;
        let fresh = from + 1 + random.below(batch_records);
        let until = match self.failed {
            None => fresh,
            Some((_, until)) if until <= from => fresh,
            Some((_, until)) if !may_recut => until,
            // Bisected, whole, or with whatever has come in the meantime.
            Some((_, until)) => match random.below(4) {
                0 | 1 => from + (until - from).div_ceil(2),
                2 => until,
                _ => until + 1 + random.below(batch_records),
            },
        };
        until.min(self.members.len())
    }

    /// The stream forgot these records; what is acknowledged stays counted.
    pub fn forget(&mut self, is_gone: impl Fn(usize) -> bool) -> Vec<usize> {
        let rest = self.members.split_off(self.done);
        let (gone, kept) = rest.into_iter().partition(|index| is_gone(*index));
        self.members.extend::<Vec<usize>>(kept);
        self.failed = None;
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Transport;

    #[test]
    fn every_record_is_in_one_order_and_keys_stay_together() {
        let mut random = Random::new(3);
        let mut stream = Stream::new(Transport::Kinesis, 1);
        (0..200).for_each(|n| drop(stream.put(&mut random, n % 20, n)));
        let mut mapping = Mapping::new(0, 4, 9);
        mapping.read_from(&stream, 0, 0);
        let mut all: Vec<usize> = mapping.shards[0].iter().flat_map(|order| order.members.clone()).collect();
        all.sort_unstable();
        assert_eq!(all, (0..200).collect::<Vec<_>>());
        for key in 0..20 {
            let has_key = |order: &&Order| order.members.iter().any(|index| *index as u32 % 20 == key);
            assert_eq!(mapping.shards[0].iter().filter(has_key).count(), 1, "key {key}");
        }
    }

    #[test]
    fn a_retry_is_the_same_batch_unless_it_may_be_cut_again() {
        let order =
            Order { members: (0..20).collect(), done: 4, failed: Some((2, 9)), attempt_count: 1, in_flight: None };
        let mut random = Random::new(5);
        assert!((0..50).all(|_| order.cut(&mut random, 8, false) == 9));
        let ends: Vec<usize> = (0..50).map(|_| order.cut(&mut random, 8, true)).collect();
        assert!(ends.contains(&7) && ends.contains(&9) && ends.iter().any(|end| *end > 9), "{ends:?}");
    }
}
