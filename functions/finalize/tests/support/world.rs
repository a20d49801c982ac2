//! Panes of every family that are due, and what is read back of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use touchline_event::{Article, Event, EventDraft, EventId, GameStatus, OddsQuote, Payload, ScoreUpdate, Side, Trade};
use touchline_finalize::{FinalizeContext, FinalizeOutcome, handle};
use touchline_lake::tables::{ANOMALIES, AnomalyRow, ODDS_WINDOWS, SCORE_WINDOWS, TRADE_WINDOWS, TradeWindowRow};
use touchline_metric::Family;
use touchline_store::{ItemKey, ItemStore, MemoryStore, anomalies, due, outbox, watermarks};
use touchline_window::WindowPolicy;

use super::run;
use super::writer::{Writer, due_entry, is_pane, stored_parts};

pub const PANE_MS: i64 = 60_000;
pub const LANES: u16 = 4;
/// 2023-10-29T17:00:00Z.
pub const START_MS: i64 = 1_698_598_800_000;
pub const POLICY: WindowPolicy = WindowPolicy { lateness_ms: 120_000, pane_ms: PANE_MS, ..WindowPolicy::DEFAULT };
pub const SEALING: WindowPolicy = WindowPolicy { retention_ms: Some(600_000), ..POLICY };
/// Panes of the long series: six quiet ones and a seventh with a volume spike.
pub const SERIES_PANES: i64 = 7;

pub fn trade(id: u64, at_ms: i64, volume: i64) -> Event {
    let payload =
        Trade { price_e8: 100_000_000, volume_e8: volume * 100_000_000, conditions: vec![], is_vwap_eligible: true };
    event("finnhub", id, at_ms, payload.into())
}

fn event(source: &str, id: u64, at_ms: i64, payload: Payload) -> Event {
    let mut draft = EventDraft::new(source, at_ms, at_ms, payload);
    draft.symbol = Some("S".into());
    draft.with_id(EventId(id))
}

/// A store and how many events went into it.
pub struct World {
    pub store: Arc<MemoryStore>,
    pub policy: WindowPolicy,
    sequence: u64,
}

impl World {
    /// One provisional trade pane with one trade.
    pub fn single(policy: WindowPolicy) -> Self {
        let mut world = Self { store: Arc::default(), policy, sequence: 0 };
        world.take(trade(1, START_MS, 1));
        world
    }

    /// A series of trade panes with a spike at the end, and one pane of every other family.
    pub fn of_all_families(policy: WindowPolicy) -> Self {
        let mut world = Self { store: Arc::default(), policy, sequence: 0 };
        for n in 0..SERIES_PANES {
            world.take(trade(n as u64, START_MS + n * PANE_MS, if n + 1 == SERIES_PANES { 100 } else { 1 }));
        }
        let quote = |outcome: &str, point_e2| OddsQuote {
            book: "a".into(),
            market: "totals".into(),
            outcome: outcome.into(),
            point_e2,
            price_e6: 1_900_000,
            side: Side::Back,
            size_e2: None,
        };
        let update = ScoreUpdate { home_score: 1, away_score: 0, status: GameStatus::InProgress, periods: vec![] };
        let article = Article { title: "t".into(), url: "u".into(), ..Article::default() };
        world.take(event("the-odds-api", 20, START_MS, quote("Over", Some(0)).into()));
        world.take(event("the-odds-api", 21, START_MS, quote("Over", None).into()));
        world.take(event("espn", 22, START_MS, update.into()));
        world.take(event("espn", 23, START_MS, article.into()));
        world
    }

    /// A writer for the event at the next position of the shard.
    pub fn writer(&mut self, event: Event) -> Writer {
        self.sequence += 1;
        Writer::new(due_entry(&event, PANE_MS, LANES), self.sequence, event)
    }

    pub fn take(&mut self, event: Event) -> Writer {
        let mut writer = self.writer(event);
        writer.finish(&self.store);
        writer
    }

    pub fn context(&self, store: Arc<dyn ItemStore>) -> FinalizeContext {
        let sources = ["finnhub", "the-odds-api", "espn"].map(str::to_owned).to_vec();
        FinalizeContext { store, policy: self.policy, sources }
    }

