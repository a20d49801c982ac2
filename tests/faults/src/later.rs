//! What runs by the clock beside the batches: finalisation and the committer, each the real handler.
//! LAT-1: finalisations overlap each other and everything else; of committers there is one at a time, as deployed.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use touchline_commit::{CommitContext, CommitOutcome};
use touchline_delivery::{Random, TimerTask, block_on};
use touchline_finalize::{FinalizeContext, FinalizeOutcome};
use touchline_store::ItemStore;
use touchline_window::WindowPolicy;

use crate::books::Violation;
use crate::lake::FaultyTables;
use crate::sandbox::Configuration;
use crate::scenario::SOURCES;
use crate::store::{SharedBooks, open};

/// Consumer epoch of the chains.
pub const EPOCH: &str = "e1";
/// Passes after which nothing may be left to do.
const MAX_PASSES: usize = 20;

/// Everything that the timed functions need.
#[derive(Clone)]
pub struct Later {
    pub store: Arc<dyn ItemStore>,
    pub lake: Arc<FaultyTables>,
    pub policy: WindowPolicy,
    pub configuration: Configuration,
}

/// Held by the committer that runs; a crash gives it back.
struct Turn(Rc<Cell<bool>>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

impl Later {
    fn finalize(&self, store: Arc<dyn ItemStore>) -> FinalizeContext {
        FinalizeContext { store, policy: self.policy, sources: sources() }
    }

    fn commit(&self, store: Arc<dyn ItemStore>) -> CommitContext<FaultyTables> {
        CommitContext { lake: Arc::clone(&self.lake), store, epoch: EPOCH.to_owned(), sources: sources() }
    }

    /// Makes the next timed task.
    pub fn timer(self, books: SharedBooks, mut random: Random) -> impl FnMut() -> TimerTask {
        let is_committing = Rc::new(Cell::new(false));
        move || {
            let store = self.configuration.way(&self.store, random.fork());
            let is_commit = random.chance(40) && !is_committing.replace(true);
            let name = if is_commit { "the committer" } else { "finalisation" };
            open(&books).trace.note(&[21, u64::from(is_commit)], || format!("{name} is due:"));
            // A pass that fails is made up for by the next one.
            if is_commit {
                let (context, turn) = (self.commit(store), Turn(Rc::clone(&is_committing)));
                Box::pin(async move {
                    let _ = touchline_commit::handle(&context).await;
                    drop(turn);
                })
            } else {
                let context = self.finalize(store);
                Box::pin(async move {
                    let _ = touchline_finalize::handle(&context).await;
                })
            }
        }
    }

    /// Passes of both until neither finds anything to do.
    pub fn settle(&self) -> Result<(), Violation> {
        let broken = |text: String| Violation::new("liveness", text);
        let store = self.configuration.panes(Arc::clone(&self.store));
        let (finalize, commit) = (self.finalize(Arc::clone(&store)), self.commit(store));
        for _ in 0..MAX_PASSES {
            let finalised =
                block_on(touchline_finalize::handle(&finalize)).map_err(|error| broken(error.to_string()))?;
            let committed = block_on(touchline_commit::handle(&commit)).map_err(|error| broken(error.to_string()))?;
            if finalised == FinalizeOutcome::default() && committed == CommitOutcome::default() {
                return Ok(());
            }
        }
        Err(broken(format!("finalisation and the committer find work after {MAX_PASSES} passes")))
    }
}

fn sources() -> Vec<String> {
    SOURCES.map(str::to_owned).to_vec()
}
