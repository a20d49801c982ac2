//! The latest changes, kept in a bounded ring and sent to whoever listens.
//! HUB-1: what a reader gets after resuming follows the last message it saw without gap or repeat, or it is told to start over.
//! HUB-2: publishing never waits: a reader that falls behind by more than the ring is dropped with a word, the others go on.
//! Keeps nothing beyond the process: after a restart every reader starts over.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::broadcast;
use touchline_event::format_utc_ms;
use touchline_metric::Family;

/// Entities whose revisions are remembered; beyond this the memory starts again, which only costs reads.
const ENTITIES_MAX: usize = 65_536;

/// Something a reader may want to look at again.
#[derive(Debug, Clone, PartialEq)]
pub enum LiveChange {
    /// A pane was committed: counted into, finalised or corrected.
    Pane { family: Family, entity: String, pane_start_ms: i64, is_final: bool, revision: u32 },
    /// An anomaly was written.
    Anomaly { family: Family, entity: String, kind: String, window_start_ms: i64, severity: f64 },
    /// The accounts of the sources moved.
    Accounting,
}

/// A change as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub number: u64,
    pub name: &'static str,
    pub json: String,
}

/// A reader's view: what it missed, and what comes.
#[derive(Debug)]
pub struct Subscription {
    /// The number of the last message before this view.
    pub number: u64,
    /// The reader's last message is not in the ring any more, or is of another process.
    pub must_start_over: bool,
    pub missed: VecDeque<Arc<Message>>,
    pub receiver: broadcast::Receiver<Arc<Message>>,
}

/// Cheap to clone; all clones are one hub.
#[derive(Clone)]
pub struct LiveHub(Arc<Shared>);

struct Shared {
    boot: String,
    capacity: usize,
    state: Mutex<State>,
}

struct State {
    number: u64,
    ring: VecDeque<Arc<Message>>,
    /// `None` once closed.
    sender: Option<broadcast::Sender<Arc<Message>>>,
    revisions: HashMap<Family, HashMap<String, u64>>,
}

#[derive(Serialize)]
struct PaneBody<'a> {
    family: Family,
    entity: &'a str,
    start_at: String,
    is_final: bool,
    revision: u32,
}

#[derive(Serialize)]
struct AnomalyBody<'a> {
    family: Family,
    entity: &'a str,
    kind: &'a str,
    start_at: String,
    severity: f64,
}

impl LiveHub {
    /// A hub that remembers the last `capacity` changes.
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        let state = State {
            number: 0,
            ring: VecDeque::with_capacity(capacity),
            sender: Some(broadcast::Sender::new(capacity)),
            revisions: HashMap::new(),
        };
        // The standard library's hash seed is the one source of randomness here that needs no dependency; it only has
        // to differ between two processes that one browser meets.
        let boot = format!("{:08x}", RandomState::new().build_hasher().finish() as u32);
        Self(Arc::new(Shared { boot, capacity, state: Mutex::new(state) }))
    }

    /// Tells every reader. Call it after the change is committed, never before: readers look at the store again.
    pub fn publish(&self, change: LiveChange) {
        let mut state = self.state();
        if let LiveChange::Pane { family, entity, .. } = &change {
            state.revise(*family, entity);
        }
        state.number += 1;
        let (name, json) = body(&change);
        let message = Arc::new(Message { number: state.number, name, json });
        if state.ring.len() == self.0.capacity {
            state.ring.pop_front();
        }
        state.ring.push_back(Arc::clone(&message));
        // An error only says that nobody listens.
        let _ = state.sender.as_ref().map(|sender| sender.send(message));
    }

    /// Ends every stream and takes no new one, so that a server can shut down; the ring stays readable.
    pub fn close(&self) {
        self.state().sender = None;
    }

    /// Changes published since the process started.
    pub fn change_count(&self) -> u64 {
        self.state().number
    }

    /// Joins behind the message with this id, `<boot>-<number>`. `None` once the hub is closed.
    pub fn subscribe(&self, last_event_id: Option<&str>) -> Option<Subscription> {
        let state = self.state();
        let receiver = state.sender.as_ref()?.subscribe();
        let seen = last_event_id.map(|id| self.number_of(id).filter(|number| state.can_resume_after(*number)));
        let missed = match seen {
            Some(Some(number)) => state.ring.iter().filter(|message| message.number > number).cloned().collect(),
            _ => VecDeque::new(),
        };
        Some(Subscription { number: state.number, must_start_over: seen == Some(None), missed, receiver })
    }

    /// The id of a message number.
    pub fn id_of(&self, number: u64) -> String {
        format!("{}-{number}", self.0.boot)
    }

    fn number_of(&self, id: &str) -> Option<u64> {
        id.strip_prefix(self.0.boot.as_str())?.strip_prefix('-')?.parse().ok()
    }

    /// Grows with every change of the entity; 0 while none was told.
    pub(crate) fn revision_of(&self, family: Family, entity: &str) -> u64 {
        self.state().revisions.get(&family).and_then(|entities| entities.get(entity)).copied().unwrap_or(0)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half-way through a change, so a poisoned lock still guards a whole state.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn revise(&mut self, family: Family, entity: &str) {
        let next = self.number + 1;
        let entities = self.revisions.entry(family).or_default();
        if let Some(revision) = entities.get_mut(entity) {
            *revision = next;
            return;
        }
        if entities.len() >= ENTITIES_MAX {
            entities.clear();
        }
        entities.insert(entity.to_owned(), next);
    }

    fn can_resume_after(&self, number: u64) -> bool {
        let oldest = self.ring.front().map_or(self.number + 1, |message| message.number);
        number <= self.number && number + 1 >= oldest
    }
}

