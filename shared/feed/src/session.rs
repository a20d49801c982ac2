//! What one vendor connection or file carries from payload to payload: counts of identical facts, order books, and
//! what was said of a game before its events came.
//! SES-1: feeding a session the same payloads again from the start gives the same ids.
//! SES-2: what is remembered of a game decides times, names and directions, never whether a record is taken.

use std::collections::HashMap;

use touchline_event::{Event, EventDraft, EventId, stable_hash};

use crate::betfair::Books;
use crate::statsbomb::Matches;
use crate::{metrica, skillcorner, tracab};

/// State of one vendor session. Start a new one for every connection or file, or [`renew`](Session::renew) it
/// where files belong together.
#[derive(Debug, Default)]
pub struct Session {
    occurrences: HashMap<u64, u32>,
    pub(crate) betfair_books: Books,
    pub(crate) statsbomb_matches: Matches,
    pub(crate) metrica_notes: metrica::Notes,
    pub(crate) skillcorner_notes: skillcorner::Notes,
    pub(crate) tracab_notes: tracab::Notes,
}

impl Session {
    /// A new connection or file of the same vendor begins: identical facts are counted from the start, what is known
    /// of games stays. Of files given together, those that describe a game come first.
    pub fn renew(&mut self) {
        self.occurrences.clear();
        self.betfair_books = Books::default();
    }

    /// An event for a vendor that gives no id: named by time, content, and its count among identical ones so far.
    pub(crate) fn name_by_content(&mut self, draft: EventDraft, content: &[u8]) -> Event {
        let entity = draft.entity();
        let mut key = Vec::with_capacity(entity.len() + content.len() + 8);
        key.extend_from_slice(entity.as_bytes());
        key.extend_from_slice(&draft.timestamp_ms.to_be_bytes());
        key.extend_from_slice(content);
        let count = self.occurrences.entry(stable_hash(&key)).or_insert(0);
        let occurrence = *count;
        *count += 1;
        let id = EventId::of_occurrence(&draft.source, &entity, draft.timestamp_ms, content, occurrence);
        draft.with_id(id)
    }
}
