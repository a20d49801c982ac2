//! Random events of every family, with the times and ids that delivery has to get right.

use touchline_event::{
    Article, Event, EventDraft, EventId, Fixture, GameStatus, Heartbeat, Kind, MarketStatus, OddsQuote, Payload, Play,
    ScoreUpdate, Side, Team, Trade, TradedVolume,
};

use touchline_delivery::Random;

use super::POLICY;

/// 2023-10-29T17:00:00Z.
pub const START_MS: i64 = 1_698_598_800_000;
/// Length of a pane.
pub const PANE_MS: i64 = 60_000;
const PANES: i64 = 4;
/// Vendors that say something.
pub const SOURCES: [&str; 4] = ["espn", "finnhub", "the-odds-api", "betfair"];

/// Everybody talks of one instrument in one minute, in sizes from crumbs to fortunes.
#[derive(Debug, Clone, Copy)]
pub struct Crowd {
    pane: i64,
}

impl Crowd {
    /// Some minute.
    pub fn any(random: &mut Random) -> Self {
        Self { pane: random.below(PANES as usize) as i64 }
    }

    fn trade(random: &mut Random, at: i64) -> EventDraft {
        let size = 10_i64.pow(random.below(7) as u32);
        let trade = Trade {
            price_e8: (1 + random.below(500) as i64) * 1_234_567,
            volume_e8: (1 + random.below(50) as i64) * 7_654_321 * size,
            conditions: vec![],
            is_vwap_eligible: random.chance(80),
        };
        let mut draft = EventDraft::new("finnhub", at, at, trade);
        draft.symbol = Some("S0".to_owned());
        draft
    }
}

/// A fact of some family at a time inside the horizon; with `has_odd_times` also on the edge of it, or outside.
pub fn fact(random: &mut Random, id: u64, has_odd_times: bool, crowd: Option<Crowd>) -> Event {
    let within = random.below((PANES * PANE_MS) as usize) as i64;
    let at = START_MS + crowd.map_or(within, |crowd| crowd.pane * PANE_MS + within % PANE_MS);
    let delay_ms = match random.below(20) {
        0 if has_odd_times => POLICY.horizon_ms,
        1 if has_odd_times => POLICY.horizon_ms + 1 + random.below(1000) as i64,
        2 if has_odd_times => -POLICY.future_ms,
        3 if has_odd_times => -POLICY.future_ms - 1 - random.below(1000) as i64,
        _ => random.below(5_000) as i64,
    };
    let draft = if crowd.is_some() { Crowd::trade(random, at) } else { draft(random, at) };
    let mut event = draft.with_id(EventId(id));
    event.first_arrival_ms = at + delay_ms;
    event.vendor_seq = random.chance(50).then(|| random.below(3) as i64);
    event
}

/// Whether the event's times are the ones that lateness is about.
pub fn is_odd(event: &Event) -> bool {
    !(0..5_000).contains(&event.lateness_ms())
}

/// The vendor changes what it said, as a new fact about the same moment that arrives later.
pub fn corrected(random: &mut Random, event: &Event, id: u64) -> Event {
    let mut correction = event.clone();
    correction.event_id = EventId(id);
    correction.first_arrival_ms += 30_000 + random.below(60_000) as i64;
    correction.vendor_seq = event.vendor_seq.map(|seq| seq + 1);
    if let Payload::ScoreUpdate(update) = &mut correction.payload {
        update.status = GameStatus::Final;
        update.home_score += 1;
    }
    correction
}

fn draft(random: &mut Random, at: i64) -> EventDraft {
    let small = random.below(5) as i64 + 1;
    let named = |source, payload: Payload, symbol: Option<String>, game_id: Option<String>| {
        let mut draft = EventDraft::new(source, at, at, payload);
        (draft.symbol, draft.game_id) = (symbol, game_id);
        draft
    };
    let game = Some(format!("g{}", random.below(2)));
    match random.below(10) {
        0..=3 => {
            let trade = Trade {
                price_e8: (1 + random.below(500) as i64) * 1_234_567,
                volume_e8: (1 + random.below(50) as i64) * 7_654_321,
                conditions: vec![],
                is_vwap_eligible: random.chance(80),
            };
            named("finnhub", trade.into(), Some(format!("S{}", random.below(3))), None)
        }
        4 | 5 => named("the-odds-api", quote(random, small).into(), None, game),
        6 => {
            let volume = TradedVolume {
                market: "h2h".into(),
                outcome: "7".into(),
                price_e6: small * 1_000_000,
                size_e2: random.below(9) as i64,
            };
            named("betfair", volume.into(), None, game)
        }
        7 => {
            let status = MarketStatus {
                market: "h2h".into(),
                status: "open".into(),
                is_in_play: random.chance(50),
                market_time_ms: None,
                outcomes: vec![],
            };
            named("betfair", status.into(), None, game)
        }
        8 => named("espn", game_fact(random, small as i32), None, game),
        _ => {
            let article = Article { title: "t".into(), url: "u".into(), ..Article::default() };
            named("espn", article.into(), None, game)
        }
    }
}

fn quote(random: &mut Random, small: i64) -> OddsQuote {
    OddsQuote {
        book: random.pick(&["a", "b"]).to_string(),
        market: random.pick(&["h2h", "totals"]).to_string(),
        outcome: "Over".into(),
        point_e2: random.chance(50).then_some(4_550),
        price_e6: 1_000_000 + small * 100_000,
        side: Side::Back,
        size_e2: None,
    }
}

fn game_fact(random: &mut Random, score: i32) -> Payload {
    let team = |name: &str| Team { name: name.into(), ..Team::default() };
    match random.below(3) {
        0 => ScoreUpdate { home_score: score, away_score: 2, status: GameStatus::InProgress, periods: vec![] }.into(),
        1 => Fixture {
            home: team("h"),
            away: team("a"),
            starts_at_ms: None,
            status: GameStatus::Scheduled,
            status_detail: None,
            venue: None,
            is_neutral_site: None,
        }
        .into(),
        _ => Play {
            play_type: "Pass".into(),
            text: None,
            is_scoring: false,
            score_value: 0,
            home_score: score,
            away_score: 1,
            drive_id: None,
            home_win_probability_e4: Some(5_000),
        }
        .into(),
    }
}

/// Serialises, but is refused when it is read: the kind's word does not fit its payload.
pub fn undecodable(random: &mut Random, id: u64) -> Event {
    let article = Article { title: "no trade".into(), url: "u".into(), ..Article::default() };
    let mut draft = EventDraft::new("finnhub", START_MS, START_MS, article);
    draft.symbol = Some(format!("S{}", random.below(3)));
    let mut event = draft.with_id(EventId(id));
    event.kind = Kind::Trade;
    event
}

/// A producer's word about a lane, mostly of the producer that was last heard there.
pub fn heartbeat(random: &mut Random, lane: u16, spoken: Option<&Event>, id: u64) -> Event {
    let watermark_ms = START_MS + random.below(10) as i64 * PANE_MS;
    let payload = Heartbeat { lane, watermark_ms, ..Heartbeat::default() };
    let any = SOURCES[random.below(SOURCES.len())];
    let source = spoken.filter(|_| random.chance(70)).map_or(any, |event| &event.source);
    EventDraft::new(source, watermark_ms, watermark_ms, payload).with_id(EventId(id))
}
