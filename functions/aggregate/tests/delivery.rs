//! Exactly once on at-least-once delivery: seeded streams, every kind of repetition and failure, and a naive model.
//! P1, P3, P4, P5, P6, P8, P11, P12, P13. A failing run prints its seed; put it into `FIRST_SEED` to see it alone.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;

use support::delivery::{Run, pane_items};
use support::events::SOURCES;
use support::model::{fold, stored_panes};
use touchline_aggregate::handle;
use touchline_store::{accounting, watermarks};

const FIRST_SEED: u64 = 0;
const SEEDS: u64 = 400;

fn for_every_seed(check: impl AsyncFn(u64)) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let fails = |seed: &u64| std::panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(check(*seed)))).is_err();
    let failing: Vec<u64> = (FIRST_SEED..FIRST_SEED + SEEDS).filter(fails).collect();
    assert!(failing.is_empty(), "{} of {SEEDS} seeds fail: {failing:?}", failing.len());
}

#[test]
fn every_pane_counts_every_accepted_event_once_however_it_is_delivered() {
    for_every_seed(async |seed| {
        let mut run = Run::new(seed);
        run.deliver_all().await;
        panes_are_the_fold(&run);
        run.check_announced().await;
        accounts_add_up(&run).await;
        watermarks_are_the_heartbeats(&run).await;
        replays_change_nothing(&mut run).await;
    });
}

/// P1, P5, P8: states, ids and counts of every pane are those of the naive fold, and there is no other pane.
fn panes_are_the_fold(run: &Run) {
    let dump = run.store.0.inner().dump();
    let stored = stored_panes(&dump);
    assert_eq!(stored.keys().collect::<Vec<_>>(), run.expected.panes.keys().collect::<Vec<_>>());
    for (name, events) in &run.expected.panes {
        let pane = &stored[name];
        let mut ids = pane.ids();
        ids.sort_unstable();
        assert_eq!(ids, events.keys().copied().collect::<Vec<_>>(), "ids of {name:?}, no id in two parts");
        assert_eq!(pane.merged(name), fold(name, events), "state of {name:?}");
        assert_eq!(pane.count(|part| part.applied_count), events.len() as u64);
        assert_eq!(pane.parts.iter().rev().skip(1).filter(|part| !part.is_frozen).count(), 0, "only the last is open");
        let as_of_ms = pane.parts.iter().map(|part| part.as_of_ms).max();
        assert_eq!(as_of_ms, events.values().map(|event| event.first_arrival_ms).max());
    }
    // P11: a part over the limit holds a single event, which cannot be cut further.
    for part in stored.values().flat_map(|pane| &pane.parts) {
        let byte_count = part.encode().unwrap().len();
        assert!(byte_count <= run.max_item_bytes || part.ids.len() <= 1, "P11: {byte_count} bytes");
    }
}

/// P12: offered = applied + duplicate + quarantined + late, source by source.
async fn accounts_add_up(run: &Run) {
    let accounts = accounting::read(&*run.store, &[&SOURCES[..], &["unknown"]].concat()).await.unwrap();
    let mut offered: BTreeMap<&str, u64> = BTreeMap::new();
    for (name, count) in &run.expected.pane_positions {
        *offered.entry(name.1.split(':').next().unwrap()).or_default() += count;
    }
    for (source, count) in run.expected.quarantined.iter().chain(&run.expected.late) {
        *offered.entry(source).or_default() += count;
    }
    let told: BTreeMap<&str, u64> =
        accounts.iter().map(|(source, account)| (source.as_str(), account.total())).collect();
    assert_eq!(told, offered);
    for (source, account) in &accounts {
        assert_eq!(account.quarantined, run.expected.quarantined.get(source).copied().unwrap_or(0), "{source}");
        assert_eq!(account.late, run.expected.late.get(source).copied().unwrap_or(0), "{source}");
    }
}

async fn watermarks_are_the_heartbeats(run: &Run) {
    for source in SOURCES {
        let marks = watermarks::read(&*run.store, source).await.unwrap();
        for lane in 0..support::LANES {
            let said = run.expected.watermarks.get(&(source.to_owned(), lane)).copied();
            assert_eq!(marks.of_lane(lane), said, "{source} lane {lane}");
        }
    }
}

/// P4: any suffix of any shard, once more, to a sandbox that remembers nothing: not even a version moves.
async fn replays_change_nothing(run: &mut Run) {
    let before = pane_items(&run.store);
    let sandbox = run.sandbox();
    for shard in 0..run.shards.len() {
        let count = run.shards[shard].sent.len();
        for from in [0, count / 2] {
            let outcome = handle(&sandbox, &run.batch(shard, from, count), || true).await;
            assert_eq!(outcome.failed_from, None, "a cold sandbox finishes what is already done");
        }
    }
    assert_eq!(pane_items(&run.store), before, "P4");
}
