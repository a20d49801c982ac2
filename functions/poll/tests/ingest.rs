//! The poll door over memory parts: what is landed, published, refused and vouched for, also when the stream says no.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use touchline_event::{Event, FrameStamp, Payload as EventPayload, Sequence, ShardId, decode_frame};
use touchline_feed::Source;
use touchline_lake::{MemoryObjects, ObjectStore, read_back};
use touchline_poll::{Delivery, Payload, PollContext, PollSession, Producer, ingest};
use touchline_store::{MAX_ITEM_BYTES, MemoryStore, quarantine};
use touchline_stream::{FrameLimits, OutRecord, Publish, StreamError};

const LANES: u16 = 8;

/// Keeps what it is given, after refusing as often as it is told.
#[derive(Default)]
struct Tape {
    records: Mutex<Vec<OutRecord>>,
    refusals: AtomicUsize,
    calls: AtomicUsize,
}

#[async_trait]
impl Publish for Tape {
    async fn publish(&self, records: Vec<OutRecord>) -> Vec<Result<(ShardId, Sequence), StreamError>> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let is_refused = self.refusals.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if is_refused.is_ok() {
            return records.iter().map(|_| Err(StreamError::Unknown("refused".to_owned()))).collect();
        }
        let mut tape = self.records.lock().unwrap();
        records
            .into_iter()
            .map(|record| {
                tape.push(record);
                Ok((ShardId("s".to_owned()), Sequence::from_u64(tape.len() as u64)))
            })
            .collect()
    }
}

struct World {
    context: PollContext,
    tape: Arc<Tape>,
    store: Arc<MemoryStore>,
    objects: Arc<MemoryObjects>,
}

fn world() -> World {
    let (tape, store, objects) =
        (Arc::new(Tape::default()), Arc::new(MemoryStore::default()), Arc::new(MemoryObjects::default()));
    let context = PollContext {
        objects: objects.clone(),
        store: store.clone(),
        stream: tape.clone(),
        producer: Producer::new(7),
        lanes: LANES,
        frames: FrameLimits::DEFAULT,
    };
    World { context, tape, store, objects }
}

