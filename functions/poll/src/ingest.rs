//! The payloads' road: land, parse, quarantine, publish; and the heartbeats that follow.

use std::collections::{BTreeMap, HashMap};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use touchline_event::{Event, Payload as EventPayload};
use touchline_feed::{Document, Parsed, Reject, Session, Source, parse};
use touchline_lake::{LakeError, Landing, RawPayload, land, tables::PAYLOADS};
use touchline_store::{QuarantineEntry, outbox, put_if_absent, quarantine};
use touchline_stream::{OutRecord, frames_of};

use crate::heartbeat::{LaneBook, facts};
use crate::{PollContext, PollError};

/// Tries a record has before the poll is given up; its events keep their ids, so a later poll repeats nothing.
const PUBLISH_TRIES: usize = 5;
/// Records published in one call.
const PUBLISH_RECORDS: usize = 500;
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
    pub bytes: Vec<u8>,
}

/// What a producer carries from payload to payload of one vendor session.
#[derive(Debug, Default)]
pub struct PollSession {
    feed: Session,
    lanes: LaneBook,
    /// When facts without a vendor time were first received, by id, UTC ms.
    first_told: HashMap<u64, i64>,
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

    /// A fact timed by its receipt keeps its first time in later polls: told again it meets itself in the same pane.
    fn keep_first_time(&mut self, event: &mut Event) {
        let told_ms = *self.first_told.entry(event.event_id.0).or_insert(event.timestamp_ms);
        event.timestamp_ms = told_ms;
        event.first_arrival_ms = told_ms;
    }

    /// Takes note of events that an earlier process published: their lanes need heartbeats, their counts were told.
    pub fn resume(&mut self, events: &[Event], lanes: u16) {
        self.lanes.know(&facts(events, lanes));
    }

    /// Tells every lane used that all events before `watermark_ms` are in the stream.
    pub async fn beat(&mut self, context: &PollContext, source: Source, watermark_ms: i64) -> Result<(), PollError> {
        let heartbeats = self.lanes.heartbeats(source.as_str(), watermark_ms);
        publish(context, frames_of(source.as_str(), heartbeats, context.lanes, context.frames)?).await
    }
}

/// Payloads of one vendor session, in their order.
pub struct Delivery<'a> {
    pub session: &'a mut PollSession,
    pub payloads: Vec<&'a Payload>,
}

/// What one payload became, before its events leave.
struct Prepared<'a> {
    payload: &'a Payload,
    landing: Landing,
    rejects: Vec<Reject>,
    event_count: usize,
}

