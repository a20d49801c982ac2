//! The protocol around the step as a state machine, explored to the last state within tiny bounds: two mappings over a parent
//! and a child shard that are read together, crashes, zombies, lost requests and answers, a consumer reset, finalisation and sealing.
//! P1, P3, P6, P10, P12 in every reachable state. What decides is the product's own `step`; the compare-and-swap around it
//! is told here in its smallest form. Complements `exhaustive.rs`, which runs the whole handler on fewer records.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use stateright::{Checker as _, HasDiscoveries, Model, Property};
use touchline_event::{Event, EventDraft, EventId, Position, Sequence, ShardId, Trade};
use touchline_window::{Aggregate, PaneState, Positioned, Verdict, step};

const SHARDS: usize = 2;
const MAPPINGS: usize = 2;

/// How often each id was counted: what no pane of the product would tell.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Tally(BTreeMap<u64, u32>);

impl Aggregate for Tally {
    fn apply(&mut self, event: &Event) {
        *self.0.entry(event.event_id.0).or_default() += 1;
    }

    fn merge(&mut self, other: &Self) {
        for (id, count) in &other.0 {
            *self.0.entry(*id).or_default() += count;
        }
    }
}

/// The stored item: version and bytes.
type Item = Option<(u64, Vec<u8>)>;

fn pane(item: &Item) -> PaneState<Tally> {
    item.as_ref().map_or_else(|| PaneState::new(Tally::default()), |(_, bytes)| PaneState::decode(bytes).unwrap())
}

/// A batch under way, and what its worker believes of the pane.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Invocation {
    shard: usize,
    from: usize,
    to: usize,
    view: Item,
}

/// A mapping with one sandbox, which runs one invocation at a time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
struct Mapping {
    /// Records of each shard that need no further delivery.
    done: [usize; SHARDS],
    running: Option<Invocation>,
    cache: Item,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
struct World {
    item: Item,
    /// After-seal ledger: shard and record.
    ledger: BTreeSet<(usize, usize)>,
    mappings: [Mapping; MAPPINGS],
    zombies: Vec<Invocation>,
    faults: usize,
    /// A write that let a version or position fall, or changed what was sealed.
    broken: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Fate {
    Fine,
    LostRequest,
    LostAnswer,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Action {
    Start {
        mapping: usize,
        shard: usize,
        to: usize,
    },
    Put {
        mapping: usize,
        fate: Fate,
    },
    /// The sandbox is gone, with its memory and what it ran.
    Crash {
        mapping: usize,
    },
    /// The mapping gives up waiting; the invocation does not.
    Abandon {
        mapping: usize,
    },
    PutLate,
    /// The consumer begins anew at the oldest record.
    Reset {
        mapping: usize,
    },
    /// Open becomes final, final becomes sealed; one that read an older version changes nothing and is left out.
    Finalise,
}

/// The protocol, or one with a part left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Design {
    Product,
    NoCompareAndSwap,
    NoIds,
    /// What an unknown outcome left in the warm cache is believed.
    TrustsUnknown,
}

struct Protocol {
    design: Design,
    /// Ids on the parent and on the child; 1 was published twice, once before the split and once after.
    records: [&'static [u64]; SHARDS],
    faults_max: usize,
}

/// How a put ended for the one who made it.
enum Ending {
    Done(Item),
    Again(Item),
    Unknown,
}

impl Protocol {
    fn events(&self, invocation: &Invocation) -> Vec<Positioned> {
        let event = |number: usize| {
            let payload = Trade { price_e8: 1, volume_e8: 1, conditions: vec![], is_vwap_eligible: true };
            let event =
                EventDraft::new("finnhub", 0, 0, payload).with_id(EventId(self.records[invocation.shard][number]));
            Positioned { position: position(number), event }
        };
        (invocation.from..invocation.to).map(event).collect()
    }

    fn put(&self, world: &mut World, invocation: &Invocation, fate: Fate) -> Ending {
        let mut current = pane(&invocation.view);
        if self.design == Design::NoIds {
            current.ids.clear();
        }
        let events = self.events(invocation);
        let next = match step(&current, &[], &shard(invocation.shard), &events.iter().collect::<Vec<_>>()) {
            Verdict::Unchanged(_) => return Ending::Done(invocation.view.clone()),
            Verdict::Sealed(_) if fate == Fate::LostRequest => return Ending::Unknown,
            Verdict::Sealed(positions) => {
                let number = |position: &Position| (0..).find(|number| self::position(*number) == *position).unwrap();
                world.ledger.extend(positions.iter().map(|position| (invocation.shard, number(position))));
                return Ending::Done(invocation.view.clone());
            }
            Verdict::Write(next, _) => next,
        };
        self.swap(world, &invocation.view, &next, fate)
    }

