//! One reading as all formats give it, before it is an event.
//! WEAR-1: latitude and longitude are never read.
//! WEAR-2: a heart rate of 0 is a sensor without contact, not a reading; a cadence of 0 is one: nobody pedals.

use touchline_event::{EventDraft, WearableSample};

use crate::raw::Fault;
use crate::run::Run;
use crate::{RejectReason, Session};

pub(super) const SOURCE: &str = "wearable";
/// Beats per minute that no heart has had.
const HEART_RATE_MAX: i64 = 250;
/// 100 m/s: faster than any player, horse or bicycle.
const SPEED_MMPS_MAX: i64 = 100_000;

/// A reading and when it was made.
pub(super) struct Reading {
    pub(super) at_ms: i64,
    pub(super) sample: WearableSample,
}

impl Reading {
    /// Refuses what no body does; the pointer names the record.
    pub(super) fn checked(mut self, pointer: &str) -> Result<Self, Fault> {
        let sample = &mut self.sample;
        sample.heart_rate_bpm = sample.heart_rate_bpm.filter(|rate| *rate != 0);
        for (name, found, max) in
            [("heart rate", sample.heart_rate_bpm, HEART_RATE_MAX), ("speed", sample.speed_mmps, SPEED_MMPS_MAX)]
        {
            if let Some(found) = found.filter(|found| !(0..=max).contains(found)) {
                let message = format!("found a {name} of {found}; expected 0 to {max}");
                return Err(Fault { reason: RejectReason::OutOfRange, pointer: pointer.to_owned(), message });
            }
        }
        Ok(self)
    }

    /// The event of the recording `recording`: readings have no ids, so time and content name them.
    pub(super) fn emit(self, recording: &str, run: &mut Run, session: &mut Session) {
        let received_at_ms = run.received_at_ms.unwrap_or(self.at_ms);
        // Serialising plain numbers into memory has no way to fail; an empty text would still be stable.
        let content = serde_json::to_vec(&self.sample).unwrap_or_default();
        let mut draft = EventDraft::new(SOURCE, self.at_ms, received_at_ms, self.sample);
        draft.game_id = Some(recording.to_owned());
        run.parsed.events.push(session.name_by_content(draft, &content));
    }
}
