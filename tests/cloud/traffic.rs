//! What producers publish, from a seed: facts of three families, published twice now and then, late ones, broken frames;
//! and what must be in the store when all of it has been delivered, however often.

use std::collections::BTreeMap;

use touchline_aggregate::{AggregateContext, WarmCache};
use touchline_event::{Article, Event, EventDraft, EventId, Heartbeat, Kind, OddsQuote, Payload, Side, Trade};
use touchline_metric::{Family, FamilyState};
use touchline_store::{ItemStore, PaneLayout, accounting, directory, pane_store, panes, watermarks};
use touchline_stream::{FrameLimits, OutRecord, frames_of};
use touchline_tests::Random;
use touchline_window::{Aggregate, PaneKey, PaneState, WindowPolicy, pane_start_ms};

pub const LANES: u16 = 8;
pub const POLICY: WindowPolicy =
    WindowPolicy { pane_ms: 60_000, lateness_ms: 120_000, horizon_ms: 600_000, future_ms: 300_000, retention_ms: None };
/// 2023-10-29T17:00:00Z.
const START_MS: i64 = 1_698_598_800_000;
const PANES: usize = 4;
const SOURCES: [&str; 3] = ["finnhub", "the-odds-api", "espn"];
/// Small, so that panes go on in further parts while eight writers are at them.
const ITEM_BYTES_MAX: usize = 900;
const FRAME: FrameLimits = FrameLimits { max_events: 6 };

/// A writer's own sandbox over a store with an item for each pane.
pub fn sandbox(store: impl ItemStore + 'static) -> AggregateContext {
    sandbox_of(PaneLayout::Pane, store)
}

/// A writer's own sandbox over a store with panes in this layout.
pub fn sandbox_of(layout: PaneLayout, store: impl ItemStore + 'static) -> AggregateContext {
    AggregateContext {
        store: pane_store(std::sync::Arc::new(store), layout, LANES),
        policy: POLICY,
        lanes: LANES,
        puts_in_flight: 16,
        max_item_bytes: ITEM_BYTES_MAX,
        cache: WarmCache::new(1_000),
    }
}

/// Family, entity and start of a pane.
type PaneName = (Family, String, i64);

/// What was offered so far, and what it must come to.
#[derive(Default)]
pub struct Traffic {
    published: Vec<Event>,
    panes: BTreeMap<PaneName, BTreeMap<u64, Event>>,
    /// Deliverable positions per source: applied and duplicate, late, quarantined.
    offered: BTreeMap<String, [u64; 3]>,
    watermarks: BTreeMap<(&'static str, u16), i64>,
    broken_count: u64,
}

impl Traffic {
    /// The next records of a producer, in their order.
    pub fn next(&mut self, random: &mut Random) -> Vec<OutRecord> {
        let mut events = Vec::new();
        for _ in 0..random.below(30) + 1 {
            let event = match random.below(20) {
                // The producer publishes again what it published before: same bytes, new position.
                0..=3 if !self.published.is_empty() => self.published[random.below(self.published.len())].clone(),
                4 => heartbeat(random),
                _ => fact(random),
            };
            self.published.push(event.clone());
            events.push(event);
        }
        let mut records = frames_of("mixed", events.clone(), LANES, FRAME).unwrap();
        let mut broken: Vec<u64> = Vec::new();
        for record in &mut records {
            if random.chance(3) {
                let frame = touchline_event::decode_frame(&record.bytes).unwrap();
                broken.extend(frame.events.iter().flatten().map(|event| event.event_id.0));
                self.broken_count += frame.events.len() as u64;
                // The checksum in the header no longer fits.
                record.bytes[6] ^= 1;
            }
        }
        for event in events {
            // A frame holds an event of a payload once or twice; which of them broke does not matter to the sums.
            match broken.iter().position(|id| *id == event.event_id.0) {
                Some(at) => {
                    broken.swap_remove(at);
                }
                None => self.expect(event),
            }
        }
        records
    }

