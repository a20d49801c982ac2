//! What a poll says that the polls before it did not: new facts, and standing ones that changed.
//! CHG-1: the same polls from the same start give the same changes, ids and times included, whoever takes them.
//! CHG-2: a fact timed by its receipt keeps the time at which it was first told; told again it is no change.
//! CHG-3: a value that returns (A, B, A) is a change again, under an id of its own; not so one with the vendor's own time, which
//! cannot stand twice: there an old answer was told again.
//! CHG-4: an answer received before the last one that was taken changes nothing.
//! What a vendor no longer lists is not a change: it may only have left the page.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{Event, EventId, Payload, stable_hash};

/// Facts that no poll has told for so long are forgotten; told again they are new.
const KEPT_MS: i64 = 48 * 3_600_000;
/// How far the noted time of the last telling may be behind, so that a poll without news changes nothing here.
const SEEN_TOLERANCE_MS: i64 = KEPT_MS / 4;
/// Facts remembered: what one page of a vendor lists, many times over.
const FACTS_MAX: usize = 8192;
/// Earlier values of one standing fact that are remembered.
const FORMER_MAX: usize = 64;

/// What the polls of one page have told so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    received_at_ms: i64,
    /// By what they are about; a fact that stands for itself by its own id.
    told: BTreeMap<u64, Told>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    /// The id that the vendor's content gives.
    content: u64,
    seen_at_ms: i64,
    /// Earlier contents, and how often each has stood.
    former: Vec<(u64, u32)>,
}

impl Changes {
    /// The changes among the events of a poll, in their order, and whether anything is to be remembered.
    pub fn take(&mut self, events: Vec<Event>, received_at_ms: i64) -> (Vec<Event>, bool) {
        if received_at_ms < self.received_at_ms {
            return (Vec::new(), false);
        }
        let contested = contested(&events);
        let mut changes = Vec::new();
        let mut is_touched = false;
        for mut event in events {
            let content = event.event_id.0;
            let subject = subject(&event).filter(|subject| !contested.contains(subject));
            let key = if self.told.contains_key(&content) { content } else { subject.unwrap_or(content) };
            let told = self.told.entry(key);
            let is_new = matches!(told, std::collections::btree_map::Entry::Vacant(_));
            let told = told.or_insert_with(|| Told { content, seen_at_ms: received_at_ms, former: Vec::new() });
            if received_at_ms - told.seen_at_ms > SEEN_TOLERANCE_MS {
                told.seen_at_ms = received_at_ms;
                is_touched = true;
            }
            if told.content != content {
                if told.has_stood(content) && event.timestamp_ms != received_at_ms {
                    continue;
                }
                event.event_id = told.turn_to(content);
            } else if !is_new {
                continue;
            }
            told.seen_at_ms = received_at_ms;
            changes.push(event);
        }
        is_touched |= !changes.is_empty();
        if is_touched {
            self.received_at_ms = received_at_ms;
            self.forget(received_at_ms);
        }
        (changes, is_touched)
    }

    fn forget(&mut self, now_ms: i64) {
        self.told.retain(|_, told| now_ms - told.seen_at_ms <= KEPT_MS);
        if self.told.len() > FACTS_MAX {
            let mut by_age: Vec<(i64, u64)> = self.told.iter().map(|(key, told)| (told.seen_at_ms, *key)).collect();
            by_age.sort_unstable();
            for (_, key) in &by_age[..self.told.len() - FACTS_MAX] {
                self.told.remove(key);
            }
        }
    }
}

impl Told {
    fn has_stood(&self, content: u64) -> bool {
        self.former.iter().any(|(id, _)| *id == content)
    }

