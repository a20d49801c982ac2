//! One poll of one page: may it go out, what comes back, and what of that is new.
//! TURN-1: breaker, then credits, then the request: what is refused costs nothing and says why and until when.
//! TURN-2: of two pollers one is the probe that sees whether a vendor is back.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use touchline_event::format_utc_ms;
use touchline_runtime::{
    Answer, Backoff, Call, Clock, Outbound, OutboundLimits, Stopwatch, Validators, random_number, retry_after_ms,
};
use touchline_store::{Admission, Breaker, KnownGame, PageState, breakers, credits, pages};

use crate::config::SourcePlan;
use crate::heartbeat::LaneBook;
use crate::schedule::Moment;
use crate::skew::Exchanged;
use crate::{PollContext, PollError};

/// Requests of one poll, repetitions included.
const TRIES_MAX: u32 = 3;
/// A vendor that is asked too often and does not say for how long to wait.
const PAUSE_MS: i64 = 60_000;

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
    Answered(Box<Answer>, Exchanged),
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
        let turned = match asked {
            Asked::Not(turn) => Ok(turn.into()),
            Asked::Answered(answer, exchanged) => self.taken(context, page, *answer, exchanged, book).await,
        }?;
        let now_ms = self.clock.now_ms();
        match &turned.turn {
            Turn::Failed { message } => self.note(context, page, |breaker| breaker.fail(now_ms, message)).await?,
            Turn::Refused { .. } => {}
            _ => self.note(context, page, |breaker| breaker.succeed(now_ms)).await?,
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
            let asked_at_ms = self.clock.now_ms();
            match self.outbound.get(&call).await {
                Ok(answer) => {
                    let exchanged = Exchanged { asked_at_ms, received_at_ms: self.clock.now_ms() };
                    let must_pause = self.settle(context, page, &answer).await?;
                    if is_last || must_pause || !matches!(answer.status, 500 | 502 | 503 | 504) {
                        return Ok(Asked::Answered(Box::new(answer), exchanged));
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
}
