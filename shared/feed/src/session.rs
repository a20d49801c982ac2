//! What one vendor connection or file carries from payload to payload: counts of identical facts, order books.
//! SES-1: feeding a session the same payloads again from the start gives the same ids.

use std::collections::HashMap;

use touchline_event::{Event, EventDraft, EventId, stable_hash};

use crate::betfair::Books;

/// State of one vendor session. Start a new one for every connection or file.
#[derive(Debug, Default)]
pub struct Session {
    occurrences: HashMap<u64, u32>,
    pub(crate) betfair_books: Books,
}

impl Session {
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
