//! The payloads' road: land, parse, quarantine, publish; and the heartbeats that follow.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use touchline_event::Event;
use touchline_feed::{Document, Parsed, Reject, SessionReader, Source};
use touchline_lake::{Exchange, LakeError, Landing, RawPayload, land, tables::PAYLOADS};
use touchline_store::{QuarantineEntry, outbox, put_if_absent, quarantine};

use crate::heartbeat::LaneBook;
use crate::{PollContext, PollError};

/// Payloads being landed at once.
const LANDINGS_IN_FLIGHT: usize = 64;

/// A payload as fetched.
#[derive(Debug, Clone)]
pub struct Payload {
    pub source: Source,
    /// Request path or file name.
    pub origin: String,
    /// Vendor session: a connection, a file, a schedule. Part of the landed object's name.
    pub session: String,
    /// Number inside the session.
    pub index: u64,
    /// When the bytes were received, UTC ms; `None` for a file that does not say.
    pub received_at_ms: Option<i64>,
    /// Added to every time of a recording, so that recordings of different days share one clock. 0 otherwise.
    pub shift_ms: i64,
    /// Status and headers of an HTTP answer.
    pub exchange: Option<Exchange>,
    pub bytes: Vec<u8>,
}

/// What a producer carries from payload to payload of one vendor session.
#[derive(Debug, Default)]
pub struct PollSession {
    reader: SessionReader,
    lanes: LaneBook,
    /// Greatest event time published, UTC ms.
    max_event_ms: Option<i64>,
}

/// What became of the payloads of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ingested {
    pub payloads: u64,
    pub events: u64,
    pub rejects: u64,
    pub bytes: u64,
    pub records: u64,
}

impl PollSession {
    /// Greatest event time seen.
    pub fn max_event_ms(&self) -> Option<i64> {
        self.max_event_ms
    }

    /// Takes note of events that an earlier process published: their lanes need heartbeats.
    pub fn resume(&mut self, events: &[Event], lanes: u16) {
        self.lanes.note(events.iter().map(|event| event.lane(lanes).0));
    }

    /// Tells every lane used that all events before `watermark_ms` are in the stream.
    pub async fn beat(&mut self, context: &PollContext, source: Source, watermark_ms: i64) -> Result<(), PollError> {
        let heartbeats = self.lanes.heartbeats(source.as_str(), watermark_ms);
        context.producer.beat(context, source.as_str(), heartbeats).await
    }
}

/// Payloads of one vendor session, in their order.
pub struct Delivery<'a> {
    pub session: &'a mut PollSession,
    pub payloads: Vec<&'a Payload>,
}

/// What one payload became, before its events leave.
pub(crate) struct Prepared<'a> {
    pub(crate) payload: &'a Payload,
    pub(crate) landing: Landing,
    pub(crate) rejects: Vec<Reject>,
    pub(crate) event_count: usize,
}

/// Takes payloads all the way into the stream. Those given together are acknowledged together: one wait for the disk or
/// the network at each step, however many they are. On error any of them may be in; giving all of them again is harmless.
pub async fn ingest(context: &PollContext, deliveries: Vec<Delivery<'_>>) -> Result<Ingested, PollError> {
    let payloads = deliveries.iter().flat_map(|delivery| delivery.payloads.iter().copied());
    let mut landings = land_payloads(context, payloads).await?.into_iter();
    let mut prepared = Vec::with_capacity(landings.len());
    let mut events: BTreeMap<&'static str, Vec<Event>> = BTreeMap::new();
    let mut notes = Vec::with_capacity(deliveries.len());
    for delivery in deliveries {
        let mut lanes = BTreeSet::new();
        for (payload, landing) in delivery.payloads.into_iter().zip(landings.by_ref()) {
            let parsed = replay_parse(delivery.session, payload);
            lanes.extend(parsed.events.iter().map(|event| event.lane(context.lanes).0));
            prepared.push(Prepared { payload, landing, rejects: parsed.rejects, event_count: parsed.events.len() });
            events.entry(payload.source.as_str()).or_default().extend(parsed.events);
        }
        notes.push((delivery.session, lanes));
    }
    keep_rejects(context, &prepared).await?;
    list_landings(context, &prepared).await?;
    let record_count = context.producer.publish(context, events).await?;
    for (session, lanes) in notes {
        session.lanes.note(lanes);
    }
    Ok(Ingested {
        payloads: prepared.len() as u64,
        events: prepared.iter().map(|one| one.event_count as u64).sum(),
        rejects: prepared.iter().map(|one| one.rejects.len() as u64).sum(),
        bytes: prepared.iter().map(|one| one.payload.bytes.len() as u64).sum(),
        records: record_count,
    })
}

/// Parses a payload and moves its times, without publishing: what brings a session back after a restart.
pub fn replay_parse(session: &mut PollSession, payload: &Payload) -> Parsed {
    let document = Document { bytes: &payload.bytes, received_at_ms: payload.received_at_ms, origin: &payload.origin };
    let parsed = session.reader.read(payload.source, document, payload.shift_ms);
    let last_ms = parsed.events.iter().map(|event| event.timestamp_ms).max();
    session.max_event_ms = session.max_event_ms.max(last_ms);
    parsed
}

async fn land_payloads(
    context: &PollContext,
    payloads: impl Iterator<Item = &Payload>,
) -> Result<Vec<Landing>, LakeError> {
    let landings = payloads.map(|payload| land_payload(context, payload));
    stream::iter(landings).buffered(LANDINGS_IN_FLIGHT).try_collect().await
}

pub(crate) async fn land_payload(context: &PollContext, payload: &Payload) -> Result<Landing, LakeError> {
    let raw = RawPayload {
        source: payload.source.as_str(),
        origin: &payload.origin,
        session: &payload.session,
        index: payload.index,
        received_at_ms: payload.received_at_ms,
        shift_ms: payload.shift_ms,
        exchange: payload.exchange.as_ref(),
        bytes: &payload.bytes,
    };
    land(&*context.objects, raw).await
}

pub(crate) async fn keep_rejects(context: &PollContext, prepared: &[Prepared<'_>]) -> Result<(), PollError> {
    let mut items = Vec::new();
    for Prepared { payload, landing, rejects, .. } in prepared {
        for (index, reject) in rejects.iter().enumerate() {
            let entry = QuarantineEntry {
                stage: "parse".to_owned(),
                source: payload.source.as_str().to_owned(),
                reason: reject.reason.as_str().to_owned(),
                pointer: reject.pointer.clone(),
                message: reject.message.clone(),
                raw: reject.raw.clone(),
                object_key: Some(landing.object_key.clone()),
                event_count: 1,
                at_ms: landing.received_at_ms,
            };
            items.push(quarantine::parse_entry(&landing.object_key, index, &entry)?);
        }
    }
    if !items.is_empty() {
        put_if_absent(&*context.store, items).await?;
    }
    Ok(())
}

/// The payloads' rows of `bronze.payloads`, named by their objects, so that a repeated poll lists them once.
pub(crate) async fn list_landings(context: &PollContext, prepared: &[Prepared<'_>]) -> Result<(), PollError> {
    let mut rows = Vec::with_capacity(prepared.len());
    for Prepared { payload, landing, rejects, event_count } in prepared {
        let row = landing.row(*event_count, rejects.len());
        let bytes = serde_json::to_vec(&row)
            .map_err(|error| PollError::Listing { origin: payload.origin.clone(), message: error.to_string() })?;
        rows.push((landing.object_key.clone(), bytes));
    }
    Ok(outbox::put(&*context.store, PAYLOADS.name, rows).await?)
}