    /// Notes that records were published once more.
    pub fn expect_again(&mut self, records: &[OutRecord]) {
        for record in records {
            match touchline_event::decode_frame(&record.bytes) {
                Ok(frame) => frame.events.into_iter().flatten().for_each(|event| self.expect(event)),
                Err(_) => {
                    let count = record.bytes[2..6].try_into().unwrap();
                    self.broken_count += u64::from(u32::from_le_bytes(count));
                }
            }
        }
    }

    fn expect(&mut self, event: Event) {
        let source = SOURCES.into_iter().find(|source| *source == event.source).unwrap();
        if let Payload::Heartbeat(heartbeat) = &event.payload {
            let mark = self.watermarks.entry((source, heartbeat.lane)).or_insert(i64::MIN);
            *mark = heartbeat.watermark_ms.max(*mark);
            return;
        }
        let [counted, late, _] = self.offered.entry(event.source.clone()).or_default();
        if event.first_arrival_ms - event.timestamp_ms > POLICY.horizon_ms {
            *late += 1;
            return;
        }
        *counted += 1;
        let start_ms = pane_start_ms(event.timestamp_ms, POLICY.pane_ms);
        let name = (Family::of(&event).unwrap(), Family::pane_entity(&event), start_ms);
        self.panes.entry(name).or_default().insert(event.event_id.0, event);
    }

    /// Distinct accepted events.
    pub fn fact_count(&self) -> usize {
        self.panes.values().map(BTreeMap::len).sum()
    }

    /// P1, P11, P12: every pane is the fold over its distinct events, there is no other, and every position is accounted for.
    pub async fn is_what(&self, store: &dyn ItemStore) {
        let stored = stored_panes(store).await;
        assert_eq!(stored.keys().collect::<Vec<_>>(), self.panes.keys().collect::<Vec<_>>());
        let mut split_count = 0;
        for (name, events) in &self.panes {
            let parts = &stored[name];
            split_count += usize::from(parts.len() > 1);
            let mut ids: Vec<u64> = parts.iter().flat_map(|part| part.ids.iter().copied()).collect();
            ids.sort_unstable();
            assert_eq!(ids, events.keys().copied().collect::<Vec<_>>(), "ids of {name:?}, none in two parts");
            let (mut state, mut fold) = (name.0.empty(), name.0.empty());
            parts.iter().for_each(|part| state.merge(&part.aggregate));
            events.values().for_each(|event| fold.apply(event));
            assert_eq!(state, fold, "state of {name:?}");
            assert_eq!(parts.iter().map(|part| part.applied_count).sum::<u64>(), events.len() as u64, "{name:?}");
            trades_add_up(&state, events);
            for part in parts {
                let byte_count = part.encode().unwrap().len();
                assert!(byte_count <= ITEM_BYTES_MAX || part.ids.len() <= 1, "P11: {byte_count} bytes");
            }
        }
        println!("{split_count} of {} panes are in several parts", stored.len());
        assert!(split_count > 0, "no pane has a second part, so that was not tested");
        self.accounts_add_up(store).await;
        for ((source, lane), mark) in &self.watermarks {
            let marks = watermarks::read(store, source).await.unwrap();
            assert_eq!(marks.of_lane(*lane), Some(*mark), "{source} lane {lane}");
        }
    }

