//! Laws of every metric family's state, through the same door as the panes: P1 order, P2 merging, P14 windows, P15 encoding.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use touchline_event::{
    Article, Card, Event, EventDraft, EventId, Fixture, GameStatus, Goal, MarketStatus, OddsQuote, Payload,
    PeriodChange, Play, Position, ScoreUpdate, Sequence, ShardId, Side, Team, Trade, TradedVolume,
};
use touchline_metric::{Family, FamilyState, TradeState};
use touchline_window::{
    Aggregate, PaneDecodeError, PaneState, Positioned, Verdict, WindowSpec, merge_panes, pane_start_ms, step,
};

/// An event of the family made from a few numbers; equal ids make equal events.
fn event(family: Family, id: u64) -> Event {
    let n = touchline_event::stable_hash(&id.to_le_bytes());
    let (at, pick, small) = ((n % 400_000) as i64, (n >> 20) % 3, (n >> 30) as i64 % 5 + 1);
    let payload = match family {
        Family::Trades => Trade {
            price_e8: small * 12_345_678,
            volume_e8: small * 3,
            conditions: vec![],
            is_vwap_eligible: !n.is_multiple_of(7),
        }
        .into(),
        Family::Odds => odds_payload(pick, small, n),
        Family::Scores => score_payload((n >> 20) % 5, small as i32),
        Family::Tally => match pick {
            0 => Article { title: "t".into(), url: "u".into(), ..Article::default() }.into(),
            _ => Card { color: "red".into(), player: None }.into(),
        },
    };
    let mut event = EventDraft::new("v", at, at + small, payload).with_id(EventId(id));
    event.vendor_seq = n.is_multiple_of(2).then_some((n >> 40) as i64 % 3);
    event
}

fn odds_payload(pick: u64, small: i64, n: u64) -> Payload {
    let outcome = if n.is_multiple_of(5) { "Over" } else { "Under" };
    match pick {
        0 => OddsQuote {
            book: if n.is_multiple_of(3) { "a" } else { "b" }.into(),
            market: "totals".into(),
            outcome: outcome.into(),
            point_e2: n.is_multiple_of(2).then_some(small * 50),
            price_e6: 1_000_000 + small * 70_000,
            side: if n.is_multiple_of(4) { Side::Lay } else { Side::Back },
            size_e2: None,
        }
        .into(),
        1 => TradedVolume {
            market: "totals".into(),
            outcome: outcome.into(),
            price_e6: small * 1_000_000,
            size_e2: n as i64 % 900,
        }
        .into(),
        _ => MarketStatus {
            market: "totals".into(),
            status: if n.is_multiple_of(2) { "open" } else { "suspended" }.into(),
            is_in_play: n.is_multiple_of(3),
            market_time_ms: Some(small),
            outcomes: vec![],
        }
        .into(),
    }
}

fn score_payload(pick: u64, small: i32) -> Payload {
    let team = |name: &str| Team { name: format!("{name}{small}"), ..Team::default() };
    match pick {
        0 => Fixture {
            home: team("h"),
            away: team("a"),
            starts_at_ms: Some(i64::from(small)),
            status: GameStatus::Scheduled,
            status_detail: None,
            venue: None,
            is_neutral_site: None,
        }
        .into(),
        1 => ScoreUpdate { home_score: small, away_score: 3, status: GameStatus::InProgress, periods: vec![] }.into(),
        2 => PeriodChange { status: GameStatus::Halftime, status_detail: "HT".into() }.into(),
        3 => Goal { scorer: None, is_own_goal: false, is_penalty: false, is_shootout: false }.into(),
        _ => Play {
            play_type: "Pass".into(),
            text: None,
            is_scoring: false,
            score_value: 0,
            home_score: 3,
            away_score: small,
            drive_id: None,
            home_win_probability_e4: (small % 2 == 0).then_some(i64::from(small) * 1_000),
        }
        .into(),
    }
}

fn state_of<'a>(family: Family, events: impl IntoIterator<Item = &'a Event>) -> FamilyState {
    let mut state = family.empty();
    events.into_iter().for_each(|event| state.apply(event));
    state
}

fn merged(a: &FamilyState, b: &FamilyState) -> FamilyState {
    let mut state = a.clone();
    state.merge(b);
    state
}

fn family() -> impl Strategy<Value = Family> {
    prop::sample::select(Family::ALL.to_vec())
}

/// Disjoint ids, so that no event is in two of the three parts.
fn thirds(family: Family, ids: &[u64]) -> [Vec<Event>; 3] {
    let mut parts = [Vec::new(), Vec::new(), Vec::new()];
    ids.iter().for_each(|id| parts[(id % 3) as usize].push(event(family, *id)));
    parts
}