    /// Every lane of every source has reached this time.
    pub fn reach(&self, watermark_ms: i64) {
        let lanes: Vec<(u16, i64)> = (0..LANES).map(|lane| (lane, watermark_ms)).collect();
        for source in ["finnhub", "the-odds-api", "espn"] {
            run(watermarks::advance(&*self.store, source, &lanes)).unwrap();
        }
    }

    pub fn finalise(&self) -> FinalizeOutcome {
        run(handle(&self.context(Arc::clone(&self.store) as Arc<dyn ItemStore>))).unwrap()
    }

    /// Passes until one finds nothing to do.
    pub fn settle(&self) {
        for _ in 0..10 {
            if self.finalise() == FinalizeOutcome::default() && self.due_keys().is_empty() {
                return;
            }
        }
        panic!("still due after ten passes: {:?}", self.due_keys());
    }

    pub fn due_keys(&self) -> Vec<ItemKey> {
        self.store.dump().into_keys().filter(|key| key.pk.starts_with("due#")).collect()
    }

    /// Entries of the list of panes to be sealed.
    pub fn seal_count(&self) -> usize {
        self.due_keys().iter().filter(|key| key.pk.starts_with("due#seal#")).count()
    }

    pub fn pane_values(&self) -> BTreeMap<ItemKey, Vec<u8>> {
        let dump = self.store.dump().into_iter().filter(|(key, _)| is_pane(key));
        dump.map(|(key, item)| (key, item.value)).collect()
    }

    /// Every queued row, by table. Claims them, so it is for the end of a test.
    pub fn rows(&self) -> BTreeMap<&'static str, Vec<String>> {
        let tables = [TRADE_WINDOWS.name, ODDS_WINDOWS.name, SCORE_WINDOWS.name, ANOMALIES.name];
        let claim = |table| run(outbox::claim(&*self.store, table, 0, 1000)).unwrap();
        let texts = |rows: Vec<Vec<u8>>| rows.into_iter().map(|row| String::from_utf8(row).unwrap()).collect();
        tables.into_iter().map(|table| (table, texts(claim(table)))).collect()
    }

    pub fn trade_rows(&self) -> Vec<TradeWindowRow> {
        self.rows()[TRADE_WINDOWS.name].iter().map(|row| serde_json::from_str(row).unwrap()).collect()
    }

    pub fn anomaly_rows(&self) -> Vec<AnomalyRow> {
        self.rows()[ANOMALIES.name].iter().map(|row| serde_json::from_str(row).unwrap()).collect()
    }

    pub fn stored_anomaly_count(&self) -> usize {
        run(anomalies::list(&*self.store, "trades", PANE_MS, 0, i64::MAX / 2, 100)).unwrap().len()
    }

    /// Asserts that the pane of this event is final, published as it is, once per revision, and forgotten by the due list.
    pub fn assert_published(&self, event: &Event, trade_count: i64, why: &str) {
        let entry = due_entry(event, PANE_MS, LANES);
        let parts = stored_parts(&self.store, &entry);
        assert!(parts.iter().all(|(_, part)| part.lifecycle.is_final && !part.lifecycle.is_dirty), "{why}: {parts:?}");
        let rows: Vec<_> = self.trade_rows().into_iter().filter(|row| row.window_start_ms == entry.start_ms).collect();
        let revisions: Vec<i32> = rows.iter().map(|row| row.revision).collect();
        assert!(revisions.is_sorted_by(|a, b| a < b), "{why}: {revisions:?}");
        let last = rows.last().unwrap_or_else(|| panic!("{why}: nothing published"));
        assert_eq!(last.trade_count, trade_count, "{why}: {rows:?}");
        let stored = parts.iter().map(|(_, part)| part.lifecycle.revision).max().unwrap();
        assert_eq!(last.revision, stored as i32, "{why}");
        assert!(
            run(due::list(&*self.store, due::Stage::Final, Family::Trades, PANE_MS, "", i64::MAX / 4, 10))
                .unwrap()
                .is_empty()
        );
    }
}
