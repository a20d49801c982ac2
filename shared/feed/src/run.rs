//! What one payload has given so far, and how its facts get their ids; the door through which a JSON document comes in.
//! RUN-1: an id is made of vendor content alone; the receive time never enters it.
//! RUN-2: the same fact twice in one payload (a drive listed as previous and as current) is one event.
//! RUN-3: a document that cannot be read whole is one reject; damage in members that nobody reads still shows.

use std::collections::HashSet;

use serde_json::value::RawValue;
use touchline_event::{Event, EventDraft, EventId, Other, Payload, format_utc_ms, stable_hash};

use crate::raw::{Fault, Object, Path, Text};
use crate::{Document, MAX_FUTURE_MS, Parsed, Reject, RejectReason};

/// Bytes beyond which a payload is not kept whole in a reject.
const RAW_BYTES_MAX: usize = 64 * 1024;
/// Nesting beyond which no vendor's payload goes; deeper ones could not be kept as an `other` event either.
const DEPTH_MAX: usize = 100;

/// Whom a fact is about.
#[derive(Debug, Clone, Default)]
pub(crate) struct Subject {
    pub(crate) sport: Option<String>,
    pub(crate) league: Option<String>,
    pub(crate) game_id: Option<String>,
    /// The place of a weather observation, the site of an article: what stands for a game where there is none.
    pub(crate) symbol: Option<String>,
}

/// The events and rejects of a payload while it is read.
pub(crate) struct Run {
    source: &'static str,
    pub(crate) received_at_ms: Option<i64>,
    pub(crate) parsed: Parsed,
    seen: HashSet<EventId>,
}

/// What stands around a payload in its event.
#[derive(Debug, Clone, Default)]
pub(crate) struct Context {
    pub(crate) team_id: Option<String>,
    pub(crate) player_id: Option<String>,
    pub(crate) game_clock: Option<String>,
    pub(crate) period: Option<u16>,
    pub(crate) vendor_seq: Option<i64>,
    /// The vendor's own time of the fact, where it has one: a corrected time is a new revision.
    pub(crate) vendor_time_ms: Option<i64>,
}

impl Run {
    pub(crate) fn new(source: &'static str, received_at_ms: Option<i64>) -> Self {
        Self { source, received_at_ms, parsed: Parsed::default(), seen: HashSet::new() }
    }