fn ids() -> impl Strategy<Value = Vec<u64>> {
    prop::collection::btree_set(0_u64..500, 0..40).prop_map(|ids| ids.into_iter().collect())
}

proptest! {
    #[test]
    fn p2_every_family_merges_lawfully_and_to_the_whole(family in family(), ids in ids()) {
        let parts = thirds(family, &ids);
        let [a, b, c] = parts.each_ref().map(|events| state_of(family, events));
        prop_assert_eq!(merged(&merged(&a, &b), &c), merged(&a, &merged(&b, &c)));
        prop_assert_eq!(merged(&a, &b), merged(&b, &a));
        prop_assert_eq!(&merged(&a, &family.empty()), &a);
        prop_assert_eq!(&merged(&family.empty(), &a), &a);
        prop_assert_eq!(merged(&merged(&a, &b), &c), state_of(family, parts.iter().flatten()));
    }

    #[test]
    fn p1_every_family_forgets_the_order_of_arrival(family in family(), ids in ids(), seed: u64) {
        let events: Vec<Event> = ids.iter().map(|id| event(family, *id)).collect();
        let mut shuffled: Vec<&Event> = events.iter().collect();
        shuffled.sort_by_key(|event| touchline_event::stable_hash(&(event.event_id.0 ^ seed).to_le_bytes()));
        prop_assert_eq!(state_of(family, shuffled), state_of(family, &events));
    }

    #[test]
    fn p15_a_pane_of_every_family_is_read_back_as_written(family in family(), ids in ids()) {
        let shard = ShardId("shard-000".into());
        let place = |(n, id): (usize, &u64)| Positioned {
            position: Position { sequence: Sequence::from_u64(n as u64), sub: n as u32 },
            event: event(family, *id),
        };
        let events: Vec<Positioned> = ids.iter().enumerate().map(place).collect();
        let mut pane = PaneState::new(family.empty());
        if let Verdict::Write(next, _) = step(&pane, &[], &shard, &events.iter().collect::<Vec<_>>()) {
            pane = *next;
        }
        let bytes = pane.encode().unwrap();
        let again = PaneState::<FamilyState>::decode(&bytes).unwrap();
        prop_assert_eq!(&again, &pane);
        let life = PaneState::<FamilyState>::life_of(&bytes).unwrap();
        prop_assert_eq!(life, (pane.lifecycle.clone(), pane.is_frozen));
        prop_assert_eq!(again.encode().unwrap(), bytes.clone());
        // P15: what a later release wrote is refused by name, not misread.
        let newer = [&[2], &bytes[1..]].concat();
        let is_refused = matches!(PaneState::<FamilyState>::decode(&newer), Err(PaneDecodeError::Format(2)));
        prop_assert!(is_refused);
    }

    #[test]
    fn p14_sliding_trade_windows_of_panes_are_their_direct_computation(ids in ids(), size in 1_i64..6, slide in 1_i64..6) {
        let pane_ms = 60_000;
        let spec = WindowSpec::new(size.max(slide) * pane_ms, slide * pane_ms, pane_ms).unwrap();
        let events: Vec<Event> = ids.iter().map(|id| event(Family::Trades, *id)).collect();
        let mut panes: BTreeMap<i64, FamilyState> = BTreeMap::new();
        for event in &events {
            panes.entry(pane_start_ms(event.timestamp_ms, pane_ms)).or_insert(Family::Trades.empty()).apply(event);
        }
        let windows = merge_panes(panes.iter().map(|(start, state)| (*start, state)), spec);
        for (start, window) in &windows {
            let inside = events.iter().filter(|event| (*start..start + spec.size_ms).contains(&event.timestamp_ms));
            let direct = state_of(Family::Trades, inside);
            prop_assert_eq!(window, &direct);
            prop_assert_eq!(trades(window).metrics(spec.size_ms), trades(&direct).metrics(spec.size_ms));
        }
        // Every event is in as many windows as slides fit into a size, counted from the event's side.
        for event in &events {
            let holding = windows.keys().filter(|start| (**start..**start + spec.size_ms).contains(&event.timestamp_ms));
            let starts = event.timestamp_ms.div_euclid(spec.slide_ms) - (event.timestamp_ms - spec.size_ms).div_euclid(spec.slide_ms);
            prop_assert_eq!(holding.count() as i64, starts);
        }
    }
}

fn trades(state: &FamilyState) -> &TradeState {
    let FamilyState::Trades(state) = state else { panic!("a trade pane") };
    state
}
