//! Panes in a memory store, built by the real step from real events, and one-line requests to the router over them.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use futures::FutureExt;
use touchline_api::{ApiContext, LiveHub, OfferedAccount, router};
use touchline_event::{
    Event, EventDraft, EventId, Fixture, GameStatus, Lane, MarketStatus, OddsQuote, Payload, Play, Position,
    ScoreUpdate, Sequence, ShardId, Side, Team, Trade, TradedVolume,
};
use touchline_metric::{Family, FamilyState};
use touchline_store::{AnomalyEntry, ItemStore, ItemWrite, MemoryStore, PutOutcome, anomalies, directory, panes};
use touchline_window::{PaneKey, PaneState, Positioned, Verdict, pane_start_ms, step};
use tower::ServiceExt;

pub const PANE_MS: i64 = 60_000;
/// 2023-10-29T17:00:00Z, a full minute, hour and twenty minutes.
pub const START_MS: i64 = 1_698_598_800_000;

/// A store being filled, and the hub that is told of it.
pub struct Board {
    pub store: Arc<MemoryStore>,
    pub hub: LiveHub,
    pub now_ms: Arc<RwLock<i64>>,
    sequence: u64,
    id: u64,
}

impl Board {
    pub fn new() -> Self {
        Self {
            store: Arc::new(MemoryStore::default()),
            hub: LiveHub::new(64),
            now_ms: Arc::new(RwLock::new(START_MS + 3_600_000)),
            sequence: 0,
            id: 0,
        }
    }

    pub fn context(&self) -> ApiContext {
        let (store, now_ms) = (Arc::clone(&self.store), Arc::clone(&self.now_ms));
        let accounts = Arc::clone(&self.store);
        ApiContext::new(
            store,
            self.hub.clone(),
            Arc::new(move || {
                let store = Arc::clone(&accounts);
                async move { offered(store.as_ref()).await }.boxed()
            }),
            PANE_MS,
            Arc::new(move || *now_ms.read().unwrap()),
            Arc::default(),
        )
    }

    /// The event of a payload, with an id of its own.
    pub fn event(&mut self, source: &str, subject: &str, at_ms: i64, payload: impl Into<Payload>) -> Event {
        self.id += 1;
        let mut draft = EventDraft::new(source, at_ms, at_ms + 250, payload);
        match &draft.payload {
            Payload::Trade(_) => draft.symbol = Some(subject.to_owned()),
            _ => draft.game_id = Some(subject.to_owned()),
        }
        draft.with_id(EventId(self.id))
    }

    /// Counts one event into its pane, as the aggregation does.
    pub async fn count(&mut self, event: Event) {
        let family = Family::of(&event).unwrap();
        let entity = Family::pane_entity(&event);
        let start_ms = pane_start_ms(event.timestamp_ms, PANE_MS);
        let (key, value) = directory::entry(family, &entity);
        self.write(ItemWrite { key, expected: None, value: Some(value), expires_at_ms: None }).await;
        self.sequence += 1;
        let position = Position { sequence: Sequence::from_u64(self.sequence), sub: 0 };
        let positioned = Positioned { position, event };
        self.change_pane(family, &entity, start_ms, |state| {
            match step(&state, &[], &ShardId("0".into()), &[&positioned]) {
                Verdict::Write(next, _) => *next,
                other => panic!("{other:?}"),
            }
        })
        .await;
    }

    /// Finalises every pane of an entity that starts before `until_ms`.
    pub async fn finalise(&mut self, family: Family, entity: &str, until_ms: i64) {
        let store = Arc::clone(&self.store);
        for pane in panes::read(store.as_ref(), family, entity, PANE_MS, None, Some(until_ms)).await.unwrap() {
            self.change_pane(family, entity, pane.start_ms, PaneState::finalised).await;
        }
    }

    /// Seals the pane that starts at `start_ms`.
    pub async fn seal(&mut self, family: Family, entity: &str, start_ms: i64) {
        self.change_pane(family, entity, start_ms, PaneState::sealed).await;
    }

    async fn change_pane(
        &mut self,
        family: Family,
        entity: &str,
        start_ms: i64,
        change: impl FnOnce(PaneState<FamilyState>) -> PaneState<FamilyState>,
    ) {
        let lane = Lane::of(entity, 64);
        let pane = PaneKey { family: family.as_str(), entity: entity.to_owned(), pane_ms: PANE_MS, start_ms, lane };
        let key = panes::key(&pane, 0);
        let item = self.store.get(&key).await.unwrap();
        let state = match &item {
            Some(item) => PaneState::decode(&item.value).unwrap(),
            None => PaneState::new(family.empty()),
        };
        let value = Some(change(state).encode().unwrap());
        let expected = item.map(|item| item.version);
        self.write(ItemWrite { key, expected, value, expires_at_ms: None }).await;
    }

    async fn write(&self, write: ItemWrite) {
        let outcome = self.store.put(vec![write]).await.pop().unwrap().unwrap();
        // The directory entry of a known entity is there already.
        assert!(matches!(outcome, PutOutcome::Written(_) | PutOutcome::Conflict(Some(_))), "{outcome:?}");
    }

