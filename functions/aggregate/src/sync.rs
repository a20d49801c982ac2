//! The lock around what a sandbox remembers: the standard library's, or in `tests/warm_cache.rs` one that hands over at every turn.

#[cfg(feature = "shuttle")]
pub(crate) use shuttle::sync::Mutex;
#[cfg(not(feature = "shuttle"))]
pub(crate) use std::sync::Mutex;
