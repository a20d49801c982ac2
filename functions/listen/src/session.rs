//! A session: connections one after the other, their frames on the way to the caller, the lease beside them.

use std::fmt;
use std::time::Duration;

use crate::backoff::Backoff;
use crate::batch::{Batch, Batcher};
use crate::connection::{Connection, Heard};
use crate::lease::{Standing, Turn};
use crate::{End, ListenContext, ListenError, ListenRequest, Listened};

/// A refused batch is handed on again so often.
const DELIVERIES_MAX: u32 = 5;
/// How often a session that hears nothing looks at its clock.
const LOOK_EVERY_MS: u64 = 100;

/// A session that has its turn.
pub struct Session<'a, D> {
    context: &'a ListenContext,
    request: &'a ListenRequest,
    turn: Turn,
    deliver: D,
    ends_at_ms: i64,
    renews_at_ms: i64,
    listened: Listened,
}

/// Why a connection is left.
enum Left {
    End(End),
    Broken(String),
}

impl<'a, D, E> Session<'a, D>
where
    D: AsyncFnMut(&Batch) -> Result<(), E>,
    E: fmt::Display,
{
    pub fn new(
        context: &'a ListenContext,
        request: &'a ListenRequest,
        turn: Turn,
        ends_at_ms: i64,
        deliver: D,
    ) -> Self {
        let listened = Listened { term: Some(turn.term()), ..Listened::default() };
        let renews_at_ms = (context.now_ms)() + context.pace.renew_ms;
        Self { context, request, turn, deliver, ends_at_ms, renews_at_ms, listened }
    }

    /// Listens until the end.
    pub async fn run(mut self) -> Result<Listened, ListenError> {
        let mut backoff = Backoff::new(self.context.pace.backoff_ms, self.context.pace.backoff_ms_max);
        let mut gap_since_ms = (self.context.now_ms)();
        loop {
            let opened = self.open().await;
            let left = match opened {
                Ok(connection) => {
                    self.note_gap(gap_since_ms);
                    self.turn.ready(self.context).await?;
                    let frames = self.listened.frames;
                    let left = self.listen(connection).await?;
                    if self.listened.frames > frames {
                        backoff.reset();
                    }
                    gap_since_ms = (self.context.now_ms)();
                    left
                }
                Err(message) => Left::Broken(message),
            };
            let message = match left {
                Left::End(end) => return self.end(end).await,
                Left::Broken(message) => message,
            };
            let wait_ms = backoff.wait_ms((self.context.random)());
            tracing::warn!("{}: {message}; again in {wait_ms} ms", self.request.address);
            if let Some(end) = self.wait(wait_ms).await? {
                self.note_gap(gap_since_ms);
                return self.end(end).await;
            }
        }
    }

    async fn open(&mut self) -> Result<Connection, String> {
        let ListenContext { tokens, pace, .. } = self.context;
        let token = &tokens[(self.turn.term() % tokens.len() as u64) as usize];
        Connection::open(&self.request.address, token, &self.request.symbols, pace.connect_ms).await
    }

    /// Reads a connection until it breaks or the session ends; everything it gave has been handed on then.
    async fn listen(&mut self, mut connection: Connection) -> Result<Left, ListenError> {
        let name = format!("finnhub-{}-{}", self.turn.term(), self.listened.connections);
        self.listened.connections += 1;
        let mut batcher = Batcher::new(name);
        let mut heard_at_ms = (self.context.now_ms)();
        let mut pinged_at_ms = heard_at_ms;
        let left = loop {
            let heard = tokio::time::timeout(Duration::from_millis(LOOK_EVERY_MS), connection.hear()).await.ok();
            let now_ms = (self.context.now_ms)();
            heard_at_ms = if heard.is_some() { now_ms } else { heard_at_ms };
            match heard {
                Some(Heard::Frame(frame)) => {
                    for batch in batcher.push(&frame, now_ms) {
                        self.hand_on(batch).await?;
                    }
                }
                Some(Heard::Ended(message)) => break Left::Broken(message),
                Some(Heard::Alive) | None => {}
            }
            if batcher.waits_since_ms().is_some_and(|since_ms| now_ms >= since_ms + self.context.pace.batch_ms)
                && let Some(batch) = batcher.flush()
            {
                self.hand_on(batch).await?;
            }
            if let Some(end) = self.look().await? {
                break Left::End(end);
            }
            if now_ms >= heard_at_ms + self.context.pace.silence_ms {
                break Left::Broken("the vendor has gone silent".to_owned());
            }
            if now_ms >= pinged_at_ms + self.context.pace.ping_ms {
                pinged_at_ms = now_ms;
                if let Err(message) = connection.ping().await {
                    break Left::Broken(message);
                }
            }
        };
        if let Some(batch) = batcher.flush() {
            self.hand_on(batch).await?;
        }
        connection.close().await;
        Ok(left)
    }

    /// Hands a batch on until it is taken.
    async fn hand_on(&mut self, batch: Batch) -> Result<(), ListenError> {
        let mut backoff = Backoff::new(self.context.pace.backoff_ms, self.context.pace.backoff_ms_max);
        let mut attempts = 0;
        while let Err(error) = (self.deliver)(&batch).await {
            attempts += 1;
            if attempts >= DELIVERIES_MAX {
                return Err(ListenError::Refused { attempts, message: error.to_string() });
            }
            tracing::warn!("batch {} of {}: {error}", batch.index, batch.session);
            tokio::time::sleep(Duration::from_millis(backoff.wait_ms((self.context.random)()))).await;
        }
        self.listened.batches += 1;
        self.listened.frames += batch.frame_count;
        self.listened.repeats += batch.repeat_count;
        Ok(())
    }

    /// Whether the session's time is over, by its deadline or by its successor.
    async fn look(&mut self) -> Result<Option<End>, ListenError> {
        let now_ms = (self.context.now_ms)();
        if now_ms >= self.ends_at_ms {
            return Ok(Some(End::Deadline));
        }
        if now_ms < self.renews_at_ms {
            return Ok(None);
        }
        self.renews_at_ms = now_ms + self.context.pace.renew_ms;
        // A lease that cannot be renewed now may be renewed later; until it expires nobody follows, and two that listen do no harm.
        match self.turn.renew(self.context).await {
            Ok(Standing::Over) => Ok(Some(End::HandedOver)),
            Ok(Standing::Mine | Standing::GoOn) => Ok(None),
            Err(error) => {
                tracing::warn!("the lease was not renewed: {error}");
                Ok(None)
            }
        }
    }

    /// Waits, looking at the lease meanwhile.
    async fn wait(&mut self, wait_ms: u64) -> Result<Option<End>, ListenError> {
        let until_ms = (self.context.now_ms)() + wait_ms as i64;
        loop {
            if let Some(end) = self.look().await? {
                return Ok(Some(end));
            }
            let left_ms = until_ms - (self.context.now_ms)();
            if left_ms <= 0 {
                return Ok(None);
            }
            tokio::time::sleep(Duration::from_millis((left_ms as u64).min(LOOK_EVERY_MS))).await;
        }
    }

    fn note_gap(&mut self, since_ms: i64) {
        let now_ms = (self.context.now_ms)();
        // What lies before the first connection of a session is the one before's.
        if self.listened.connections > 0 && now_ms > since_ms {
            self.listened.gaps.push((since_ms, now_ms));
        }
    }

    async fn end(self, end: End) -> Result<Listened, ListenError> {
        let Self { context, turn, listened, .. } = self;
        if end == End::Deadline {
            turn.end(context).await?;
        }
        Ok(Listened { end, ..listened })
    }
}
