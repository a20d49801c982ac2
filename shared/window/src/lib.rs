//! Event-time windows and the exactly-once step: which pane an event belongs to, how a pane takes a batch, when it is final.
//! WIN-1 (P1): a pane's state is the fold over its distinct accepted events, however delivery cut or repeated them.
//! WIN-2 (P7): pane, id, lateness and poison are decided from bytes, never from a clock.
//! Pure: no I/O, no async, no clock; what is computed inside a pane is the metric room's.

mod lateness;
mod pane;
mod proof;
mod register;
mod state;
mod step;
mod watermark;
mod windows;

pub use lateness::{Lateness, WindowPolicy};
pub use pane::{PaneKey, pane_start_ms};
pub use proof::{Claim, Finding, LaneProof, Told};
pub use register::{Grid, OrderKey, Register};
pub use state::{Lifecycle, PaneDecodeError, PaneState};
pub use step::{Positioned, StepCounts, Verdict, step};
pub use watermark::{LaneWatermark, Watermarks};
pub use windows::{WindowSpec, merge_panes};

use serde::{Serialize, de::DeserializeOwned};
use touchline_event::Event;

/// What a pane accumulates. P2: `merge` is associative and commutative and has an identity (a fresh value).
pub trait Aggregate: Clone + PartialEq + Serialize + DeserializeOwned {
    /// Counts one accepted event.
    fn apply(&mut self, event: &Event);
    /// Adds what another pane of the same entity counted.
    fn merge(&mut self, other: &Self);
}
