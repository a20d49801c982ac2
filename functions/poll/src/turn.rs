//! One poll of one page: may it go out, what comes back, and what of that is new.
//! TURN-1: breaker, then credits, then the request: what is refused costs nothing and says why and until when.
//! TURN-2: an answer lands before it is parsed; one that gives nothing but rejects is in quarantine, and the vendor's failure.
//! TURN-3: changes are noted before they are published and struck off after the acknowledgement: a crash in between repeats
//! them under the same ids and times, and two polls that overlap tell each change once.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use touchline_event::{
    Event, MAX_FRAME_EVENTS, Payload as EventPayload, decode_frame, encode_frame, format_utc_ms, stable_hash,
};
use touchline_lake::Exchange;
use touchline_runtime::{
    Answer, Backoff, Call, Clock, Outbound, OutboundLimits, Stopwatch, Validators, random_number, retry_after_ms,
};
use touchline_store::{Admission, Breaker, KnownGame, PageState, breakers, credits, pages};

use crate::config::SourcePlan;
use crate::heartbeat::{LaneBook, facts};
use crate::ingest::{Prepared, keep_rejects, land_payload, list_landings, replay_parse};
use crate::schedule::Moment;
use crate::{Payload, PollContext, PollError, PollSession};

/// Requests of one poll, repetitions included.
const TRIES_MAX: u32 = 3;
/// Overlapping polls that may be first before this one.
const SWAPS_MAX: u32 = 6;
/// A vendor that is asked too often and does not say for how long to wait.
const PAUSE_MS: i64 = 60_000;
/// Games that are remembered after they were last worth a poll.
const GAME_KEPT_MS: i64 = 36 * 3_600_000;
const GAMES_MAX: usize = 512;

/// A vendor as this process polls it.
pub struct PolledSource {
    pub plan: SourcePlan,
    pub clock: Clock,
    outbound: Outbound,
    /// Since the last request went out, by our time: vendors count by theirs, however fast a simulation's clock runs.
    last_request: Mutex<Option<Stopwatch>>,
}

/// What became of a poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    Changed {
        changes: u64,
        rejects: u64,
    },
    Unchanged,
    /// Nothing was sent.
    Refused {
        reason: String,
        not_before_ms: i64,
    },
    /// The vendor did not give what was asked for.
    Failed {
        message: String,
    },
}

/// A poll's outcome and, where it learned of them, the page's games.
pub(crate) struct Turned {
    pub(crate) turn: Turn,
    pub(crate) games: Option<BTreeMap<String, KnownGame>>,
}

impl From<Turn> for Turned {
    fn from(turn: Turn) -> Self {
        Self { turn, games: None }
    }
}

impl Turn {
    /// Whether the vendor answered as it should: its facts up to now are known.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Changed { .. } | Self::Unchanged)
    }
}

/// What asking came to.
enum Asked {
    Answered(Box<Answer>),
    Not(Turn),
}

impl PolledSource {
    /// Connections are made when they are first needed.
    pub fn new(plan: SourcePlan, clock: Clock, limits: OutboundLimits) -> Result<Self, PollError> {
        let vendor = plan.vendor.source.as_str();
        let outbound =
            Outbound::new(plan.reach.clone(), limits).map_err(|source| PollError::Outbound { vendor, source })?;
        Ok(Self { plan, clock, outbound, last_request: Mutex::new(None) })
    }

