//! A producer that sends its records in calls, learns of failures late, and may not remember what it sent.
//! PROD-1: every record it holds is in the stream at least once when it has no more to send.

use std::collections::VecDeque;

use crate::{Fault, FaultSet, Random};

/// Records of one call at most.
const MAX_CALL_RECORDS: usize = 4;
/// How far behind its place a failed record may be sent again.
const MAX_REORDER: usize = 3;

pub(crate) struct Producer<T> {
    /// Partition key, content, and whether it may be in the stream already.
    waiting: VecDeque<(u32, T, bool)>,
}

/// One call: what the stream takes, in order, and what went wrong.
pub(crate) struct Call<T> {
    pub taken: Vec<(u32, T, bool)>,
    pub faults: Vec<Fault>,
}

impl<T: Clone> Producer<T> {
    pub fn new(records: Vec<(u32, T)>) -> Self {
        Self { waiting: records.into_iter().map(|(key, payload)| (key, payload, false)).collect() }
    }

    pub fn is_done(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Sends the next call; failures and repeats go back to the waiting ones.
    pub fn call(&mut self, random: &mut Random, allowed: FaultSet) -> Call<T> {
        let count = (1 + random.below(MAX_CALL_RECORDS)).min(self.waiting.len());
        let entries: Vec<(u32, T, bool)> = self.waiting.drain(..count).collect();
        let mut call = Call { taken: Vec::with_capacity(count), faults: Vec::new() };
        let mut again = Vec::new();
        let (put_fails, forgets) = (allowed.has(Fault::PutFailure), allowed.has(Fault::Republish));
        for entry in &entries {
            if put_fails && random.chance(6) {
                call.faults.push(Fault::PutFailure);
                again.push(entry.clone());
            } else {
                call.taken.push(entry.clone());
            }
        }
        if put_fails && random.chance(4) {
            // Nobody knows how much of the call was taken, so all of it is sent again.
            call.faults.push(Fault::PutFailure);
            again = repeats(&entries);
        } else if forgets && random.chance(4) {
            call.faults.push(Fault::Republish);
            again = repeats(&entries);
        }
        for entry in again {
            let at = random.below(self.waiting.len().min(MAX_REORDER) + 1);
            self.waiting.insert(at, entry);
        }
        call
    }
}

fn repeats<T: Clone>(entries: &[(u32, T, bool)]) -> Vec<(u32, T, bool)> {
    entries.iter().map(|(key, payload, _)| (*key, payload.clone(), true)).collect()
}