    async fn accounts_add_up(&self, store: &dyn ItemStore) {
        let mut accounts = accounting::read(store, &[&SOURCES[..], &["unknown"]].concat()).await.unwrap();
        let unknown = accounts.remove("unknown").unwrap_or_default();
        assert_eq!((unknown.quarantined, unknown.total()), (self.broken_count, self.broken_count));
        let told = accounts.into_iter().map(|(source, told)| {
            assert_eq!(told.total(), told.applied + told.duplicate + told.late + told.quarantined);
            (source, [told.applied + told.duplicate, told.late, told.quarantined])
        });
        assert_eq!(told.collect::<BTreeMap<_, _>>(), self.offered);
    }
}

/// Counts and sums once more, without the code under test.
fn trades_add_up(state: &FamilyState, events: &BTreeMap<u64, Event>) {
    let FamilyState::Trades(state) = state else { return };
    let trades = events.values().filter_map(|event| match &event.payload {
        Payload::Trade(trade) => Some((i128::from(trade.price_e8), i128::from(trade.volume_e8))),
        _ => None,
    });
    let (count, volume, turnover) = trades.fold((0, 0_i128, 0_i128), |(count, volume, turnover), (price, own)| {
        (count + 1, volume + own, turnover + price * own)
    });
    let metrics = state.metrics(POLICY.pane_ms);
    assert_eq!((metrics.trade_count, metrics.excluded_count), (count, 0));
    assert_eq!((metrics.volume, metrics.turnover), (volume as f64 / 1e8, turnover as f64 / 1e16));
}

/// Every pane of the store by name, its parts in order.
async fn stored_panes(store: &dyn ItemStore) -> BTreeMap<PaneName, Vec<PaneState<FamilyState>>> {
    let mut stored: BTreeMap<PaneName, Vec<PaneState<FamilyState>>> = BTreeMap::new();
    for family in Family::ALL {
        for entity in directory::list(store, family).await.unwrap() {
            let pk = PaneKey::partition(panes::CONSUMER, panes::EPOCH, family.as_str(), &entity);
            for (sk, item) in store.query(&pk, "", None, usize::MAX).await.unwrap() {
                let start_ms = sk.split('#').nth(1).unwrap().parse::<i64>().unwrap() - (1 << 46);
                let parts = stored.entry((family, entity.clone(), start_ms)).or_default();
                parts.push(PaneState::decode(&item.value).unwrap());
            }
        }
    }
    stored
}

fn fact(random: &mut Random) -> Event {
    let at = START_MS + random.below(PANES * POLICY.pane_ms as usize) as i64;
    let delay_ms = match random.below(30) {
        0 => POLICY.horizon_ms + 1 + random.below(1_000) as i64,
        1 => POLICY.horizon_ms,
        _ => random.below(5_000) as i64,
    };
    let small = random.below(50) as i64 + 1;
    let (source, payload, symbol, game): (_, Payload, _, _) = match random.below(10) {
        0..=5 => {
            let payload = Trade {
                price_e8: small * 123_456_789,
                volume_e8: small * 1_000 + 7,
                conditions: vec![],
                is_vwap_eligible: true,
            };
            (SOURCES[0], payload.into(), Some(format!("S{}", random.below(4))), None)
        }
        6..=8 => {
            let payload = OddsQuote {
                book: if random.chance(50) { "a" } else { "b" }.to_owned(),
                market: "h2h".to_owned(),
                outcome: "Over".to_owned(),
                point_e2: None,
                price_e6: 1_000_000 + small * 10_000,
                side: Side::Back,
                size_e2: None,
            };
            (SOURCES[1], payload.into(), None, Some(format!("g{}", random.below(3))))
        }
        _ => {
            let payload = Article { title: "t".to_owned(), url: "u".to_owned(), ..Article::default() };
            (SOURCES[2], payload.into(), None, Some(format!("g{}", random.below(2))))
        }
    };
    let mut draft = EventDraft::new(source, at, at, payload);
    (draft.symbol, draft.game_id) = (symbol, game);
    let mut event = draft.with_id(EventId(random.bits()));
    event.first_arrival_ms = at + delay_ms;
    event.vendor_seq = Some(random.below(1_000) as i64);
    debug_assert_ne!(event.kind, Kind::Heartbeat);
    event
}

fn heartbeat(random: &mut Random) -> Event {
    let (lane, watermark_ms) = (random.below(usize::from(LANES)) as u16, START_MS + random.below(1 << 20) as i64);
    let payload = Heartbeat { lane, watermark_ms, ..Heartbeat::default() };
    let source = SOURCES[random.below(SOURCES.len())];
    EventDraft::new(source, watermark_ms, watermark_ms, payload).with_id(EventId(random.bits()))
}