    /// Another content stands from now on; the id of the change.
    fn turn_to(&mut self, content: u64) -> EventId {
        let left = std::mem::replace(&mut self.content, content);
        match self.former.iter_mut().find(|(id, _)| *id == left) {
            Some((_, times)) => *times += 1,
            None => self.former.push((left, 1)),
        }
        if self.former.len() > FORMER_MAX {
            self.former.remove(0);
        }
        match self.former.iter().find(|(id, _)| *id == content) {
            Some((_, times)) => EventId(returned(content, *times)),
            None => EventId(content),
        }
    }
}

/// The id of a content that stands again after it stood `times` before.
fn returned(content: u64, times: u32) -> u64 {
    let mut bytes = content.to_be_bytes().to_vec();
    bytes.extend_from_slice(&times.to_be_bytes());
    stable_hash(&bytes)
}

/// Subjects of which one answer says several things: there each thing stands for itself.
fn contested(events: &[Event]) -> BTreeSet<u64> {
    let mut first = BTreeMap::new();
    let mut contested = BTreeSet::new();
    for event in events {
        if let Some(subject) = subject(event)
            && *first.entry(subject).or_insert(event.event_id) != event.event_id
        {
            contested.insert(subject);
        }
    }
    contested
}

/// What a standing fact is about: of all that share a subject, the last one told stands. `None` for what happens once.
fn subject(event: &Event) -> Option<u64> {
    let own = match &event.payload {
        Payload::Fixture(_) | Payload::ScoreUpdate(_) | Payload::PeriodChange(_) | Payload::TeamProfile(_) => {
            String::new()
        }
        Payload::OddsQuote(quote) => {
            let (book, market, outcome) = (&quote.book, &quote.market, &quote.outcome);
            format!("{book}\n{market}\n{outcome}\n{:?}\n{}", quote.point_e2, quote.side.as_str())
        }
        Payload::MarketStatus(status) => status.market.clone(),
        Payload::WeatherObservation(weather) => {
            format!("{:?}\n{:?}\n{:?}", weather.is_forecast, weather.valid_at_ms, weather.precipitation_min)
        }
        Payload::RosterChange(change) => format!("{}\n{}\n{:?}", change.team.name, change.player, event.player_id),
        Payload::Venue(venue) => venue.id.clone(),
        Payload::League(league) => league.id.clone(),
        _ => return None,
    };
    let text = format!("{}\n{}\n{:?}\n{own}", event.kind.as_str(), event.entity(), event.team_id);
    Some(stable_hash(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EventDraft, GameStatus, OddsQuote, ScoreUpdate, Side};

    fn quote(outcome: &str, price_e6: i64, at_ms: i64) -> Event {
        let (book, market) = ("b".to_owned(), "h2h".to_owned());
        let side = Side::Back;
        let payload =
            OddsQuote { book, market, outcome: outcome.into(), point_e2: None, price_e6, side, size_e2: None };
        let mut draft = EventDraft::new("espn", at_ms, at_ms, payload);
        draft.game_id = Some("1".to_owned());
        draft.with_vendor_id(&format!("odds:{outcome}"), &price_e6.to_string())
    }

    fn goal_count(home_score: i32, at_ms: i64) -> Event {
        let payload = ScoreUpdate { home_score, away_score: 0, status: GameStatus::InProgress, periods: Vec::new() };
        let mut draft = EventDraft::new("espn", at_ms, at_ms, payload);
        draft.game_id = Some("1".to_owned());
        draft.with_vendor_id("score", &home_score.to_string())
    }

    fn told(changes: &mut Changes, events: Vec<Event>, at_ms: i64) -> Vec<(u64, i64)> {
        changes.take(events, at_ms).0.into_iter().map(|event| (event.event_id.0, event.timestamp_ms)).collect()
    }

    #[test]
    fn a_poll_that_repeats_the_one_before_changes_nothing() {
        let mut changes = Changes::default();
        let poll = |at_ms| vec![quote("Home", 2_000_000, at_ms), quote("Away", 1_900_000, at_ms), goal_count(1, at_ms)];
        assert_eq!(told(&mut changes, poll(1000), 1000).len(), 3);
        let before = changes.clone();
        assert_eq!(changes.take(poll(2000), 2000), (Vec::new(), false));
        assert_eq!(changes, before);
    }

    #[test]
    fn a_value_that_returns_is_told_again_under_its_own_id() {
        let mut changes = Changes::default();
        let mut ids = BTreeSet::new();
        for (n, price) in [2, 3, 2, 3, 2].into_iter().enumerate() {
            let at_ms = n as i64 * 1000;
            let found = told(&mut changes, vec![quote("Home", price, at_ms)], at_ms);
            assert_eq!(found.len(), 1, "poll {n}");
            assert_eq!(found[0].1, at_ms);
            ids.insert(found[0].0);
        }
        assert_eq!(ids.len(), 5);
        assert!(ids.contains(&quote("Home", 2, 0).event_id.0) && ids.contains(&quote("Home", 3, 0).event_id.0));
    }

    #[test]
    fn an_old_answer_told_again_changes_nothing_that_the_vendor_times() {
        let mut changes = Changes::default();
        let look = |price_e6, at_ms| {
            let mut event = quote("Home", price_e6, at_ms);
            event.event_id = EventId(stable_hash(format!("{price_e6} {at_ms}").as_bytes()));
            event
        };
        assert_eq!(told(&mut changes, vec![look(2, 500)], 1000).len(), 1);
        assert_eq!(told(&mut changes, vec![look(3, 1500)], 2000).len(), 1);
        assert!(told(&mut changes, vec![look(2, 500)], 3000).is_empty());
        assert!(told(&mut changes, vec![look(3, 1500)], 4000).is_empty());
        assert_eq!(
            told(&mut changes, vec![look(2, 4500)], 5000).len(),
            1,
            "the price is back, and the vendor says when"
        );
    }

    #[test]
    fn an_answer_older_than_the_last_one_changes_nothing() {
        let mut changes = Changes::default();
        told(&mut changes, vec![goal_count(2, 2000)], 2000);
        assert!(told(&mut changes, vec![goal_count(1, 1000)], 1000).is_empty());
        assert_eq!(told(&mut changes, vec![goal_count(1, 3000)], 3000).len(), 1, "a goal taken back later is a change");
    }

    #[test]
    fn two_things_said_of_one_subject_stand_for_themselves() {
        let mut changes = Changes::default();
        let poll = |at_ms| vec![quote("Home", 2, at_ms), quote("Home", 3, at_ms)];
        assert_eq!(told(&mut changes, poll(0), 0).len(), 2);
        assert!(told(&mut changes, poll(1000), 1000).is_empty());
        assert!(told(&mut changes, vec![quote("Home", 3, 2000)], 2000).is_empty());
    }

    #[test]
    fn what_is_told_for_long_is_kept_and_what_is_not_is_forgotten() {
        let mut changes = Changes::default();
        told(&mut changes, vec![quote("Home", 2, 0), quote("Away", 2, 0)], 0);
        for day in 1..=5 {
            let at_ms = day * 24 * 3_600_000;
            assert!(told(&mut changes, vec![quote("Home", 2, at_ms)], at_ms).is_empty(), "day {day}");
        }
        let later_ms = 6 * 24 * 3_600_000;
        assert_eq!(told(&mut changes, vec![quote("Away", 2, later_ms)], later_ms).len(), 1);
    }

    #[test]
    fn memory_is_bounded() {
        let mut changes = Changes::default();
        for n in 0..3 {
            let poll = (0..FACTS_MAX as i64).map(|m| quote(&format!("{n}-{m}"), 2, n)).collect();
            assert_eq!(told(&mut changes, poll, n).len(), FACTS_MAX);
        }
        assert_eq!(changes.told.len(), FACTS_MAX);
        for n in 0..200 {
            told(&mut changes, vec![quote("2-0", 10 + n, 10 + n)], 10 + n);
        }
        assert!(changes.told.values().all(|told| told.former.len() <= FORMER_MAX));
    }
}