    /// The name in events.
    pub fn name(&self) -> &'static str {
        self.plan.vendor.source.as_str()
    }

    /// Polls a page once.
    pub(crate) async fn turn(
        &self,
        context: &PollContext,
        page: &str,
        moment: Moment,
        book: &mut LaneBook,
    ) -> Result<Turned, PollError> {
        let store = &*context.store;
        let admission = breakers::read(store, self.name(), page).await?.admit(self.clock.now_ms());
        if let Admission::NotBefore(until_ms) = admission {
            return Ok(self.broken_off(context, page, until_ms).await?.into());
        }
        let (_, state) = pages::read(store, self.name(), page).await?;
        let asked = self.ask(context, page, moment, admission == Admission::Probe, &state).await?;
        let received_at_ms = self.clock.now_ms();
        let turned = match asked {
            Asked::Not(turn) => Ok(turn.into()),
            Asked::Answered(answer) => self.taken(context, page, *answer, received_at_ms, book).await,
        }?;
        let now_ms = self.clock.now_ms();
        match &turned.turn {
            Turn::Failed { message } => self.note(context, page, |breaker| breaker.fail(now_ms, message)).await?,
            Turn::Refused { .. } => {}
            _ => self.note(context, page, |breaker| breaker.succeed(received_at_ms)).await?,
        }
        Ok(turned)
    }

    async fn broken_off(&self, context: &PollContext, page: &str, until_ms: i64) -> Result<Turn, PollError> {
        let breaker = breakers::read(&*context.store, self.name(), page).await?;
        let why = breaker.last_failure.unwrap_or_default();
        let reason = format!("the breaker is {} until {}: {why}", breaker.phase.as_str(), format_utc_ms(until_ms));
        Ok(Turn::Refused { reason, not_before_ms: until_ms })
    }

    async fn note(&self, context: &PollContext, page: &str, change: impl Fn(&mut Breaker)) -> Result<(), PollError> {
        Ok(breakers::update(&*context.store, self.name(), page, change).await?)
    }

    /// Asks, again where it is worth it, within the budget.
    async fn ask(
        &self,
        context: &PollContext,
        page: &str,
        moment: Moment,
        is_probe: bool,
        state: &PageState,
    ) -> Result<Asked, PollError> {
        let address = format!("{}{page}", self.plan.base);
        let validators = Validators { etag: state.etag.clone(), last_modified: state.last_modified.clone() };
        let key = self.plan.vendor.key.zip(self.plan.key.as_ref());
        let call = Call { address: &address, key, validators };
        for attempt in 1.. {
            if let Some(refused) = self.claim(context, page, moment).await? {
                return Ok(Asked::Not(refused));
            }
            if is_probe && attempt == 1 && !self.admit_probe(context, page).await? {
                let not_before_ms = self.clock.now_ms() + PAUSE_MS;
                let reason = "another poller sees whether the vendor is back".to_owned();
                return Ok(Asked::Not(Turn::Refused { reason, not_before_ms }));
            }
            self.pace().await;
            let is_last = is_probe || attempt >= TRIES_MAX;
            match self.outbound.get(&call).await {
                Ok(answer) => {
                    let must_pause = self.settle(context, page, &answer).await?;
                    if is_last || must_pause || !matches!(answer.status, 500 | 502 | 503 | 504) {
                        return Ok(Asked::Answered(Box::new(answer)));
                    }
                }
                Err(error) if is_last || !error.is_passing() => {
                    return Ok(Asked::Not(Turn::Failed { message: error.to_string() }));
                }
                Err(_) => {}
            }
            let wait = Backoff::DEFAULT.wait(attempt, random_number());
            tokio::time::sleep(self.clock.our_time(wait.as_millis() as i64)).await;
        }
        // The loop above ends by itself only after 2^32 tries.
        Ok(Asked::Not(Turn::Failed { message: "no try was left".to_owned() }))
    }

    async fn claim(&self, context: &PollContext, page: &str, moment: Moment) -> Result<Option<Turn>, PollError> {
        let plan = self.plan.credits.unwrap_or_default();
        let (cost, now_ms) = (self.plan.vendor.cost(page), self.clock.now_ms());
        // Without a budget nothing is counted.
        let cost = if self.plan.credits.is_some() { cost } else { 0 };
        let claimed = credits::update(&*context.store, self.name(), |ledger| {
            ledger.roll(plan, now_ms);
            ledger.claim(cost, moment == Moment::Closing, now_ms)
        });
        Ok(claimed
            .await?
            .err()
            .map(|refusal| Turn::Refused { reason: refusal.reason, not_before_ms: refusal.not_before_ms }))
    }

    /// Whether this poll is the one that sees whether the vendor is back.
    async fn admit_probe(&self, context: &PollContext, page: &str) -> Result<bool, PollError> {
        let now_ms = self.clock.now_ms();
        let admitted = breakers::update(&*context.store, self.name(), page, |breaker| match breaker.admit(now_ms) {
            Admission::Probe => {
                breaker.probe(now_ms);
                true
            }
            Admission::Go => true,
            Admission::NotBefore(_) => false,
        });
        Ok(admitted.await?)
    }

    /// Takes the vendor's word on the account; whether it asks for a pause.
    async fn settle(&self, context: &PollContext, page: &str, answer: &Answer) -> Result<bool, PollError> {
        let now_ms = self.clock.now_ms();
        let (claimed, told) = (self.plan.vendor.cost(page), self.plan.vendor.told(answer));
        let after = answer.header("retry-after");
        let asked_ms = after.and_then(|value| retry_after_ms(value, answer.header("date"), now_ms));
        let pause_ms = match (answer.status, asked_ms) {
            (429 | 503, Some(asked_ms)) => Some(self.clock.its_ms(asked_ms)),
            (429, None) => Some(PAUSE_MS),
            _ => None,
        };
        let has_budget = self.plan.credits.is_some();
        credits::update(&*context.store, self.name(), |ledger| {
            if has_budget {
                ledger.settle(claimed, told, now_ms);
            }
            if let Some(pause_ms) = pause_ms {
                ledger.paused_until_ms = ledger.paused_until_ms.max(now_ms + pause_ms);
            }
        })
        .await?;
        Ok(pause_ms.is_some())
    }

    /// Waits until the vendor may be asked again.
    async fn pace(&self) {
        let pause = Duration::from_secs(60) / self.plan.requests_per_minute.max(1);
        let since = self.last_request.lock().unwrap_or_else(PoisonError::into_inner).map(|watch| watch.elapsed());
        if let Some(rest) = since.and_then(|since| pause.checked_sub(since)) {
            tokio::time::sleep(rest).await;
        }
        *self.last_request.lock().unwrap_or_else(PoisonError::into_inner) = Some(Stopwatch::start());
    }

    async fn taken(
        &self,
        context: &PollContext,
        page: &str,
        answer: Answer,
        received_at_ms: i64,
        book: &mut LaneBook,
    ) -> Result<Turned, PollError> {
        if answer.status != 304 && !(200..300).contains(&answer.status) {
            return Ok(self.turned_down(context, page, answer, received_at_ms).await?.into());
        }
        for _ in 0..SWAPS_MAX {
            let (version, mut state) = pages::read(&*context.store, self.name(), page).await?;
            if !state.waiting.is_empty() {
                self.publish(context, waiting(&state), book).await?;
            }
            let content = stable_hash(&answer.body);
            if answer.status == 304 || state.content == Some(content) {
                if !state.waiting.is_empty() {
                    state.waiting.clear();
                    pages::replace(&*context.store, self.name(), page, version, &state).await?;
                }
                return Ok(Turn::Unchanged.into());
            }
            self.enter_session(context, page, received_at_ms, &mut state).await?;
            let taken = self.read(context, page, &answer, received_at_ms, &mut state).await?;
            state.content = Some(content);
            let Some(version) = pages::replace(&*context.store, self.name(), page, version, &state).await? else {
                continue;
            };
            if let Turn::Failed { .. } = taken.turn {
                return Ok(taken.turn.into());
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
        let told = facts(&events, context.lanes);
        context.producer.publish(context, BTreeMap::from([(self.name(), events)])).await?;
        book.note(&told);
        Ok(())
    }

    /// An answer that is none: it lands as evidence, beside the session and not in it.
    async fn turned_down(
        &self,
        context: &PollContext,
        page: &str,
        answer: Answer,
        received_at_ms: i64,
    ) -> Result<Turn, PollError> {
        let session = format!("refused:{page}");
        let payload = self.payload(page, &session, received_at_ms as u64, received_at_ms, &answer);
        land_payload(context, &payload).await?;
        let said = String::from_utf8_lossy(&answer.body[..answer.body.len().min(200)]).into_owned();
        Ok(Turn::Failed { message: format!("status {}: {said}", answer.status) })
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