    fn swap(&self, world: &mut World, view: &Item, next: &PaneState<Tally>, fate: Fate) -> Ending {
        if fate == Fate::LostRequest {
            return Ending::Unknown;
        }
        let version = |item: &Item| item.as_ref().map_or(0, |(version, _)| *version);
        if self.design != Design::NoCompareAndSwap && version(view) != version(&world.item) {
            return Ending::Again(world.item.clone());
        }
        let before = pane(&world.item);
        if before.positions.iter().any(|(shard, passed)| next.positions.get(shard).is_none_or(|now| now < passed)) {
            world.broken = Some("P3: a position fell");
        }
        if before.lifecycle.is_sealed && before.aggregate != next.aggregate {
            world.broken = Some("P10: a sealed pane changed");
        }
        world.item = Some((version(&world.item) + 1, next.encode().unwrap()));
        match fate {
            Fate::LostAnswer => Ending::Unknown,
            _ => Ending::Done(world.item.clone()),
        }
    }

    fn settle(&self, world: &mut World, mapping: usize, invocation: Invocation, ending: Ending) {
        let mapping = &mut world.mappings[mapping];
        let Invocation { shard, from, to, .. } = invocation;
        match ending {
            Ending::Done(view) => (mapping.done[shard], mapping.cache) = (to, view),
            Ending::Again(view) => {
                mapping.cache.clone_from(&view);
                mapping.running = Some(Invocation { shard, from, to, view });
            }
            Ending::Unknown if self.design == Design::TrustsUnknown => {
                (mapping.done[shard], mapping.cache) = (to, invocation.view);
            }
            Ending::Unknown => mapping.cache = None,
        }
    }
}

fn shard(number: usize) -> ShardId {
    ShardId(format!("shard-{number}"))
}

fn position(number: usize) -> Position {
    Position { sequence: Sequence::from_u64(number as u64 + 1), sub: 0 }
}

fn fates(may_fail: bool) -> &'static [Fate] {
    if may_fail { &[Fate::Fine, Fate::LostRequest, Fate::LostAnswer] } else { &[Fate::Fine] }
}

impl Model for Protocol {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World::default()]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        let may_fail = world.faults < self.faults_max;
        for (mapping, state) in world.mappings.iter().enumerate() {
            if state.running.is_some() {
                actions.extend(fates(may_fail).iter().map(|fate| Action::Put { mapping, fate: *fate }));
                if may_fail {
                    actions.extend([Action::Crash { mapping }, Action::Abandon { mapping }]);
                }
            } else {
                for (shard, records) in self.records.iter().enumerate() {
                    let ends = state.done[shard] + 1..=records.len();
                    actions.extend(ends.map(|to| Action::Start { mapping, shard, to }));
                }
            }
            if may_fail && state.done != [0; SHARDS] {
                actions.push(Action::Reset { mapping });
            }
        }
        if !world.zombies.is_empty() {
            actions.push(Action::PutLate);
        }
        if world.item.is_some() && !pane(&world.item).lifecycle.is_sealed {
            actions.push(Action::Finalise);
        }
    }

