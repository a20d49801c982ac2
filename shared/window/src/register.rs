//! Registers: one value kept by a total order, so that delivery order does not matter and repeats change nothing.
//! REG-1 (P2): taking a register is idempotent, associative and commutative.
//! A grid is a last-value register per second; returns, volatility and line moves are read from it.

use serde::{Deserialize, Serialize};
use touchline_event::Event;

/// The total order of events about one entity: event time, then the vendor's sequence, then the id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OrderKey {
    pub timestamp_ms: i64,
    pub vendor_seq: Option<i64>,
    pub event_id: u64,
}

impl OrderKey {
    /// The place of an event in the order.
    pub fn of(event: &Event) -> Self {
        Self { timestamp_ms: event.timestamp_ms, vendor_seq: event.vendor_seq, event_id: event.event_id.0 }
    }
}

/// A value and the event it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Register<V> {
    pub order: OrderKey,
    pub value: V,
}

impl<V: Clone> Register<V> {
    /// Keeps the earlier of the two.
    pub fn keep_first(slot: &mut Option<Self>, order: OrderKey, value: impl FnOnce() -> V) {
        if slot.as_ref().is_none_or(|kept| order < kept.order) {
            *slot = Some(Self { order, value: value() });
        }
    }

    /// Keeps the later of the two.
    pub fn keep_last(slot: &mut Option<Self>, order: OrderKey, value: impl FnOnce() -> V) {
        if slot.as_ref().is_none_or(|kept| order > kept.order) {
            *slot = Some(Self { order, value: value() });
        }
    }

    /// [`Register::keep_first`] from another slot.
    pub fn merge_first(slot: &mut Option<Self>, other: &Option<Self>) {
        if let Some(other) = other {
            Self::keep_first(slot, other.order, || other.value.clone());
        }
    }

    /// [`Register::keep_last`] from another slot.
    pub fn merge_last(slot: &mut Option<Self>, other: &Option<Self>) {
        if let Some(other) = other {
            Self::keep_last(slot, other.order, || other.value.clone());
        }
    }
}

/// The last value of every second that saw one. Sorted by second; almost every event belongs to the last one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grid<V>(Vec<Register<V>>);

impl<V> Default for Grid<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

fn second_of<V>(register: &Register<V>) -> i64 {
    register.order.timestamp_ms.div_euclid(1000)
}

impl<V: Clone> Grid<V> {
    /// Offers a value to its second.
    pub fn apply(&mut self, order: OrderKey, value: V) {
        let second = order.timestamp_ms.div_euclid(1000);
        let at = match self.0.last() {
            Some(last) if second_of(last) < second => Err(self.0.len()),
            Some(last) if second_of(last) == second => Ok(self.0.len() - 1),
            _ => self.0.binary_search_by_key(&second, second_of),
        };
        match at {
            Err(at) => self.0.insert(at, Register { order, value }),
            Ok(at) if order > self.0[at].order => self.0[at] = Register { order, value },
            Ok(_) => {}
        }
    }

    /// Adds another grid's seconds.
    pub fn merge(&mut self, other: &Self) {
        for register in &other.0 {
            self.apply(register.order, register.value.clone());
        }
    }

    /// The kept values in time order.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|register| &register.value)
    }

    /// Second since 1970 and value, in time order.
    pub fn seconds(&self) -> impl Iterator<Item = (i64, &V)> {
        self.0.iter().map(|register| (second_of(register), &register.value))
    }
}
