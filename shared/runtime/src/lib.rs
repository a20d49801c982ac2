//! The only room that touches the process: its clock, its log, its chance.
//! RUN-1: everything else takes time as an argument; what it does is the same on every run.
//! Grows with the doors: configuration, secrets and outbound HTTP come with the issues that need them.

#[cfg(feature = "aws")]
mod aws;
mod chance;
mod clock;
mod log;

#[cfg(feature = "aws")]
pub use aws::{AwsSettings, MissingSetting};
pub use chance::random_number;
pub use clock::{Stopwatch, now_ms};
pub use log::init_log;
