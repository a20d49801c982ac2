//! The stream itself: shards of records, duplicates at new positions, poison, forged lanes, a reshard half way.

use touchline_event::{Event, Lane, Sequence, ShardId, encode_frame};
use touchline_stream::Record;

use super::events::{fact, heartbeat, undecodable};
use super::random::Random;
use super::{LANES, SHARDS};

/// What was put into a record, and what a reader can still make of it.
#[derive(Clone)]
pub struct Sent {
    pub record: Record,
    pub events: Vec<Event>,
    pub is_broken: bool,
    /// The lane on the outside, which a forger may choose.
    pub lane: Lane,
}

pub struct Shard {
    pub id: ShardId,
    pub sent: Vec<Sent>,
}

/// A stream of about `event_count` events.
pub fn stream(random: &mut Random, event_count: usize) -> Vec<Shard> {
    let mut shards: Vec<Shard> =
        (0..2 * SHARDS).map(|n| Shard { id: ShardId(format!("shard-{n}")), sent: Vec::new() }).collect();
    let mut published: Vec<Event> = Vec::new();
    let mut id = random.next();
    let mut total = 0;
    while total < event_count {
        let mut events = Vec::new();
        for _ in 0..random.below(7) + 1 {
            id = id.wrapping_add(random.next() | 1);
            let event = match random.below(40) {
                0 => undecodable(random, id),
                1..=4 => heartbeat(random, random.clone().below(4) as u16, id),
                // The producer publishes again what it published before: same bytes, new position.
                5..=14 if !published.is_empty() => random.pick(&published).clone(),
                _ => fact(random, id),
            };
            published.push(event.clone());
            events.push(event);
        }
        total += events.len();
        // After the reshard each lane goes on in a child shard; parents are still being read.
        let generation = if total * 2 > event_count { SHARDS } else { 0 };
        for lane in 0..LANES {
            let own: Vec<Event> = events.iter().filter(|event| event.lane(LANES) == Lane(lane)).cloned().collect();
            if !own.is_empty() {
                push(random, &mut shards[usize::from(generation + lane % SHARDS)], Lane(lane), own);
            }
        }
    }
    shards
}

fn push(random: &mut Random, shard: &mut Shard, lane: Lane, events: Vec<Event>) {
    let mut bytes = encode_frame(&events).unwrap();
    let is_broken = random.chance(4);
    if is_broken {
        // The checksum in the header no longer fits.
        bytes[6] ^= 1;
    }
    let lane = if random.chance(4) { Lane((lane.0 + 1) % LANES) } else { lane };
    let sequence = Sequence::from_u64(shard.sent.len() as u64 * 7 + 1);
    let record = Record { sequence, partition_key: lane.partition_key(), bytes };
    shard.sent.push(Sent { record, events, is_broken, lane });
}
