//! Recordings played as the vendors' own endpoints, on loopback: for tests, for clients under development, for a local cloud.
//! SIM-1: one seed, one course of the clock and the same requests give the same answers, byte for byte.
//! SIM-2: what is told at an instant is what the recordings say of that instant.
//! Nothing that is deployed depends on this room, and it asks nobody.

mod answer;
mod books;
mod budget;
mod clock;
mod counters;
mod faults;
mod moved;
mod recordings;
mod schedule;
mod server;
mod simulator;
mod slices;
mod streams;
mod tables;
mod vendors;

pub use answer::{Answer, WRONG_KEY};
pub use clock::{Clock, Moment};
pub use counters::Counts;
pub use faults::{Fault, FaultPlan, FaultRates};
pub use recordings::{Bundled, Kind, Part, RecordingError, bundled, polls};
pub use server::{Server, http_date, router};
pub use simulator::{Reply, Request, Settings, Simulator};
pub use slices::by_wall_clock;
pub use streams::betfair::BetfairServer;
pub use streams::finnhub::Listener;
pub use vendors::{Endpoint, endpoints};
