//! What a vendor's answer comes to: landed, parsed, compared with what was told, published.
//! TAKE-1: an answer lands before it is parsed; one that gives nothing but rejects is in quarantine, and the vendor's failure.
//! TAKE-2: changes are noted before they are published and struck off after the acknowledgement: a crash in between repeats
//! them under the same ids and times, and two polls that overlap tell each change once.

use std::collections::BTreeMap;

use touchline_event::{
    Event, MAX_FRAME_EVENTS, Payload as EventPayload, decode_frame, encode_frame, format_utc_ms, stable_hash,
};
use touchline_lake::Exchange;
use touchline_runtime::{Answer, Validators};
use touchline_store::{KnownGame, PageState, StoreError, pages};

use crate::heartbeat::LaneBook;
use crate::ingest::{Prepared, keep_rejects, land_payload, list_landings, replay_parse};
use crate::skew::{self, Exchanged};
use crate::turn::{PolledSource, Turn, Turned};
use crate::{Payload, PollContext, PollError, PollSession};

/// Overlapping polls that may be first before this one.
const SWAPS_MAX: u32 = 6;
/// Games that are remembered after they were last worth a poll.
const GAME_KEPT_MS: i64 = 36 * 3_600_000;
const GAMES_MAX: usize = 512;
/// What is told of an answer that was turned down.
const SAID_BYTES_MAX: usize = 200;

impl PolledSource {
    /// What an answer comes to.
    pub(crate) async fn taken(
        &self,
        context: &PollContext,
        page: &str,
        answer: Answer,
        exchanged: Exchanged,
        book: &mut LaneBook,
    ) -> Result<Turned, PollError> {
        let known_at_ms = exchanged.known_at_ms(&answer);
        if answer.status != 304 && !(200..300).contains(&answer.status) {
            let said = String::from_utf8_lossy(&answer.body[..answer.body.len().min(SAID_BYTES_MAX)]);
            let message = format!("status {}: {said}", answer.status);
            return self.turned_down(context, page, &answer, known_at_ms, message).await;
        }
        for _ in 0..SWAPS_MAX {
            let (version, before) = pages::read(&*context.store, self.name(), page).await?;
            let mut state = before.clone();
            if !state.waiting.is_empty() {
                self.publish(context, waiting(&state), book).await?;
                state.waiting.clear();
            }
            let content = stable_hash(&answer.body);
            let objection = skew::objection(&mut state, &answer, exchanged);
            let taken = if objection.is_some() || answer.status == 304 || state.content == Some(content) {
                Read { turn: Turn::Unchanged, changes: Vec::new() }
            } else {
                self.enter_session(context, page, known_at_ms, &mut state).await?;
                let read = self.read(context, page, &answer, known_at_ms, &mut state).await?;
                // A failure that repeats itself is a failure again.
                state.content = read.turn.is_success().then_some(content);
                read
            };
            if state == before {
                return Ok(Turned { turn: taken.turn, games: Some(state.games) });
            }
            let version = match pages::replace(&*context.store, self.name(), page, version, &state).await {
                Ok(Some(version)) => version,
                Ok(None) => continue,
                Err(error @ StoreError::TooLarge { .. }) => {
                    return Ok(
                        Turn::Failed { message: format!("more changed at once than can be noted: {error}") }.into()
                    );
                }
                Err(error) => return Err(error.into()),
            };
            if let Some(message) = objection {
                return self.turned_down(context, page, &answer, known_at_ms, message).await;
            }
            if !taken.changes.is_empty() {
                self.publish(context, taken.changes, book).await?;
                state.waiting.clear();
                // Where another poll was first, it found them waiting and published them too.
                pages::replace(&*context.store, self.name(), page, Some(version), &state).await?;
            }
            return Ok(Turned { turn: taken.turn, games: Some(state.games) });
        }
        Err(PollError::Crowded { page: page.to_owned(), tries: SWAPS_MAX })
    }

    /// A day's polls of a page are a session: what was told before it is kept, so that it can be read again.
    async fn enter_session(
        &self,
        context: &PollContext,
        page: &str,
        received_at_ms: i64,
        state: &mut PageState,
    ) -> Result<(), PollError> {
        let session = format!("poll:{page}:{}", &format_utc_ms(received_at_ms)[..10]);
        if state.session != session {
            pages::begin(&*context.store, self.name(), &session, &state.changes).await?;
            (state.session, state.next_index) = (session, 0);
        }
        Ok(())
    }