/// A message of two trades, the second of which cannot be.
fn payload(session: &str, index: u64) -> Payload {
    let at = 1_793_491_200_000 + index * 1000;
    let trades = format!(r#"{{"p":10.5,"s":"{session}","t":{at},"v":3}},{{"p":-1,"s":"{session}","t":{at},"v":3}}"#);
    Payload {
        source: Source::Finnhub,
        origin: session.to_owned(),
        session: session.to_owned(),
        index,
        received_at_ms: None,
        shift_ms: 0,
        exchange: None,
        bytes: format!(r#"{{"type":"trade","data":[{trades}]}}"#).into_bytes(),
    }
}

impl World {
    fn events(&self) -> Vec<Event> {
        let tape = self.tape.records.lock().unwrap();
        tape.iter().flat_map(|record| decode_frame(&record.bytes).unwrap().events).map(Result::unwrap).collect()
    }

    /// Ids by symbol, in their order on the stream.
    fn ids(&self) -> BTreeMap<String, Vec<u64>> {
        let mut ids: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for event in self.events() {
            ids.entry(event.symbol.unwrap_or_default()).or_default().push(event.event_id.0);
        }
        ids
    }
}

#[tokio::test]
async fn payloads_given_together_become_what_they_become_one_by_one() {
    let payloads: Vec<Vec<Payload>> =
        ["A", "B", "C"].iter().map(|session| (0..5).map(|index| payload(session, index)).collect()).collect();
    let together = world();
    let mut sessions: Vec<PollSession> = payloads.iter().map(|_| PollSession::default()).collect();
    let deliveries = sessions.iter_mut().zip(&payloads);
    let deliveries = deliveries.map(|(session, payloads)| Delivery { session, payloads: payloads.iter().collect() });
    let ingested = ingest(&together.context, deliveries.collect()).await.unwrap();
    assert_eq!((ingested.payloads, ingested.events, ingested.rejects), (15, 15, 15));
    assert_eq!(together.tape.calls.load(Ordering::Relaxed), 1);

    let apart = world();
    for payloads in &payloads {
        let mut session = PollSession::default();
        for payload in payloads {
            let delivery = Delivery { session: &mut session, payloads: vec![payload] };
            ingest(&apart.context, vec![delivery]).await.unwrap();
        }
    }
    assert_eq!(together.ids(), apart.ids());
    let refused = |world: &World| {
        let store = world.store.clone();
        async move { quarantine::list(&*store, "finnhub").await.unwrap() }
    };
    assert_eq!(refused(&together).await, refused(&apart).await);
    assert_eq!(refused(&together).await.len(), 15);
    let keys = together.objects.list("raw/").await.unwrap();
    assert_eq!(keys, apart.objects.list("raw/").await.unwrap());
    let landed = read_back(&*together.objects, &keys[0]).await.unwrap().unwrap();
    assert!(payloads.iter().flatten().any(|payload| payload.bytes == landed.bytes));
}

#[tokio::test]
async fn a_refused_record_is_sent_again_and_a_poll_given_up_repeats_its_ids() {
    let world = world();
    let payload = payload("A", 0);
    world.tape.refusals.store(2, Ordering::Relaxed);
    let mut session = PollSession::default();
    ingest(&world.context, vec![Delivery { session: &mut session, payloads: vec![&payload] }]).await.unwrap();
    assert_eq!(world.events().len(), 1);

    world.tape.refusals.store(100, Ordering::Relaxed);
    let mut again = PollSession::default();
    let delivery = || vec![&payload];
    let error = ingest(&world.context, vec![Delivery { session: &mut again, payloads: delivery() }]).await.unwrap_err();
    assert!(error.to_string().contains("refused"), "{error}");
    world.tape.refusals.store(0, Ordering::Relaxed);
    let mut again = PollSession::default();
    ingest(&world.context, vec![Delivery { session: &mut again, payloads: delivery() }]).await.unwrap();
    let ids = world.ids();
    assert_eq!(ids["A"].len(), 2);
    assert_eq!(ids["A"][0], ids["A"][1]);
}

#[tokio::test]
async fn a_refused_record_larger_than_an_item_holds_up_nothing() {
    let world = world();
    let (mut large, good) = (payload("A", 0), payload("A", 1));
    let filler = "x".repeat(2 * MAX_ITEM_BYTES);
    large.bytes = format!(r#"{{"type":"trade","data":[{{"p":"{filler}","s":"A","t":1,"v":3}}]}}"#).into_bytes();
    let mut session = PollSession::default();
    let delivery = Delivery { session: &mut session, payloads: vec![&large, &good] };
    let ingested = ingest(&world.context, vec![delivery]).await.unwrap();
    assert_eq!((ingested.events, ingested.rejects), (1, 2));
    let entries = quarantine::list(&*world.store, "finnhub").await.unwrap();
    let (_, entry) = entries.iter().find(|(_, entry)| entry.raw.len() > 1000).unwrap();
    assert!(entry.message.contains("raw is the beginning of"), "{}", &entry.message[entry.message.len() - 100..]);
    let key = entry.object_key.as_ref().unwrap();
    assert_eq!(read_back(&*world.objects, key).await.unwrap().unwrap().bytes, large.bytes, "the whole has landed");
}

#[tokio::test]
async fn a_heartbeat_vouches_for_what_was_acknowledged_and_for_nothing_twice() {
    let world = world();
    let mut session = PollSession::default();
    let payloads = [payload("A", 0), payload("A", 1)];
    let delivery = Delivery { session: &mut session, payloads: payloads.iter().collect() };
    ingest(&world.context, vec![delivery]).await.unwrap();
    let id_sum = world.events().iter().fold(0_u64, |sum, event| sum.wrapping_add(event.event_id.0));
    for watermark_ms in [1, 2] {
        session.beat(&world.context, Source::Finnhub, watermark_ms).await.unwrap();
    }
    let claims: Vec<(i64, u64, u64)> = (world.events().into_iter())
        .filter_map(|event| match event.payload {
            EventPayload::Heartbeat(beat) => {
                let claim = beat.claim.unwrap();
                Some((beat.watermark_ms, claim.event_count, claim.id_sum))
            }
            _ => None,
        })
        .collect();
    assert_eq!(claims, [(1, 2, id_sum), (2, 0, 0)]);
}

#[tokio::test]
async fn claims_cover_the_frames_of_all_sessions_and_none_that_may_be_lost() {
    let world = world();
    let (mut a, mut b) = (PollSession::default(), PollSession::default());
    let (one, two) = (payload("A", 0), payload("B", 0));
    let deliveries =
        vec![Delivery { session: &mut a, payloads: vec![&one] }, Delivery { session: &mut b, payloads: vec![&two] }];
    ingest(&world.context, deliveries).await.unwrap();
    a.beat(&world.context, Source::Finnhub, 1).await.unwrap();
    b.beat(&world.context, Source::Finnhub, 1).await.unwrap();
    world.tape.refusals.store(100, Ordering::Relaxed);
    let lost = payload("A", 1);
    ingest(&world.context, vec![Delivery { session: &mut a, payloads: vec![&lost] }]).await.unwrap_err();
    world.tape.refusals.store(0, Ordering::Relaxed);
    a.beat(&world.context, Source::Finnhub, 2).await.unwrap();

    let mut published: BTreeMap<(u64, u16, u32), (u32, u64)> = BTreeMap::new();
    for record in world.tape.records.lock().unwrap().iter() {
        if let Some(stamp) = FrameStamp::of(&record.bytes) {
            let sum = published.entry((stamp.producer, record.lane.0, stamp.beat)).or_default();
            (sum.0, sum.1) = (sum.0 + 1, sum.1 + record.event_count);
        }
    }
    let mut producers = Vec::new();
    for event in world.events() {
        let EventPayload::Heartbeat(heartbeat) = event.payload else { continue };
        let claim = heartbeat.claim.unwrap();
        let there = published.remove(&(claim.producer, heartbeat.lane, claim.beat)).unwrap_or_default();
        assert_eq!((claim.frame_count, claim.event_count), there);
        producers.push(claim.producer);
    }
    assert!(published.is_empty(), "nothing that got through is left out");
    assert_ne!(producers.first(), producers.last(), "after a failure the producer is another");
}
