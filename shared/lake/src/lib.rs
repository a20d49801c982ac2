//! The lake: raw payloads as they came, and Iceberg tables of events, windows and marts.
//! LAKE-1 (P9): every archived position is in its table exactly once; the chain and the snapshot marks decide, never a file name.
//! LAKE-2: raw bytes are stored before anything parses them.
//! Tables are appended to or replaced whole; rows are never updated in place. Reads no clock.

mod append;
mod archive;
mod catalog;
mod chain;
mod commit;
mod error;
mod events;
#[cfg(test)]
mod exactly_once;
mod files;
mod iceberg_tables;
mod lake;
mod memory;
mod objects;
mod orphans;
mod port;
mod raw;
mod schema;
mod swap;
pub mod tables;
#[cfg(test)]
mod testing;
mod write;

pub use append::CommitReport;
pub use archive::Archived;
pub use chain::{Chain, ChainFile};
pub use commit::CommitPass;
pub use error::LakeError;
pub use files::FileEntry;
pub use lake::{Lake, NAMESPACES, table_ident};
pub use memory::{MemoryTables, MemoryVersion};
pub use objects::{LocalObjects, MemoryObjects, ObjectStore};
pub use orphans::Orphan;
pub use port::{Append, Refusal, Tables};
pub use raw::{Exchange, Label, Landed, Landing, PAYLOAD_BYTES_MAX, RawPayload, land, read_back, session_keys};
pub use swap::{REPLACEMENT_SUFFIX, replacement_of};
pub use write::DataWriter;
