//! The only room that touches the process: its clock and its log.
//! RUN-1: everything else takes time as an argument; what it does is the same on every run.
//! Grows with the doors: configuration, secrets and outbound HTTP come with the issues that need them.

#[cfg(feature = "aws")]
mod aws;
mod clock;
mod log;

#[cfg(feature = "aws")]
pub use aws::{AwsSettings, MissingSetting};
pub use clock::{Stopwatch, now_ms};
pub use log::init_log;
