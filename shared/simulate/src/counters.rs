//! What the server did: requests and faults by vendor, and the last faults in words.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use crate::faults::Fault;

/// Faults kept in words.
const LAST_FAULTS_MAX: usize = 100;

/// Counts since the start.
#[derive(Debug, Default)]
pub struct Counters(Mutex<Counts>);

/// The counts of a moment.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Counts {
    /// By vendor.
    pub requests: BTreeMap<String, u64>,
    /// By vendor and status.
    pub answers: BTreeMap<String, BTreeMap<u16, u64>>,
    /// By vendor and fault.
    pub faults: BTreeMap<String, BTreeMap<&'static str, u64>>,
    /// Stream connections made, by vendor.
    pub connections: BTreeMap<String, u64>,
    /// Messages of the recording sent, by vendor.
    pub frames: BTreeMap<String, u64>,
    /// The last faults, newest last.
    pub last_faults: VecDeque<String>,
}

impl Counters {
    /// Which number of its vendor a request is, from 0.
    pub fn request(&self, vendor: &str) -> u64 {
        self.with(|counts| bump(&mut counts.requests, vendor) - 1)
    }

    pub fn answer(&self, vendor: &str, status: u16) {
        self.with(|counts| *counts.answers.entry(vendor.to_owned()).or_default().entry(status).or_default() += 1);
    }

    /// Which number of its vendor a connection is, from 0.
    pub fn connection(&self, vendor: &str) -> u64 {
        self.with(|counts| bump(&mut counts.connections, vendor) - 1)
    }

    pub fn frame(&self, vendor: &str) {
        self.with(|counts| bump(&mut counts.frames, vendor));
    }

    /// Counts a fault and says it in the log.
    pub fn fault(&self, vendor: &str, fault: Fault, what: &str, number: u64) {
        let line = format!("{vendor}: {fault} on {what}, number {number}");
        tracing::warn!("{line}");
        self.with(|counts| {
            *counts.faults.entry(vendor.to_owned()).or_default().entry(fault.as_str()).or_default() += 1;
            if counts.last_faults.len() == LAST_FAULTS_MAX {
                counts.last_faults.pop_front();
            }
            counts.last_faults.push_back(line);
        });
    }

    /// All counts as they are now.
    pub fn read(&self) -> Counts {
        self.with(|counts| counts.clone())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Counts) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn bump(counts: &mut BTreeMap<String, u64>, name: &str) -> u64 {
    let count = counts.entry(name.to_owned()).or_default();
    *count += 1;
    *count
}
