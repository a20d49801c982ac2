//! The cloud adapters against servers that stand in for the services, with real concurrency and answers that get lost.
//! DynamoDB Local decides compare-and-swaps atomically; kinesalite has real sequence numbers and splits shards; the Kafka
//! broker is one. `cargo xtask test --only cloud` fetches them and runs this; a failing run prints its seed.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod kafka;
mod kinesis;
mod lossy;
mod panes;
mod reshard;
mod services;
mod store;
mod traffic;

#[path = "../../shared/store/tests/laws/port.rs"]
mod law;
#[path = "../../shared/store/tests/laws/model.rs"]
mod model;
