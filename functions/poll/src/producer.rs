//! The process as a producer: its frames are numbered lane by lane in beats, and its heartbeats claim them.
//! PRD-1: a claim covers exactly the frames and events acknowledged on the lane since the claim before, whichever sessions
//! they came from; nothing is published on a producer while it claims.
//! PRD-2: after a failure nobody knows what got through: the producer goes on as another one, and what it left is unvouched.

use std::collections::BTreeMap;

use futures::lock::Mutex;
use touchline_event::{BeatClaim, Event, FrameError, FrameStamp, Kind, Payload, stable_hash};
use touchline_stream::{OutRecord, StreamError, frames_of, publish_all};

use crate::{PollContext, PollError};

/// A producer from its start to its first failure.
pub struct Producer(Mutex<Book>);

struct Book {
    number: u64,
    /// By source and lane.
    lanes: BTreeMap<(String, u16), OpenBeat>,
}

#[derive(Clone, Copy, Default)]
struct OpenBeat {
    beat: u32,
    frame_count: u32,
    event_count: u64,
    id_sum: u64,
}

impl Producer {
    /// A producer that has just started. `number` must be drawn by chance: two with one number would be taken for one.
    pub fn new(number: u64) -> Self {
        Self(Mutex::new(Book { number, lanes: BTreeMap::new() }))
    }

    /// Publishes facts of one or more vendors; the number of records.
    pub(crate) async fn publish(
        &self,
        context: &PollContext,
        events: BTreeMap<&'static str, Vec<Event>>,
    ) -> Result<u64, PollError> {
        let mut book = self.0.lock().await;
        let (mut records, mut told) = (Vec::new(), Vec::new());
        for (source, events) in events {
            let facts = events.iter().filter(|event| event.kind != Kind::Heartbeat);
            told.extend(facts.map(|event| (source, event.lane(context.lanes).0, event.event_id)));
            records.extend(frames_of(source, events, context.lanes, context.frames)?);
        }
        for (source, lane, id) in told {
            let open = book.open(source, lane);
            open.event_count += 1;
            open.id_sum = open.id_sum.wrapping_add(id.0);
        }
        book.stamp(&mut records);
        let record_count = records.len() as u64;
        book.settle(publish_all(&*context.stream, records).await)?;
        Ok(record_count)
    }

    /// Publishes heartbeats with what they can claim.
    pub(crate) async fn beat(
        &self,
        context: &PollContext,
        source: &'static str,
        mut heartbeats: Vec<Event>,
    ) -> Result<(), PollError> {
        let mut book = self.0.lock().await;
        for event in &mut heartbeats {
            if let Payload::Heartbeat(heartbeat) = &mut event.payload {
                heartbeat.claim = Some(book.claim(source, heartbeat.lane));
            }
        }
        let framed: Result<_, FrameError> = frames_of(source, heartbeats, context.lanes, context.frames);
        Ok(book.settle(publish_all(&*context.stream, framed?).await)?)
    }
}

impl Book {
    fn open(&mut self, source: &str, lane: u16) -> &mut OpenBeat {
        self.lanes.entry((source.to_owned(), lane)).or_default()
    }

    fn stamp(&mut self, records: &mut [OutRecord]) {
        let producer = self.number;
        for record in records {
            let open = self.open(&record.source, record.lane.0);
            FrameStamp { producer, beat: open.beat, number: open.frame_count }.put(&mut record.bytes);
            open.frame_count += 1;
        }
    }

    fn claim(&mut self, source: &str, lane: u16) -> BeatClaim {
        let producer = self.number;
        let open = self.open(source, lane);
        let next = OpenBeat { beat: open.beat + 1, ..OpenBeat::default() };
        let OpenBeat { beat, frame_count, event_count, id_sum } = std::mem::replace(open, next);
        BeatClaim { producer, beat, frame_count, event_count, id_sum }
    }

    fn settle(&mut self, published: Result<(), StreamError>) -> Result<(), StreamError> {
        if published.is_err() {
            self.number = stable_hash(&self.number.to_be_bytes());
            self.lanes.clear();
        }
        published
    }
}