/// Takes payloads all the way into the stream. Those given together are acknowledged together: one wait for the disk or
/// the network at each step, however many they are. On error any of them may be in; giving all of them again is harmless.
pub async fn ingest(context: &PollContext, deliveries: Vec<Delivery<'_>>) -> Result<Ingested, PollError> {
    let payloads = deliveries.iter().flat_map(|delivery| delivery.payloads.iter().copied());
    let mut landings = land_payloads(context, payloads).await?.into_iter();
    let mut prepared = Vec::with_capacity(landings.len());
    let mut events: BTreeMap<Source, Vec<Event>> = BTreeMap::new();
    let mut notes = Vec::with_capacity(deliveries.len());
    for delivery in deliveries {
        let mut told = Vec::new();
        for (payload, landing) in delivery.payloads.into_iter().zip(landings.by_ref()) {
            let parsed = replay_parse(delivery.session, payload)?;
            told.extend(facts(&parsed.events, context.lanes));
            prepared.push(Prepared { payload, landing, rejects: parsed.rejects, event_count: parsed.events.len() });
            events.entry(payload.source).or_default().extend(parsed.events);
        }
        notes.push((delivery.session, told));
    }
    keep_rejects(context, &prepared).await?;
    list_landings(context, &prepared).await?;
    let mut records = Vec::new();
    for (source, events) in events {
        records.extend(frames_of(source.as_str(), events, context.lanes, context.frames)?);
    }
    let record_count = records.len() as u64;
    publish(context, records).await?;
    for (session, told) in notes {
        session.lanes.note(&told);
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
pub fn replay_parse(session: &mut PollSession, payload: &Payload) -> Result<Parsed, PollError> {
    let document = Document { bytes: &payload.bytes, received_at_ms: payload.received_at_ms, origin: &payload.origin };
    let mut parsed = parse(payload.source, document, &mut session.feed)?;
    for event in &mut parsed.events {
        if payload.received_at_ms == Some(event.timestamp_ms) {
            session.keep_first_time(event);
        }
        shift(event, payload.shift_ms);
        session.max_event_ms = session.max_event_ms.max(Some(event.timestamp_ms));
    }
    Ok(parsed)
}

fn shift(event: &mut Event, shift_ms: i64) {
    if shift_ms == 0 {
        return;
    }
    event.timestamp_ms += shift_ms;
    event.ingested_at_ms += shift_ms;
    event.first_arrival_ms += shift_ms;
    match &mut event.payload {
        EventPayload::Fixture(fixture) => fixture.starts_at_ms = fixture.starts_at_ms.map(|at| at + shift_ms),
        EventPayload::MarketStatus(status) => status.market_time_ms = status.market_time_ms.map(|at| at + shift_ms),
        _ => {}
    }
}

async fn land_payloads(
    context: &PollContext,
    payloads: impl Iterator<Item = &Payload>,
) -> Result<Vec<Landing>, LakeError> {
    let landings = payloads.map(|payload| {
        let raw = RawPayload {
            source: payload.source.as_str(),
            origin: &payload.origin,
            session: &payload.session,
            index: payload.index,
            received_at_ms: payload.received_at_ms.unwrap_or(0),
            bytes: &payload.bytes,
        };
        land(&*context.objects, raw)
    });
    stream::iter(landings).buffered(LANDINGS_IN_FLIGHT).try_collect().await
}

async fn keep_rejects(context: &PollContext, prepared: &[Prepared<'_>]) -> Result<(), PollError> {
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
async fn list_landings(context: &PollContext, prepared: &[Prepared<'_>]) -> Result<(), PollError> {
    let mut rows = Vec::with_capacity(prepared.len());
    for Prepared { payload, landing, rejects, event_count } in prepared {
        let row = landing.row(*event_count, rejects.len());
        let bytes = serde_json::to_vec(&row)
            .map_err(|error| PollError::Fetch { endpoint: payload.origin.clone(), message: error.to_string() })?;
        rows.push((landing.object_key.clone(), bytes));
    }
    Ok(outbox::put(&*context.store, PAYLOADS.name, rows).await?)
}

/// Publishes records, trying failed ones again; order inside a lane is kept because a lane's later records wait for its earlier ones.
async fn publish(context: &PollContext, records: Vec<OutRecord>) -> Result<(), PollError> {
    let mut pending = records;
    for _ in 0..PUBLISH_TRIES {
        let mut failed = Vec::new();
        let mut last_error = None;
        while !pending.is_empty() {
            let rest = pending.split_off(pending.len().min(PUBLISH_RECORDS));
            let chunk = std::mem::replace(&mut pending, rest);
            let outcomes = context.stream.publish(chunk.clone()).await;
            for (record, outcome) in chunk.into_iter().zip(outcomes) {
                if let Err(error) = outcome {
                    failed.push(record);
                    last_error = Some(error);
                }
            }
            if !failed.is_empty() {
                failed.append(&mut pending);
            }
        }
        match last_error {
            None => return Ok(()),
            Some(error @ touchline_stream::StreamError::TooLarge { .. }) => return Err(error.into()),
            Some(_) => pending = failed,
        }
    }
    Err(touchline_stream::StreamError::Unknown(format!("{} records refused {PUBLISH_TRIES} times", pending.len()))
        .into())
}
