//! Who publishes: a poller, now and then a second one that sees the same facts, each cutting its own frames.
//! POL-1: a fact has one id whoever tells it and however late it is told again.

use touchline_delivery::Random;
use touchline_event::{Event, Lane, decode_frame, encode_frame};

use super::events::{Crowd, corrected, fact, heartbeat, is_odd, undecodable};
use crate::Options;

/// Events of a schedule, before anything is told twice.
const MIN_EVENTS: usize = 5;
const MORE_EVENTS: usize = 36;
/// Events of a frame.
const MAX_FRAME_EVENTS: usize = 6;

/// A frame before its events' fates are known.
pub struct FrameDraft {
    pub bytes: Vec<u8>,
    pub events: Vec<Event>,
    pub is_broken: bool,
    /// The lane outside, which a forger may choose.
    pub lane: Lane,
    pub faults: Vec<usize>,
}

/// Frames of every poller.
pub fn drafts(random: &mut Random, options: &Options, lanes: u16) -> Vec<Vec<FrameDraft>> {
    let wanted = MIN_EVENTS + random.below(MORE_EVENTS);
    let count = options.events_max.map_or(wanted, |most| wanted.min(most));
    let facts = facts(random, options, lanes, count);
    let mut pollers = vec![frames(random, options, lanes, &facts)];
    if options.allowed.has(10) && random.chance(40) {
        let from = random.below(facts.len());
        let until = from + 1 + random.below(facts.len() - from);
        let seen: Vec<(Event, Vec<usize>)> = facts[from..until].iter().map(|told| retold(random, told, 10)).collect();
        pollers.push(frames(random, options, lanes, &seen));
    }
    pollers
}

/// What there is to tell, in order of arrival, each with the faults it stands for.
fn facts(random: &mut Random, options: &Options, lanes: u16, count: usize) -> Vec<(Event, Vec<usize>)> {
    let mut told: Vec<(Event, Vec<usize>)> = Vec::with_capacity(count);
    let mut id = random.bits();
    let crowd = random.chance(20).then(|| Crowd::any(random));
    let silent_lane = options.allowed.has(19).then(|| random.below(usize::from(lanes) + 1) as u16);
    while told.len() < count {
        id = id.wrapping_add(random.bits() | 1);
        let earlier = (!told.is_empty()).then(|| random.below(told.len()));
        let next = match (random.below(40), earlier) {
            (0, _) if options.allowed.has(12) => (undecodable(random, id), vec![12]),
            (1..=4, _) => {
                // Mostly about somebody who spoke, so that panes do become final.
                let spoken = earlier.filter(|_| random.chance(70)).map(|at| told[at].0.lane(lanes).0);
                let lane = spoken.unwrap_or_else(|| random.below(usize::from(lanes)) as u16);
                if silent_lane == Some(lane) {
                    continue;
                }
                (heartbeat(random, lane, earlier.map(|at| &told[at].0), id), vec![])
            }
            // The producer publishes again what it published before: same bytes, new position.
            (5..=9, Some(at)) if options.allowed.has(10) => (told[at].0.clone(), vec![10]),
            (10..=11, Some(at)) if options.allowed.has(11) => retold(random, &told[at], 11),
            (12, Some(at)) if options.allowed.has(11) => (corrected(random, &told[at].0, id), vec![11]),
            _ => {
                let event = fact(random, id, options.allowed.has(18), crowd);
                let faults = if is_odd(&event) { vec![18] } else { vec![] };
                (event, faults)
            }
        };
        told.push(next);
    }
    told
}

/// The same fact, seen later: a little later by another poller, much later in an old snapshot.
fn retold(random: &mut Random, told: &(Event, Vec<usize>), fault: usize) -> (Event, Vec<usize>) {
    let mut event = told.0.clone();
    let later_ms = *random.pick(&[0, 1_000, 60_000, 3_600_000]);
    event.first_arrival_ms += later_ms;
    event.ingested_at_ms += later_ms;
    (event, vec![fault])
}

fn frames(random: &mut Random, options: &Options, lanes: u16, told: &[(Event, Vec<usize>)]) -> Vec<FrameDraft> {
    let mut frames = Vec::new();
    let mut rest = told;
    while !rest.is_empty() {
        let most = if options.allowed.has(8) { MAX_FRAME_EVENTS } else { 1 };
        let (chunk, later) = rest.split_at((1 + random.below(most)).min(rest.len()));
        rest = later;
        for lane in 0..lanes {
            let own: Vec<&(Event, Vec<usize>)> =
                chunk.iter().filter(|(event, _)| event.lane(lanes) == Lane(lane)).collect();
            if !own.is_empty() {
                frames.push(frame(random, options, lanes, Lane(lane), &own));
            }
        }
    }
    frames
}

fn frame(random: &mut Random, options: &Options, lanes: u16, lane: Lane, told: &[&(Event, Vec<usize>)]) -> FrameDraft {
    let events: Vec<Event> = told.iter().map(|(event, _)| event.clone()).collect();
    let mut faults: Vec<usize> = told.iter().flat_map(|(_, faults)| faults.clone()).collect();
    // Few small events always fit a frame.
    let mut bytes = encode_frame(&events).unwrap_or_default();
    let mut outside = lane;
    let mut is_broken = false;
    if options.allowed.has(12) {
        if random.chance(3) {
            // The checksum in the header no longer fits, or the compressed part no longer inflates.
            let at = if random.chance(50) { 6 } else { bytes.len() / 2 };
            bytes[at] ^= 0x55;
            is_broken = decode_frame(&bytes).is_err();
            faults.push(12);
        } else if lanes > 1 && random.chance(3) {
            outside = Lane((lane.0 + 1) % lanes);
            faults.push(12);
        }
    }
    if events.len() > 1 {
        faults.push(8);
    }
    FrameDraft { bytes, events, is_broken, lane: outside, faults }
}
