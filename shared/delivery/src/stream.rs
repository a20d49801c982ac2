//! The stream: shards or partitions, positions that only grow, partition keys on hash ranges, splits and merges.
//! STREAM-1: records of one partition key keep their order inside their shard.
//! STREAM-2: hash ranges of open shards cover every key once.

use std::rc::Rc;

use crate::random::{Random, mix};

/// Whose rules hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Shards that split and merge; sequence numbers with gaps, growing over the whole stream.
    Kinesis,
    /// Partitions that stay; offsets without gaps.
    Kafka,
}

/// A record where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record<T> {
    /// Number of the shard or partition, from 0.
    pub shard: usize,
    /// Place in the order of its shard.
    pub sequence: u64,
    pub partition_key: u32,
    pub payload: T,
}

pub(crate) struct Shard<T> {
    /// Shards that must be read first, if order across a reshard matters to the reader.
    pub parents: Vec<usize>,
    /// Hashes of the keys it takes, both ends included.
    range: (u64, u64),
    pub is_open: bool,
    pub records: Vec<Rc<Record<T>>>,
    /// To which functions the record at an index was ever handed, a bit for each.
    pub delivered_to: Vec<u8>,
    /// Index of the oldest record that the stream still has.
    pub oldest: usize,
}

pub(crate) struct Stream<T> {
    transport: Transport,
    pub shards: Vec<Shard<T>>,
    last_sequence: u64,
}

impl<T> Stream<T> {
    pub fn new(transport: Transport, shard_count: usize) -> Self {
        let width = u64::MAX / shard_count as u64;
        let shards = (0..shard_count as u64).map(|n| {
            let last = if n + 1 == shard_count as u64 { u64::MAX } else { (n + 1) * width - 1 };
            Shard::new(Vec::new(), (n * width, last))
        });
        Self { transport, shards: shards.collect(), last_sequence: 0 }
    }

    pub fn put(&mut self, random: &mut Random, partition_key: u32, payload: T) -> Rc<Record<T>> {
        let hash = mix(u64::from(partition_key));
        let takes = |shard: &Shard<T>| shard.is_open && (shard.range.0..=shard.range.1).contains(&hash);
        let number = self.shards.iter().position(takes).unwrap_or(0);
        let sequence = match self.transport {
            Transport::Kafka => self.shards[number].records.len() as u64,
            Transport::Kinesis => {
                self.last_sequence += 1 + random.below(1000) as u64;
                self.last_sequence
            }
        };
        let record = Rc::new(Record { shard: number, sequence, partition_key, payload });
        let shard = &mut self.shards[number];
        shard.records.push(Rc::clone(&record));
        shard.delivered_to.push(0);
        record
    }

    /// Splits an open shard in the middle; gives the two children.
    pub fn split(&mut self, number: usize) -> Vec<usize> {
        let (first, last) = self.shards[number].range;
        let middle = first + (last - first) / 2;
        self.shards[number].is_open = false;
        self.shards.push(Shard::new(vec![number], (first, middle)));
        self.shards.push(Shard::new(vec![number], (middle + 1, last)));
        vec![self.shards.len() - 2, self.shards.len() - 1]
    }

    /// The open shard whose range begins where this one's ends.
    pub fn neighbour(&self, number: usize) -> Option<usize> {
        let next = self.shards[number].range.1.checked_add(1)?;
        self.shards.iter().position(|shard| shard.is_open && shard.range.0 == next)
    }

    /// Merges two adjacent open shards; gives the child.
    pub fn merge(&mut self, left: usize, right: usize) -> Vec<usize> {
        let range = (self.shards[left].range.0, self.shards[right].range.1);
        self.shards[left].is_open = false;
        self.shards[right].is_open = false;
        self.shards.push(Shard::new(vec![left, right], range));
        vec![self.shards.len() - 1]
    }
}

impl<T> Shard<T> {
    fn new(parents: Vec<usize>, range: (u64, u64)) -> Self {
        Self { parents, range, is_open: true, records: Vec::new(), delivered_to: Vec::new(), oldest: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_finds_one_open_shard_through_splits_and_merges() {
        let mut random = Random::new(1);
        let mut stream = Stream::new(Transport::Kinesis, 3);
        stream.split(1);
        let right = stream.neighbour(0).unwrap();
        stream.merge(0, right);
        for key in 0..1000 {
            let hash = mix(u64::from(key));
            let takes = |shard: &&Shard<u32>| shard.is_open && (shard.range.0..=shard.range.1).contains(&hash);
            assert_eq!(stream.shards.iter().filter(takes).count(), 1);
            let record = stream.put(&mut random, key, key);
            assert!(stream.shards[record.shard].is_open);
        }
        let shard_of = |stream: &Stream<u32>| stream.shards.iter().filter(|shard| !shard.records.is_empty()).count();
        assert_eq!(shard_of(&stream), 3);
        for shard in &stream.shards {
            assert!(shard.records.is_sorted_by(|a, b| a.sequence < b.sequence));
        }
    }

    #[test]
    fn offsets_have_no_gaps() {
        let mut random = Random::new(1);
        let mut stream = Stream::new(Transport::Kafka, 1);
        let offsets: Vec<u64> = (0..5).map(|n| stream.put(&mut random, n, ()).sequence).collect();
        assert_eq!(offsets, [0, 1, 2, 3, 4]);
    }
}
