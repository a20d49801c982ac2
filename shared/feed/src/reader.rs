//! One vendor session read payload by payload: parsed, first times kept, recordings moved to their clock.
//! RDR-1: the same payloads from the start give the same events, whoever reads them and however often: polls and redrives agree.

use std::collections::HashMap;

use touchline_event::{Event, Payload};

use crate::{Document, Parsed, Session, Source, parse};

/// What reading carries from payload to payload of one vendor session.
#[derive(Debug, Default)]
pub struct SessionReader {
    session: Session,
    /// When facts without a vendor time were first received, by id, UTC ms.
    first_told: HashMap<u64, i64>,
}

impl SessionReader {
    /// Reads the session's next payload; every time of its events is moved by `shift_ms`.
    pub fn read(&mut self, source: Source, document: Document<'_>, shift_ms: i64) -> Parsed {
        let mut parsed = parse(source, document, &mut self.session);
        for event in &mut parsed.events {
            if document.received_at_ms == Some(event.timestamp_ms) {
                self.keep_first_time(event);
            }
            shift(event, shift_ms);
        }
        parsed
    }

    /// A fact timed by its receipt keeps its first time in later polls: told again it meets itself in the same pane.
    fn keep_first_time(&mut self, event: &mut Event) {
        let told_ms = *self.first_told.entry(event.event_id.0).or_insert(event.timestamp_ms);
        event.timestamp_ms = told_ms;
        event.first_arrival_ms = told_ms;
    }
}

fn shift(event: &mut Event, shift_ms: i64) {
    if shift_ms == 0 {
        return;
    }
    event.timestamp_ms += shift_ms;
    event.ingested_at_ms += shift_ms;
    event.first_arrival_ms += shift_ms;
    match &mut event.payload {
        Payload::Fixture(fixture) => fixture.starts_at_ms = fixture.starts_at_ms.map(|at| at + shift_ms),
        Payload::MarketStatus(status) => status.market_time_ms = status.market_time_ms.map(|at| at + shift_ms),
        _ => {}
    }
}
