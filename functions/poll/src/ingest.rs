//! One payload's road: land, parse, quarantine, publish; and the heartbeats that follow it.

use touchline_event::Event;
use touchline_feed::{Document, Parsed, Reject, SessionReader, Source};
use touchline_lake::{Landing, RawPayload, land, tables::PAYLOADS};
use touchline_store::{QuarantineEntry, outbox, put_if_absent, quarantine};
use touchline_stream::{OutRecord, frames_of, publish_all};

use crate::heartbeat::{LaneBook, facts};
use crate::{PollContext, PollError};

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
#[derive(Debug)]
pub struct PollSession {
    reader: SessionReader,
    lanes: LaneBook,
    /// Greatest event time published, UTC ms.
    max_event_ms: Option<i64>,
}

/// What became of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ingested {
    pub events: u64,
    pub rejects: u64,
    pub bytes: u64,
    pub records: u64,
}

impl PollSession {
    /// A session of a producer that has just started. `producer` must be drawn by chance: two with one number would be
    /// taken for one.
    pub fn new(producer: u64) -> Self {
        Self { reader: SessionReader::default(), lanes: LaneBook::new(producer), max_event_ms: None }
    }

    /// Greatest event time seen.
    pub fn max_event_ms(&self) -> Option<i64> {
        self.max_event_ms
    }

    /// Takes note of events that an earlier process published: their lanes need heartbeats, their counts were told.
    pub fn resume(&mut self, events: &[Event], lanes: u16) {
        self.lanes.know(&facts(events, lanes));
    }

    /// Tells every lane used that all events before `watermark_ms` are in the stream.
    pub async fn beat(&mut self, context: &PollContext, source: Source, watermark_ms: i64) -> Result<(), PollError> {
        let heartbeats = self.lanes.heartbeats(source.as_str(), watermark_ms);
        let records = frames_of(source.as_str(), heartbeats, context.lanes, context.frames)?;
        self.publish(context, records).await
    }

    async fn publish(&mut self, context: &PollContext, records: Vec<OutRecord>) -> Result<(), PollError> {
        let published = publish_all(&*context.stream, records).await;
        if published.is_err() {
            self.lanes.start_over();
        }
        Ok(published?)
    }
}

/// Takes one payload all the way into the stream.
pub async fn ingest(
    context: &PollContext,
    session: &mut PollSession,
    payload: &Payload,
) -> Result<Ingested, PollError> {
    let landing = land_payload(context, payload).await?;
    let parsed = replay_parse(session, payload)?;
    keep_rejects(context, payload, &landing, &parsed.rejects).await?;
    list_landing(context, payload, &landing, &parsed).await?;
    let facts = facts(&parsed.events, context.lanes);
    let events = parsed.events.len() as u64;
    let mut records = frames_of(payload.source.as_str(), parsed.events, context.lanes, context.frames)?;
    let record_count = records.len() as u64;
    session.lanes.stamp(&mut records);
    session.publish(context, records).await?;
    session.lanes.note(&facts);
    Ok(Ingested {
        events,
        rejects: parsed.rejects.len() as u64,
        bytes: payload.bytes.len() as u64,
        records: record_count,
    })
}

/// Parses a payload and moves its times, without publishing: what brings a session back after a restart.
pub fn replay_parse(session: &mut PollSession, payload: &Payload) -> Result<Parsed, PollError> {
    let document = Document { bytes: &payload.bytes, received_at_ms: payload.received_at_ms, origin: &payload.origin };
    let parsed = session.reader.read(payload.source, document, payload.shift_ms)?;
    let last_ms = parsed.events.iter().map(|event| event.timestamp_ms).max();
    session.max_event_ms = session.max_event_ms.max(last_ms);
    Ok(parsed)
}

async fn land_payload(context: &PollContext, payload: &Payload) -> Result<Landing, PollError> {
    let raw = RawPayload {
        source: payload.source.as_str(),
        origin: &payload.origin,
        session: &payload.session,
        index: payload.index,
        received_at_ms: payload.received_at_ms,
        shift_ms: payload.shift_ms,
        bytes: &payload.bytes,
    };
    Ok(land(&*context.objects, raw).await?)
}

async fn keep_rejects(
    context: &PollContext,
    payload: &Payload,
    landing: &Landing,
    rejects: &[Reject],
) -> Result<(), PollError> {
    let mut items = Vec::with_capacity(rejects.len());
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
    if !items.is_empty() {
        put_if_absent(&*context.store, items).await?;
    }
    Ok(())
}

/// The payload's row of `bronze.payloads`, named by its object, so that a repeated poll lists it once.
async fn list_landing(
    context: &PollContext,
    payload: &Payload,
    landing: &Landing,
    parsed: &Parsed,
) -> Result<(), PollError> {
    let row = landing.row(parsed.events.len(), parsed.rejects.len());
    let bytes = serde_json::to_vec(&row)
        .map_err(|error| PollError::Fetch { endpoint: payload.origin.clone(), message: error.to_string() })?;
    Ok(outbox::put(&*context.store, PAYLOADS.name, vec![(landing.object_key.clone(), bytes)]).await?)
}
