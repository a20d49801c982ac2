//! What one payload has given so far, and how its facts get their ids.
//! ESPN-1: an id is made of vendor content alone; the receive time never enters it.
//! ESPN-2: the same fact twice in one payload (a drive listed as previous and as current) is one event.

use std::collections::HashSet;

use serde_json::value::RawValue;
use touchline_event::{EventDraft, EventId, Payload, format_utc_ms, stable_hash};

use super::payload::Identity;
use crate::raw::{Fault, Object, Path};
use crate::{MAX_FUTURE_MS, Parsed, Reject, RejectReason};

const SOURCE: &str = "espn";
/// Bytes beyond which a payload is not kept whole in a reject.
pub(super) const RAW_BYTES_MAX: usize = 64 * 1024;

/// The events and rejects of a payload while it is read.
pub(super) struct Run {
    pub(super) received_at_ms: Option<i64>,
    parsed: Parsed,
    seen: HashSet<EventId>,
}

/// What stands around a payload in its event.
#[derive(Debug, Clone, Default)]
pub(super) struct Context {
    pub(super) team_id: Option<String>,
    pub(super) player_id: Option<String>,
    pub(super) game_clock: Option<String>,
    pub(super) period: Option<u16>,
    pub(super) vendor_seq: Option<i64>,
    /// The vendor's own time of the fact, where it has one: a corrected time is a new revision.
    pub(super) vendor_time_ms: Option<i64>,
}

impl Run {
    pub(super) fn new(received_at_ms: Option<i64>) -> Self {
        Self { received_at_ms, parsed: Parsed::default(), seen: HashSet::new() }
    }

    pub(super) fn finish(self) -> Parsed {
        self.parsed
    }

    pub(super) fn rejects(&self) -> &[Reject] {
        &self.parsed.rejects
    }

    /// A fact named by `vendor_id` inside its game; everything it says is hashed into its revision.
    pub(super) fn event(
        &mut self,
        game: &Identity,
        timestamp_ms: i64,
        vendor_id: &str,
        payload: impl Into<Payload>,
        context: Context,
    ) {
        let payload = payload.into();
        let revision = revision(&payload, &context);
        self.push(game, timestamp_ms, (vendor_id, &revision), payload, context);
    }

    /// A fact that ESPN sends in two lists with more or less around it: its surroundings do not enter its revision.
    pub(super) fn moment(
        &mut self,
        game: &Identity,
        timestamp_ms: i64,
        vendor_id: &str,
        payload: Payload,
        context: Context,
    ) {
        let revision = revision(&payload, &Context::default());
        self.push(game, timestamp_ms, (vendor_id, &revision), payload, context);
    }

    fn push(
        &mut self,
        game: &Identity,
        timestamp_ms: i64,
        (vendor_id, revision): (&str, &str),
        payload: Payload,
        context: Context,
    ) {
        let received_at_ms = self.received_at_ms.unwrap_or(timestamp_ms);
        let mut draft = EventDraft::new(SOURCE, timestamp_ms, received_at_ms, payload);
        draft.sport = game.sport.clone();
        draft.league = game.league.clone();
        draft.game_id = Some(game.id.clone());
        draft.team_id = context.team_id;
        draft.player_id = context.player_id;
        draft.game_clock = context.game_clock;
        draft.period = context.period;
        draft.vendor_seq = context.vendor_seq;
        let event = draft.with_vendor_id(vendor_id, revision);
        if self.seen.insert(event.event_id) {
            self.parsed.events.push(event);
        }
    }

    /// A record that could not be taken: `raw` is the whole record.
    pub(super) fn reject(&mut self, fault: Fault, raw: &RawValue, path: &Path<'_>) {
        self.parsed.rejects.push(path.reject(fault, raw));
    }

    pub(super) fn reject_as_is(&mut self, reject: Reject) {
        self.parsed.rejects.push(reject);
    }

    /// The elements of an optional list; a member that is no list is a reject of `record`, or of the member alone
    /// where the record is a whole summary.
    pub(super) fn list<'a>(&mut self, object: &Object<'a, '_>, key: &str, record: &RawValue) -> Vec<&'a RawValue> {
        match object.list(key) {
            Ok(list) => list.unwrap_or_default(),
            Err(fault) => {
                let member = object.get(key).ok().flatten().filter(|_| record.get().len() > RAW_BYTES_MAX);
                self.reject(fault, member.unwrap_or(record), object.path());
                Vec::new()
            }
        }
    }

    /// Refuses an observed time that no clock skew explains.
    pub(super) fn refuse_future(&self, time_ms: i64, path: &Path<'_>) -> Result<(), Fault> {
        match self.received_at_ms {
            Some(received_at_ms) if time_ms > received_at_ms.saturating_add(MAX_FUTURE_MS) => Err(Fault::new(
                RejectReason::FutureTime,
                path,
                format!(
                    "found {}, more than a day after the receive time {}; expected a time that has passed",
                    format_utc_ms(time_ms),
                    format_utc_ms(received_at_ms)
                ),
            )),
            _ => Ok(()),
        }
    }
}

fn revision(payload: &Payload, context: &Context) -> String {
    // Serialising a payload of plain fields into memory has no way to fail; an empty text would still be stable.
    let mut content = serde_json::to_vec(payload).unwrap_or_default();
    let Context { team_id, player_id, game_clock, period, vendor_seq, vendor_time_ms } = context;
    content.extend_from_slice(
        format!("{team_id:?}|{player_id:?}|{game_clock:?}|{period:?}|{vendor_seq:?}|{vendor_time_ms:?}").as_bytes(),
    );
    format!("{:016x}", stable_hash(&content))
}
