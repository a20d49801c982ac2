//! Records on their way into a transport that takes them in requests and may refuse any one of a request.
//! OUT-1 (STR-2): a lane's record is sent when the one before it was taken, so at most one of a lane is in a request:
//! neither a refusal nor the transport's own order inside a request can turn two of them round.
//! OUT-2: only what failed is sent again, a bounded number of times; once a record is given up, the later ones of its
//! lane are given up unsent, so that the caller can send all of them again in their order.
//! Decides what to send; sends nothing.

use std::collections::{BTreeMap, VecDeque};

use touchline_event::{Lane, Sequence, ShardId};

use crate::{OutRecord, StreamError};

/// What a request may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestLimits {
    pub records: usize,
    /// Frames and partition keys together.
    pub bytes: usize,
    /// Requests that one record may be in.
    pub tries: u32,
}

pub(crate) type Placed = Result<(ShardId, Sequence), StreamError>;

/// What is still to be sent, and what became of the rest.
pub(crate) struct Outbound<'r> {
    records: &'r [OutRecord],
    limits: RequestLimits,
    /// Indices by lane, in order, with the tries of each lane's first.
    lanes: BTreeMap<Lane, (VecDeque<usize>, u32)>,
    outcomes: Vec<Option<Placed>>,
}

impl<'r> Outbound<'r> {
    pub(crate) fn new(records: &'r [OutRecord], limits: RequestLimits) -> Self {
        let mut lanes: BTreeMap<Lane, (VecDeque<usize>, u32)> = BTreeMap::new();
        for (index, record) in records.iter().enumerate() {
            lanes.entry(record.lane).or_default().0.push_back(index);
        }
        Self { records, limits, lanes, outcomes: vec![None; records.len()] }
    }

    /// Indices of the records to send now; empty when there is nothing left.
    pub(crate) fn next_request(&self) -> Vec<usize> {
        let mut request = Vec::new();
        let mut byte_count = 0;
        for index in self.lanes.values().filter_map(|(queue, _)| queue.front().copied()) {
            byte_count += sent_bytes(&self.records[index]);
            let is_full = request.len() == self.limits.records || byte_count > self.limits.bytes;
            if is_full && !request.is_empty() {
                break;
            }
            request.push(index);
        }
        request
    }

    /// Notes what became of a request's records; true when any of them is to be sent again.
    pub(crate) fn settle(&mut self, request: &[usize], answers: impl IntoIterator<Item = Placed>) -> bool {
        let missing = || Err(StreamError::Unknown("the answer names fewer records than were sent".to_owned()));
        let answers = answers.into_iter().map(Some).chain(std::iter::repeat_with(|| None));
        let mut is_repeated = false;
        for (index, answer) in request.iter().zip(answers) {
            let Some((queue, tries)) = self.lanes.get_mut(&self.records[*index].lane) else { continue };
            *tries += 1;
            match answer.unwrap_or_else(missing) {
                Ok(position) => {
                    queue.pop_front();
                    *tries = 0;
                    self.outcomes[*index] = Some(Ok(position));
                }
                Err(error) if may_pass(&error) && *tries < self.limits.tries => is_repeated = true,
                Err(error) => {
                    for later in queue.drain(..) {
                        self.outcomes[later] = Some(Err(StreamError::Throttled));
                    }
                    self.outcomes[*index] = Some(Err(error));
                }
            }
        }
        is_repeated
    }

    /// Result i belongs to record i.
    pub(crate) fn into_outcomes(self) -> Vec<Placed> {
        self.outcomes.into_iter().map(|outcome| outcome.unwrap_or(Err(StreamError::Throttled))).collect()
    }
}

/// What a record takes of a request.
pub(crate) fn sent_bytes(record: &OutRecord) -> usize {
    record.bytes.len() + record.lane.partition_key().len()
}

