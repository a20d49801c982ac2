//! AWS Lambda's event source mappings over Kinesis and Kafka, simulated in one process and from one seed.
//!
//! A [`Simulation`] publishes records, cuts them into batches, invokes a [`Consumer`] and takes its word as the service
//! does: at least once, in order per partition key the first time, re-cut at will after a failure. Invocations are futures
//! that run beside each other; a small executor polls them in seeded order, so that every await is a point at which
//! another one may come in between, the sandbox may vanish, freeze or run out of time. A [`Watch`] sees every [`Moment`].
//!
//! DEL-1: every record is handed over until it is acknowledged, put aside and published again, or expired unread.
//! DEL-2: one seed, one run: no clock, no thread, no choice that depends on an address.
//! DEL-3: without faults a partition key's records are handed over once, in order.
//! DEL-4: after `steps_with_faults` nothing fails any more, so that a consumer that makes progress comes to the end.
//!
//! Does no input or output, knows nothing of what is in a record, and depends on nothing.
//!
//! ```
//! use std::{cell::Cell, rc::Rc};
//! use touchline_delivery::{Consumer, Invocation, Moment, Response, Settings, Simulation, Watch, yield_now};
//!
//! struct Counter(Rc<Cell<u64>>);
//!
//! impl Consumer<&'static str> for Counter {
//!     async fn handle(&self, invocation: &Invocation<&'static str>) -> Response {
//!         for _ in &invocation.records {
//!             yield_now().await;
//!             self.0.set(self.0.get() + 1);
//!         }
//!         Response::Done
//!     }
//! }
//!
//! struct Nobody;
//! impl Watch<&'static str> for Nobody {
//!     fn see(&mut self, _: Moment<'_, &'static str>) -> Result<(), String> {
//!         Ok(())
//!     }
//! }
//!
//! let counted = Rc::new(Cell::new(0));
//! let producer = vec![(1, "a"), (2, "b"), (1, "c")];
//! let sandboxes = Rc::clone(&counted);
//! let mut simulation = Simulation::new(7, Settings::default(), vec![producer], Nobody, move |_| Counter(Rc::clone(&sandboxes)));
//! simulation.run().expect("a consumer that always succeeds comes to the end");
//! assert!(counted.get() >= 3, "at least once");
//! ```

mod choices;
mod consumer;
mod disturb;
mod executor;
mod fault;
mod mapping;
mod moment;
mod producer;
mod random;
mod settings;
mod simulation;
mod stream;

pub use choices::Choices;
pub use consumer::{Consumer, Invocation, Response, Time};
pub use executor::{block_on, yield_now};
pub use fault::{Fault, FaultCounts, FaultSet};
pub use moment::{End, Moment, Watch};
pub use random::{Random, mix};
pub use settings::Settings;
pub use simulation::{Simulation, TimerTask};
pub use stream::{Record, Transport};
