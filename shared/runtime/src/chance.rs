//! Numbers drawn by chance, for what must differ between two starts of a process.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// A number that no other start of any process draws. Not for secrets.
pub fn random_number() -> u64 {
    // The standard library seeds its hashes from the operating system.
    RandomState::new().build_hasher().finish()
}