fn may_pass(error: &StreamError) -> bool {
    matches!(error, StreamError::Throttled | StreamError::Unknown(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: RequestLimits = RequestLimits { records: 3, bytes: 100, tries: 4 };

    fn record(lane: u16, bytes: usize) -> OutRecord {
        OutRecord { lane: Lane(lane), bytes: vec![0; bytes], source: "espn".into(), event_count: 1 }
    }

    fn placed(n: u64) -> Placed {
        Ok((ShardId("s".into()), Sequence::from_u64(n)))
    }

    #[test]
    fn a_failed_record_holds_back_its_lane_and_nothing_else() {
        let records = [record(1, 1), record(1, 1), record(2, 1), record(2, 1)];
        let mut outbound = Outbound::new(&records, LIMITS);
        assert_eq!(outbound.next_request(), [0, 2]);
        assert!(outbound.settle(&[0, 2], [Err(StreamError::Throttled), placed(1)]));
        assert_eq!(outbound.next_request(), [0, 3]);
        assert!(!outbound.settle(&[0, 3], [placed(2), placed(3)]));
        assert_eq!(outbound.next_request(), [1]);
        assert!(!outbound.settle(&[1], [placed(4)]));
        assert!(outbound.next_request().is_empty());
        assert_eq!(outbound.into_outcomes(), [placed(2), placed(4), placed(1), placed(3)]);
    }

    #[test]
    fn a_record_given_up_takes_the_later_ones_of_its_lane_with_it() {
        let records = [record(1, 1), record(1, 1), record(2, 1)];
        let mut outbound = Outbound::new(&records, LIMITS);
        let unusable = || Err(StreamError::Unavailable("no such stream".into()));
        assert!(!outbound.settle(&[0, 2], [unusable(), placed(1)]));
        assert!(outbound.next_request().is_empty());
        assert_eq!(outbound.into_outcomes(), [unusable(), Err(StreamError::Throttled), placed(1)]);
    }

    #[test]
    fn an_answer_that_is_too_short_leaves_the_rest_unknown() {
        let records = [record(1, 1), record(2, 1)];
        let mut outbound = Outbound::new(&records, RequestLimits { tries: 1, ..LIMITS });
        outbound.settle(&[0, 1], [placed(1)]);
        assert!(matches!(outbound.into_outcomes().as_slice(), [Ok(_), Err(StreamError::Unknown(_))]));
    }

    proptest! {
        #[test]
        fn lanes_keep_their_order_whatever_is_refused(
            shape in prop::collection::vec((0_u16..5, 0_usize..120), 0..30),
            answers in prop::collection::vec(0_u8..4, 0..400),
        ) {
            let records: Vec<OutRecord> = shape.iter().map(|(lane, bytes)| record(*lane, *bytes)).collect();
            let mut outbound = Outbound::new(&records, LIMITS);
            let mut log: Vec<usize> = Vec::new();
            let mut tries = vec![0; records.len()];
            let mut answers = answers.into_iter().chain(std::iter::repeat(0));
            loop {
                let request = outbound.next_request();
                if request.is_empty() {
                    break;
                }
                let byte_count: usize = request.iter().map(|index| sent_bytes(&records[*index])).sum();
                prop_assert!(request.len() == 1 || request.len() <= LIMITS.records && byte_count <= LIMITS.bytes);
                let mut given = Vec::new();
                for index in &request {
                    tries[*index] += 1;
                    given.push(match answers.next() {
                        Some(1) => Err(StreamError::Throttled),
                        // Taken, and the answer lost: it will be in the log twice.
                        Some(2) => {
                            log.push(*index);
                            Err(StreamError::Unknown("lost".into()))
                        }
                        _ => {
                            log.push(*index);
                            placed(*index as u64)
                        }
                    });
                }
                outbound.settle(&request, given);
            }
            prop_assert!(tries.iter().all(|tries| *tries <= LIMITS.tries));
            let outcomes = outbound.into_outcomes();
            for lane in 0..5 {
                let own = |index: &&usize| records[**index].lane == Lane(lane);
                let sent: Vec<usize> = log.iter().filter(own).copied().collect();
                prop_assert!(sent.is_sorted(), "lane {} was sent as {:?}", lane, sent);
                let fates: Vec<bool> =
                    (0..records.len()).filter(|index| records[*index].lane == Lane(lane)).map(|index| outcomes[index].is_ok()).collect();
                prop_assert!(fates.is_sorted_by(|a, b| a >= b), "taken after one that was given up: {:?}", fates);
            }
            for (index, outcome) in outcomes.iter().enumerate() {
                prop_assert!(outcome.is_err() || log.contains(&index));
            }
        }
    }
}
