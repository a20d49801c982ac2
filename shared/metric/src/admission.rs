//! What a stream consumer does with an event: count it in a pane, note it as late, refuse it. Decided from bytes alone (P7).
//! ADM-1: the aggregation, a redrive and a rebuild ask this one function, so that none takes what another would not.

use touchline_event::{Event, Lane};
use touchline_window::{Lateness, PaneKey, WindowPolicy, pane_start_ms};

use crate::Family;

/// Longer names fit no key of every store.
const MAX_ENTITY_BYTES: usize = 512;

/// The verdict on an event.
#[derive(Debug, Clone, PartialEq)]
pub enum Admission {
    /// It belongs to this pane.
    Pane(Family, PaneKey),
    /// It is about the stream itself and counted nowhere.
    Heartbeat,
    /// It first arrived beyond the horizon.
    Late { message: String },
    /// It is kept in quarantine.
    Refused(Refusal),
}

/// Why an event is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Its vendor, or `unknown` where the event's own word cannot be a key.
    pub source: String,
    /// Why, as a word.
    pub reason: &'static str,
    pub message: String,
}

/// Judges an event that travelled under `partition_key` of a stream of `lanes` lanes.
pub fn admit(event: &Event, partition_key: &str, lanes: u16, policy: &WindowPolicy) -> Admission {
    let entity = Family::pane_entity(event);
    if entity.len() > MAX_ENTITY_BYTES {
        let message = format!("the entity's name has {} bytes, at most {MAX_ENTITY_BYTES} are stored", entity.len());
        return refused("unknown", "long_entity", message);
    }
    let lane = event.lane(lanes);
    if Lane::from_partition_key(partition_key) != Some(lane) {
        let belongs = lane.partition_key();
        let message =
            format!("event of entity {} belongs on {belongs}, the record came on {partition_key}", event.entity());
        return refused(&event.source, "wrong_lane", message);
    }
    let Some(family) = Family::of(event) else { return Admission::Heartbeat };
    match policy.judge(event) {
        Lateness::Future => {
            let ahead_ms = event.lateness_ms().saturating_neg();
            let message = format!("event time {} is {ahead_ms} ms ahead of its first arrival", event.timestamp_ms);
            refused(&event.source, "future_time", message)
        }
        Lateness::TooLate => Admission::Late {
            message: format!("{} ms late, the horizon is {} ms", event.lateness_ms(), policy.horizon_ms),
        },
        Lateness::Accepted => {
            let start_ms = pane_start_ms(event.timestamp_ms, policy.pane_ms);
            let key = PaneKey { family: family.as_str(), entity, pane_ms: policy.pane_ms, start_ms, lane };
            Admission::Pane(family, key)
        }
    }
}

/// [`admit`] for an event that is to travel on the lane where it belongs.
pub fn admit_on_own_lane(event: &Event, lanes: u16, policy: &WindowPolicy) -> Admission {
    admit(event, &event.lane(lanes).partition_key(), lanes, policy)
}

fn refused(source: &str, reason: &'static str, message: String) -> Admission {
    Admission::Refused(Refusal { source: source.to_owned(), reason, message })
}