    /// Lands and parses an answer, and finds what is new in it.
    async fn read(
        &self,
        context: &PollContext,
        page: &str,
        answer: &Answer,
        received_at_ms: i64,
        state: &mut PageState,
    ) -> Result<Read, PollError> {
        let payload = self.payload(page, &state.session, state.next_index, received_at_ms, answer);
        state.next_index += 1;
        let landing = land_payload(context, &payload).await?;
        // What is carried from poll to poll is the page's state; each answer stands for itself.
        let parsed = replay_parse(&mut PollSession::default(), &payload);
        let (event_count, rejects) = (parsed.events.len(), parsed.rejects);
        let complaint = rejects.first().map(|reject| format!("{}: {}", reject.reason.as_str(), reject.message));
        let reject_count = rejects.len() as u64;
        let prepared = [Prepared { payload: &payload, landing, rejects, event_count }];
        keep_rejects(context, &prepared).await?;
        list_landings(context, &prepared).await?;
        if let Some(message) = complaint.filter(|_| event_count == 0) {
            return Ok(Read { turn: Turn::Failed { message }, changes: Vec::new() });
        }
        note_games(&mut state.games, &parsed.events, received_at_ms);
        let (changes, _) = state.changes.take(parsed.events, received_at_ms);
        state.waiting = changes
            .chunks(MAX_FRAME_EVENTS.min(context.frames.max_events))
            .map(encode_frame)
            .collect::<Result<_, _>>()?;
        state.lanes.extend(changes.iter().map(|event| event.lane(context.lanes).0));
        Validators { etag: state.etag, last_modified: state.last_modified } = answer.validators();
        state.last_poll_at_ms = Some(received_at_ms);
        let turn = match changes.len() as u64 {
            0 if reject_count == 0 => Turn::Unchanged,
            changes => Turn::Changed { changes, rejects: reject_count },
        };
        Ok(Read { turn, changes })
    }

    async fn publish(&self, context: &PollContext, events: Vec<Event>, book: &mut LaneBook) -> Result<(), PollError> {
        let lanes: Vec<u16> = events.iter().map(|event| event.lane(context.lanes).0).collect();
        context.producer.publish(context, BTreeMap::from([(self.name(), events)])).await?;
        book.note(lanes);
        Ok(())
    }

    /// An answer that is none: it lands as evidence, beside the session and not in it.
    async fn turned_down(
        &self,
        context: &PollContext,
        page: &str,
        answer: &Answer,
        received_at_ms: i64,
        message: String,
    ) -> Result<Turned, PollError> {
        let session = format!("refused:{page}");
        let payload = self.payload(page, &session, received_at_ms as u64, received_at_ms, answer);
        land_payload(context, &payload).await?;
        Ok(Turn::Failed { message }.into())
    }

    fn payload(&self, page: &str, session: &str, index: u64, received_at_ms: i64, answer: &Answer) -> Payload {
        Payload {
            source: self.plan.vendor.source,
            origin: page.to_owned(),
            session: session.to_owned(),
            index,
            received_at_ms: Some(received_at_ms),
            shift_ms: 0,
            exchange: Some(Exchange { status: answer.status, headers: answer.headers.clone() }),
            bytes: answer.body.clone(),
        }
    }
}

/// What an answer gave.
struct Read {
    turn: Turn,
    changes: Vec<Event>,
}

/// Events that were noted and not struck off. A frame of ours that does not decode would be the store's damage.
fn waiting(state: &PageState) -> Vec<Event> {
    let frames = state.waiting.iter().filter_map(|frame| decode_frame(frame).ok());
    frames.flat_map(|frame| frame.events.into_iter().flatten()).collect()
}

/// What the answer says of its games, for the schedule.
fn note_games(games: &mut BTreeMap<String, KnownGame>, events: &[Event], now_ms: i64) {
    for event in events {
        let Some(game_id) = &event.game_id else { continue };
        let (status, starts_at_ms) = match &event.payload {
            EventPayload::Fixture(fixture) => (fixture.status, fixture.starts_at_ms),
            EventPayload::ScoreUpdate(update) => (update.status, None),
            EventPayload::PeriodChange(change) => (change.status, None),
            _ => continue,
        };
        let known = games.entry(game_id.clone()).or_insert(KnownGame { starts_at_ms: None, status, since_ms: now_ms });
        if known.status != status {
            (known.status, known.since_ms) = (status, now_ms);
        }
        known.starts_at_ms = starts_at_ms.or(known.starts_at_ms);
    }
    games.retain(|_, game| now_ms - game.starts_at_ms.unwrap_or(game.since_ms).max(game.since_ms) < GAME_KEPT_MS);
    while games.len() > GAMES_MAX {
        let oldest = games.iter().min_by_key(|(_, game)| game.since_ms).map(|(id, _)| id.clone());
        oldest.map(|id| games.remove(&id));
    }
}
