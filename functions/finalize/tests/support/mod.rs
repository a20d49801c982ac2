//! A memory store with panes in it, an aggregating writer that can be stopped between its steps, and a store that stops.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

pub mod store;
pub mod world;
pub mod writer;

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// Polls once. The memory store never waits, so `None` means that the future stands at a stop of [`store::StopStore`].
pub fn poll_once<T>(future: Pin<&mut (impl Future<Output = T> + ?Sized)>) -> Option<T> {
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// Runs what cannot stop.
pub fn run<T>(future: impl Future<Output = T>) -> T {
    poll_once(std::pin::pin!(future)).expect("nothing here waits")
}
