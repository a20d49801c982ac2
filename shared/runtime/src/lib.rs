//! The only room that touches the process: its clock, its log, its chance.
//! RUN-1: everything else takes time as an argument; what it does is the same on every run.
//! RUN-2: nothing leaves for the internet but through `Outbound` and the clients of AWS.

#[cfg(feature = "aws")]
mod aws;
mod chance;
mod clock;
mod log;
#[cfg(feature = "outbound")]
mod outbound;
#[cfg(feature = "outbound")]
mod secret;

#[cfg(feature = "aws")]
pub use aws::{AwsSettings, MissingSetting};
pub use chance::random_number;
pub use clock::{Clock, Stopwatch, now_ms};
pub use log::init_log;
#[cfg(feature = "outbound")]
pub use outbound::{
    Answer, Backoff, Call, KeyPlace, Outbound, OutboundError, OutboundLimits, Reach, Validators, http_date_ms,
    retry_after_ms,
};
#[cfg(feature = "outbound")]
pub use secret::Secret;
