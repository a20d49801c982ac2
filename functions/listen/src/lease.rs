//! Whose turn it is to listen: one lease an address, taken, renewed and handed over by compare-and-swap.
//! LSE-1: of two that start at once one listens; the other stands aside.
//! LSE-2: the one before goes on until its successor has said that it is ready and both have listened for a while.
//! LSE-3: a holder that is gone is followed as soon as its lease has expired.

use touchline_store::StoreError;
use touchline_store::leases::{HeldLease, Lease, read, swap};

use crate::{ListenContext, Pace};

/// A turn that was taken.
pub struct Turn {
    name: String,
    held: HeldLease,
}

/// What a look at the lease says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Mine,
    /// Somebody else has it and is not yet ready, or both still overlap.
    GoOn,
    /// A successor is at work and the overlap is over.
    Over,
}

impl Turn {
    /// Takes the turn if it is free or about to be; `None` where another one listens.
    pub async fn take(context: &ListenContext, name: &str, ends_at_ms: i64) -> Result<Option<Self>, StoreError> {
        let mut before = read(&*context.store, name).await?;
        loop {
            let now_ms = (context.now_ms)();
            if before.as_ref().is_some_and(|held| !may_follow(&held.lease, now_ms, &context.pace)) {
                return Ok(None);
            }
            let term = before.as_ref().map_or(0, |held| held.lease.term + 1);
            let lease = Lease { term, expires_at_ms: now_ms + context.pace.lease_ms, ends_at_ms, ready_at_ms: None };
            match swap(&*context.store, name, before.as_ref(), lease).await? {
                Ok(held) => return Ok(Some(Self { name: name.to_owned(), held })),
                // Whoever was faster is judged as any other holder: it has just begun, so this one stands aside.
                Err(other) => before = other,
            }
        }
    }

    pub fn term(&self) -> u64 {
        self.held.lease.term
    }

    /// Says that the work is being done: the one before may end.
    pub async fn ready(&mut self, context: &ListenContext) -> Result<(), StoreError> {
        if self.held.lease.ready_at_ms.is_some() {
            return Ok(());
        }
        let now_ms = (context.now_ms)();
        let lease = Lease {
            ready_at_ms: Some(now_ms),
            expires_at_ms: now_ms + context.pace.lease_ms,
            ..self.held.lease.clone()
        };
        self.put(context, lease).await.map(|_| ())
    }

    /// Renews the lease, or sees what became of it.
    pub async fn renew(&mut self, context: &ListenContext) -> Result<Standing, StoreError> {
        let now_ms = (context.now_ms)();
        let lease = Lease { expires_at_ms: now_ms + context.pace.lease_ms, ..self.held.lease.clone() };
        let Some(other) = self.put(context, lease).await? else { return Ok(Standing::Mine) };
        Ok(match other.lease.ready_at_ms {
            // Terms after mine only: an item that is gone or older is nobody's turn.
            Some(ready_at_ms) if other.lease.term > self.term() && now_ms >= ready_at_ms + context.pace.overlap_ms => {
                Standing::Over
            }
            _ => Standing::GoOn,
        })
    }

    /// Lets the next one come at once.
    pub async fn end(mut self, context: &ListenContext) -> Result<(), StoreError> {
        let lease = Lease { expires_at_ms: (context.now_ms)(), ..self.held.lease.clone() };
        self.put(context, lease).await.map(|_| ())
    }

    /// The lease in the place of mine; what is there instead comes back.
    async fn put(&mut self, context: &ListenContext, lease: Lease) -> Result<Option<HeldLease>, StoreError> {
        match swap(&*context.store, &self.name, Some(&self.held), lease).await? {
            Ok(held) => {
                self.held = held;
                Ok(None)
            }
            // My own write whose answer was lost.
            Err(Some(other)) if other.lease.term == self.term() => {
                self.held = other;
                Ok(None)
            }
            Err(other) => Ok(Some(other.unwrap_or_else(|| self.held.clone()))),
        }
    }
}

fn may_follow(lease: &Lease, now_ms: i64, pace: &Pace) -> bool {
    now_ms >= lease.expires_at_ms || (lease.ready_at_ms.is_some() && now_ms >= lease.ends_at_ms - pace.handover_ms)
}