    /// One JSON document: `read` says what is in it; its `Err` is about the whole.
    pub(crate) fn document(
        &mut self,
        document: Document<'_>,
        read: impl FnOnce(&RawValue, &Path<'_>, &mut Self) -> Result<(), Fault>,
    ) {
        let text = Text::new(document.bytes);
        let root = Path::Root(&text);
        self.text(text.as_str(), &root, read);
        let is_bad = |reject: &Reject| reject.reason == RejectReason::BadUtf8;
        if !text.is_sound() && !self.parsed.rejects.iter().any(is_bad) {
            self.parsed.rejects.push(text.unread_bad_bytes(&root));
        }
    }

    /// One JSON value among several of a payload, `part` of the text that `path` stands in.
    pub(crate) fn text(
        &mut self,
        part: &str,
        path: &Path<'_>,
        read: impl FnOnce(&RawValue, &Path<'_>, &mut Self) -> Result<(), Fault>,
    ) {
        let result = if depth(part) > DEPTH_MAX {
            let message = format!("found more than {DEPTH_MAX} levels of arrays and objects; no vendor nests so deep");
            Err(Fault::new(RejectReason::TooDeep, path, message))
        } else {
            path.json(part).and_then(|raw| read(raw, path, self))
        };
        if let Err(fault) = result {
            let raw = path.original(part);
            self.parsed.rejects.push(fault.reject(&raw[..raw.len().min(RAW_BYTES_MAX)]));
        }
    }

    /// A fact named by `vendor_id` inside its subject; everything it says is hashed into its revision.
    pub(crate) fn event(
        &mut self,
        subject: impl Into<Subject>,
        timestamp_ms: i64,
        vendor_id: &str,
        payload: impl Into<Payload>,
        context: Context,
    ) {
        let payload = payload.into();
        let revision = revision(&payload, &context);
        self.push(subject.into(), timestamp_ms, (vendor_id, &revision), payload, context);
    }

    /// A fact that a vendor sends in two lists with more or less around it: its surroundings do not enter its revision.
    pub(crate) fn moment(
        &mut self,
        subject: impl Into<Subject>,
        timestamp_ms: i64,
        vendor_id: &str,
        payload: Payload,
        context: Context,
    ) {
        let revision = revision(&payload, &Context::default());
        self.push(subject.into(), timestamp_ms, (vendor_id, &revision), payload, context);
    }

    /// A fact that the vendor revises itself, once for every time it is listed: counts of a payload's records stay those
    /// of its events, and whoever applies them meets the second by its id.
    pub(crate) fn listed(
        &mut self,
        subject: Subject,
        timestamp_ms: i64,
        named: (&str, &str),
        payload: Payload,
        context: Context,
    ) {
        let event = self.named(subject, timestamp_ms, named, payload, context);
        self.parsed.events.push(event);
    }

    fn push(
        &mut self,
        subject: Subject,
        timestamp_ms: i64,
        (vendor_id, revision): (&str, &str),
        payload: Payload,
        context: Context,
    ) {
        let event = self.named(subject, timestamp_ms, (vendor_id, revision), payload, context);
        if self.seen.insert(event.event_id) {
            self.parsed.events.push(event);
        }
    }

    fn named(
        &self,
        subject: Subject,
        timestamp_ms: i64,
        (vendor_id, revision): (&str, &str),
        payload: Payload,
        context: Context,
    ) -> Event {
        let received_at_ms = self.received_at_ms.unwrap_or(timestamp_ms);
        let mut draft = EventDraft::new(self.source, timestamp_ms, received_at_ms, payload);
        draft.sport = subject.sport;
        draft.league = subject.league;
        draft.game_id = subject.game_id;
        draft.symbol = subject.symbol;
        draft.team_id = context.team_id;
        draft.player_id = context.player_id;
        draft.game_clock = context.game_clock;
        draft.period = context.period;
        draft.vendor_seq = context.vendor_seq;
        draft.with_vendor_id(vendor_id, revision)
    }

    /// A record that could not be taken: `raw` is the whole record.
    pub(crate) fn reject(&mut self, fault: Fault, raw: &RawValue, path: &Path<'_>) {
        self.parsed.rejects.push(path.reject(fault, raw));
    }

    /// A payload that could not be taken at all.
    pub(crate) fn reject_whole(&mut self, fault: Fault, bytes: &[u8]) {
        self.parsed.rejects.push(fault.reject(&bytes[..bytes.len().min(RAW_BYTES_MAX)]));
    }

    /// A record by a reader of its own: its `Err` is one reject with the whole record, its neighbours go on.
    pub(crate) fn record(
        &mut self,
        raw: &RawValue,
        path: &Path<'_>,
        read: impl FnOnce(&mut Self) -> Result<(), Fault>,
    ) {
        if let Err(fault) = read(self) {
            self.reject(fault, raw, path);
        }
    }

    /// The vendor's object as sent, under the vendor's word.
    pub(crate) fn other(
        &mut self,
        subject: impl Into<Subject>,
        timestamp_ms: i64,
        (vendor_kind, vendor_id): (&str, &str),
        raw: &RawValue,
        context: Context,
    ) {
        let other = Other { vendor_kind: vendor_kind.to_owned(), content: content(raw) };
        self.event(subject, timestamp_ms, vendor_id, other, context);
    }

    /// The elements of an optional list; a member that is no list is a reject of `record`, or of the member alone
    /// where the record is a whole summary.
    pub(crate) fn list<'a>(&mut self, object: &Object<'a, '_>, key: &str, record: &RawValue) -> Vec<&'a RawValue> {
        match object.list(key) {
            Ok(list) => list.unwrap_or_default(),
            Err(fault) => {
                let member = object.get(key).ok().flatten().filter(|_| record.get().len() > RAW_BYTES_MAX);
                self.reject(fault, member.unwrap_or(record), object.path());
                Vec::new()
            }
        }
    }

    /// An optional member; one given twice is a reject of `record`.
    pub(crate) fn member<'a>(&mut self, object: &Object<'a, '_>, key: &str, record: &RawValue) -> Option<&'a RawValue> {
        object.get(key).unwrap_or_else(|fault| {
            self.reject(fault, record, object.path());
            None
        })
    }

    /// The nominal time of a fact that may lie ahead: what a game not yet played is said to be was said by the receipt.
    pub(crate) fn not_after_receipt(&self, time_ms: i64) -> i64 {
        self.received_at_ms.map_or(time_ms, |received_at_ms| time_ms.min(received_at_ms))
    }

    /// Refuses an observed time that no clock skew explains.
    pub(crate) fn refuse_future(&self, time_ms: i64, path: &Path<'_>) -> Result<(), Fault> {
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

/// A vendor's object as sent.
pub(crate) fn content(raw: &RawValue) -> serde_json::Value {
    // Depth and syntax were checked at the door; a number beyond f64 is what remains, and then the bytes stand as text.
    serde_json::from_str(raw.get()).unwrap_or_else(|_| raw.get().into())
}

/// Deepest nesting of arrays and objects, brackets inside strings apart.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut is_string, mut is_escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_string => is_escaped = true,
            b'"' => is_string = !is_string,
            b'{' | b'[' if !is_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !is_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
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