fn body(change: &LiveChange) -> (&'static str, String) {
    let (name, json) = match change {
        LiveChange::Pane { family, entity, pane_start_ms, is_final, revision } => {
            let start_at = format_utc_ms(*pane_start_ms);
            let body = PaneBody { family: *family, entity, start_at, is_final: *is_final, revision: *revision };
            ("pane", serde_json::to_string(&body))
        }
        LiveChange::Anomaly { family, entity, kind, window_start_ms, severity } => {
            let start_at = format_utc_ms(*window_start_ms);
            let body = AnomalyBody { family: *family, entity, kind, start_at, severity: *severity };
            ("anomaly", serde_json::to_string(&body))
        }
        LiveChange::Accounting => ("accounting", Ok("{}".to_owned())),
    };
    // Strings and numbers always serialise; an empty body still makes a reader look again.
    (name, json.unwrap_or_else(|_| "{}".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub_with(count: i64) -> LiveHub {
        let hub = LiveHub::new(3);
        for n in 0..count {
            hub.publish(LiveChange::Pane {
                family: Family::Trades,
                entity: "finnhub:AAPL".into(),
                pane_start_ms: n * 60_000,
                is_final: false,
                revision: 0,
            });
        }
        hub
    }

    fn numbers(subscription: &Subscription) -> Vec<u64> {
        subscription.missed.iter().map(|message| message.number).collect()
    }

    #[test]
    fn a_reader_resumes_after_the_last_message_it_saw() {
        let hub = hub_with(5);
        let resumed = hub.subscribe(Some(&hub.id_of(3))).unwrap();
        assert_eq!((numbers(&resumed), resumed.must_start_over, resumed.number), (vec![4, 5], false, 5));
        let oldest = hub.subscribe(Some(&hub.id_of(2))).unwrap();
        assert_eq!((numbers(&oldest), oldest.must_start_over), (vec![3, 4, 5], false));
        assert!(!hub.subscribe(Some(&hub.id_of(5))).unwrap().must_start_over);
    }

    #[test]
    fn a_message_that_is_gone_or_was_never_sent_means_starting_over() {
        let hub = hub_with(5);
        for id in [hub.id_of(1), hub.id_of(6), "00000000-4".into(), "nonsense".into(), String::new()] {
            assert!(hub.subscribe(Some(&id)).unwrap().must_start_over, "{id}");
        }
        assert!(!hub.subscribe(None).unwrap().must_start_over);
    }

    #[test]
    fn two_processes_do_not_take_each_others_ids() {
        assert_ne!(LiveHub::new(1).id_of(1), LiveHub::new(1).id_of(1));
    }

    #[test]
    fn an_entitys_revision_moves_with_its_own_changes_only() {
        let hub = hub_with(2);
        let before = hub.revision_of(Family::Trades, "finnhub:AAPL");
        hub.publish(LiveChange::Accounting);
        assert_eq!(hub.revision_of(Family::Trades, "finnhub:AAPL"), before);
        assert_eq!(hub.revision_of(Family::Odds, "finnhub:AAPL"), 0);
    }

    #[test]
    fn a_closed_hub_takes_no_reader() {
        let hub = hub_with(1);
        hub.close();
        assert!(hub.subscribe(None).is_none());
        hub.publish(LiveChange::Accounting);
        assert_eq!(hub.change_count(), 2);
    }
}