    pub async fn anomaly(&self, entity: &str, kind: &str, start_ms: i64, severity: f64) {
        let entry = AnomalyEntry {
            family: "trades".into(),
            source: entity.split(':').next().unwrap().to_owned(),
            entity: entity.to_owned(),
            kind: kind.to_owned(),
            window_start_ms: start_ms,
            window_ms: PANE_MS,
            detected_at_ms: start_ms + PANE_MS,
            value: 1000.0 * severity,
            expectation: 1000.0,
            severity,
            robust_z: Some(2.0 * severity),
            revision: 1,
        };
        anomalies::put(self.store.as_ref(), &entry).await.unwrap();
    }

    pub async fn trade(&mut self, symbol: &str, at_ms: i64, price_e8: i64, volume_e8: i64) {
        let payload = Trade { price_e8, volume_e8, conditions: vec![], is_vwap_eligible: true };
        let event = self.event("finnhub", symbol, at_ms, payload);
        self.count(event).await;
    }

    pub async fn fixture(&mut self, source: &str, game: &str, home: &str, away: &str, status: GameStatus) {
        let team = |name: &str| Team { id: String::new(), name: name.to_owned(), abbreviation: None };
        let payload = Fixture {
            home: team(home),
            away: team(away),
            starts_at_ms: Some(START_MS),
            status,
            status_detail: None,
            venue: Some("Highmark Stadium".into()),
            is_neutral_site: None,
        };
        let mut event = self.event(source, game, START_MS, payload);
        (event.sport, event.league) = (Some("football".into()), Some("nfl".into()));
        self.count(event).await;
    }

    pub async fn score(&mut self, game: &str, at_ms: i64, home_score: i32, away_score: i32, clock: &str) {
        let payload = ScoreUpdate { home_score, away_score, status: GameStatus::InProgress, periods: vec![] };
        let mut event = self.event("espn", game, at_ms, payload);
        (event.period, event.game_clock) = (Some(2), Some(clock.to_owned()));
        self.count(event).await;
    }

    pub async fn play(&mut self, game: &str, at_ms: i64, home_score: i32, away_score: i32, home_chance_e4: i64) {
        let payload = Play {
            play_type: "Rush".into(),
            text: None,
            is_scoring: false,
            score_value: 0,
            home_score,
            away_score,
            drive_id: None,
            home_win_probability_e4: Some(home_chance_e4),
        };
        let mut event = self.event("espn", game, at_ms, payload);
        (event.period, event.game_clock) = (Some(3), Some("4:12".into()));
        self.count(event).await;
    }

    /// `market`: name and point in hundredths.
    pub async fn quote(
        &mut self,
        event: (&str, &str),
        book: &str,
        market: (&str, Option<i64>),
        outcome: &str,
        at_ms: i64,
        price_e6: i64,
    ) {
        let payload = OddsQuote {
            book: book.to_owned(),
            market: market.0.to_owned(),
            outcome: outcome.to_owned(),
            point_e2: market.1,
            price_e6,
            side: Side::Back,
            size_e2: None,
        };
        let event = self.event(event.0, event.1, at_ms, payload);
        self.count(event).await;
    }

    pub async fn traded(&mut self, event: (&str, &str), outcome: &str, at_ms: i64, price_e6: i64, size_e2: i64) {
        let payload = TradedVolume { market: "h2h".into(), outcome: outcome.to_owned(), price_e6, size_e2 };
        let event = self.event(event.0, event.1, at_ms, payload);
        self.count(event).await;
    }

    pub async fn market_status(&mut self, event: (&str, &str), at_ms: i64, status: &str) {
        let payload = MarketStatus {
            market: "h2h".into(),
            status: status.to_owned(),
            is_in_play: true,
            market_time_ms: Some(START_MS),
            outcomes: vec![],
        };
        let event = self.event(event.0, event.1, at_ms, payload);
        self.count(event).await;
    }

    pub async fn get(&self, path: &str) -> Response<Body> {
        let request = Request::get(path).body(Body::empty()).unwrap();
        router(self.context()).oneshot(request).await.unwrap()
    }

    /// A successful answer's JSON.
    pub async fn json(&self, path: &str) -> serde_json::Value {
        let response = self.get(path).await;
        let status = response.status();
        let body = body(response).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// A refused request's problem.
    pub async fn problem(&self, path: &str, status: u16) -> serde_json::Value {
        let response = self.get(path).await;
        assert_eq!(response.headers()["content-type"], "application/problem+json", "{path}");
        assert_eq!(response.status().as_u16(), status, "{path}");
        serde_json::from_str(&body(response).await).unwrap()
    }
}

async fn offered(store: &dyn ItemStore) -> Result<BTreeMap<String, OfferedAccount>, touchline_store::StoreError> {
    let accounts = touchline_store::accounting::read(store, &[]).await?;
    Ok(accounts
        .into_iter()
        .map(|(source, account)| (source, OfferedAccount { offered: account.total(), account }))
        .collect())
}

pub async fn body(response: Response<Body>) -> String {
    let bytes = axum::body::to_bytes(response.into_body(), 8 << 20).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}