    fn next_state(&self, last: &World, action: Action) -> Option<World> {
        let mut world = last.clone();
        match action {
            Action::Start { mapping, shard, to } => {
                let mapping = &mut world.mappings[mapping];
                let view = mapping.cache.clone();
                mapping.running = Some(Invocation { shard, from: mapping.done[shard], to, view });
            }
            Action::Put { mapping, fate } => {
                world.faults += usize::from(fate != Fate::Fine);
                let invocation = world.mappings[mapping].running.take()?;
                let ending = self.put(&mut world, &invocation, fate);
                self.settle(&mut world, mapping, invocation, ending);
            }
            Action::Crash { mapping } => {
                world.faults += 1;
                let mapping = &mut world.mappings[mapping];
                *mapping = Mapping { done: mapping.done, ..Mapping::default() };
            }
            Action::Abandon { mapping } => {
                world.faults += 1;
                world.zombies.push(world.mappings[mapping].running.take()?);
            }
            Action::PutLate => {
                let zombie = world.zombies.pop()?;
                if let Ending::Again(view) = self.put(&mut world, &zombie, Fate::Fine) {
                    world.zombies.push(Invocation { view, ..zombie });
                }
            }
            Action::Reset { mapping } => {
                world.faults += 1;
                world.mappings[mapping].done = [0; SHARDS];
            }
            Action::Finalise => {
                let state = pane(&world.item);
                let next = if state.lifecycle.is_final { state.sealed() } else { state.finalised() };
                let seen = world.item.clone();
                self.swap(&mut world, &seen, &next, Fate::Fine);
            }
        }
        // Mappings differ in nothing but their place.
        world.mappings.sort();
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("P1: nothing is counted twice", |_, world: &World| {
                pane(&world.item).aggregate.0.values().all(|count| *count == 1)
            }),
            Property::always("P3, P10: nothing falls, nothing sealed changes", |_, world: &World| {
                world.broken.is_none()
            }),
            Property::always(
                "P6: what is said to be done is counted or in the ledger",
                |model: &Self, world: &World| {
                    let tally = pane(&world.item).aggregate.0;
                    let is_kept = |shard: usize, record: usize| {
                        tally.contains_key(&model.records[shard][record]) || world.ledger.contains(&(shard, record))
                    };
                    let done = world.mappings.iter().flat_map(|mapping| mapping.done.into_iter().enumerate());
                    done.into_iter().all(|(shard, done)| (0..done).all(|record| is_kept(shard, record)))
                },
            ),
            Property::always("P12: at rest every record is accounted for once", |model: &Self, world: &World| {
                let is_at_rest = world.zombies.is_empty()
                    && world.mappings.iter().all(|mapping| mapping.done == model.records.map(<[u64]>::len));
                let pane = pane(&world.item);
                let accounted = pane.applied_count + pane.duplicate_count + world.ledger.len() as u64;
                !is_at_rest || accounted == model.records.iter().map(|records| records.len() as u64).sum::<u64>()
            }),
            Property::sometimes("all is counted, then sealed", |_, world: &World| {
                let pane = pane(&world.item);
                pane.lifecycle.is_sealed && pane.applied_count > 1 && pane.duplicate_count == 1
            }),
            Property::sometimes("a correction after the final result", |_, world: &World| {
                pane(&world.item).lifecycle.revision > 1
            }),
            Property::sometimes("an event too late for a sealed pane", |_, world: &World| !world.ledger.is_empty()),
            Property::sometimes("a zombie that lost its swap", |_, world: &World| {
                world.zombies.iter().any(|zombie| zombie.view.is_some() && zombie.view == world.item)
            }),
        ]
    }
}

/// Distinct states, and the promises found broken.
fn explore(design: Design, records: [&'static [u64]; SHARDS], faults_max: usize) -> (usize, Vec<&'static str>) {
    let until = match design {
        Design::Product => HasDiscoveries::All,
        _ => HasDiscoveries::AnyFailures,
    };
    let checker = Protocol { design, records, faults_max }.checker().threads(2).finish_when(until).spawn_bfs().join();
    let is_promise = |name: &&str| name.starts_with('P');
    let broken: Vec<_> = checker.discoveries().into_keys().filter(is_promise).collect();
    if design == Design::Product {
        checker.assert_properties();
    }
    (checker.unique_state_count(), broken)
}

#[test]
fn no_reachable_state_breaks_a_promise() {
    for (records, faults_max) in [([&[1, 2][..], &[1, 3]], 1), ([&[1, 2], &[1]], 2)] {
        let (states, broken) = explore(Design::Product, records, faults_max);
        println!("records {records:?}, at most {faults_max} faults: {states} states");
        assert_eq!(broken, Vec::<&str>::new());
        assert!(states > 100_000, "{states}");
    }
}

#[test]
fn a_design_with_a_part_left_out_reaches_a_state_that_breaks_one() {
    for design in [Design::NoCompareAndSwap, Design::NoIds, Design::TrustsUnknown] {
        let (_, broken) = explore(design, [&[1, 2], &[1, 3]], 1);
        assert!(!broken.is_empty(), "{design:?}");
    }
}
