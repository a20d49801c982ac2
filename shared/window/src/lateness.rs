//! How late is too late, and when a pane is final or sealed.
//! LATE-1 (P7): an event's lateness is `first_arrival_ms - timestamp_ms`, both from its bytes; a replay decides the same.
//! LATE-2 (P10): final implies the watermark passed pane end + lateness; sealed implies it also passed the retention.

use touchline_event::Event;

/// Event times beyond this, on either side of 1970 (the year 3084), are nobody's: keys and sums are safe within.
const MAX_TIMESTAMP_MS: i64 = 1 << 45;

/// The times that govern panes. All in ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowPolicy {
    /// Length of a pane: the gcd of the windows' sizes and slides.
    pub pane_ms: i64,
    /// How long after its end a pane waits for late events before it is final.
    pub lateness_ms: i64,
    /// Events that first arrive later than this after their time go to the late ledger.
    pub horizon_ms: i64,
    /// Events ahead of their arrival by more than this are forged or from a broken clock: quarantined.
    pub future_ms: i64,
    /// How long the stream may deliver a record again. `None`: for ever, as the embedded log does; then no pane is sealed.
    pub retention_ms: Option<i64>,
}

impl WindowPolicy {
    /// One-minute panes, two minutes of grace, a day of horizon: the default of every deployment.
    pub const DEFAULT: WindowPolicy = WindowPolicy {
        pane_ms: 60_000,
        lateness_ms: 120_000,
        horizon_ms: 24 * 3_600_000,
        future_ms: 24 * 3_600_000,
        retention_ms: None,
    };

    /// What an event's bytes say about its time.
    pub fn judge(&self, event: &Event) -> Lateness {
        let lateness_ms = event.lateness_ms();
        if !(-MAX_TIMESTAMP_MS..MAX_TIMESTAMP_MS).contains(&event.timestamp_ms) {
            Lateness::Future
        } else if lateness_ms > self.horizon_ms {
            Lateness::TooLate
        } else if lateness_ms < -self.future_ms {
            Lateness::Future
        } else {
            Lateness::Accepted
        }
    }

    /// The watermark from which a pane ending at `end_ms` is final.
    pub fn final_from_ms(&self, end_ms: i64) -> i64 {
        end_ms.saturating_add(self.lateness_ms)
    }

    /// The watermark from which a pane ending at `end_ms` is sealed, if ever.
    pub fn sealed_from_ms(&self, end_ms: i64) -> Option<i64> {
        self.retention_ms.map(|retention_ms| self.final_from_ms(end_ms).saturating_add(retention_ms))
    }
}

/// The verdict on an event's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lateness {
    Accepted,
    /// Beyond the horizon: to the late ledger.
    TooLate,
    /// Ahead of its own arrival by more than any clock skew, or of no possible year: to quarantine.
    Future,
}
