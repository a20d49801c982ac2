//! Symbols as numbers: one table for the job, a private copy per worker so that a known symbol takes no lock.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use xxhash_rust::xxh3::Xxh3Builder;

/// Name to number and back.
#[derive(Default)]
pub struct SymbolTable {
    inner: RwLock<Names>,
}

#[derive(Default)]
struct Names {
    numbers: HashMap<Vec<u8>, u32>,
    names: Vec<Vec<u8>>,
}

impl SymbolTable {
    fn number(&self, name: &[u8]) -> u32 {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = inner.numbers.get(name) {
            return *number;
        }
        let number = inner.names.len() as u32;
        inner.numbers.insert(name.to_vec(), number);
        inner.names.push(name.to_vec());
        number
    }

    /// The name of a number given out before.
    pub fn name(&self, number: u32) -> String {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        inner.names.get(number as usize).map(|name| String::from_utf8_lossy(name).into_owned()).unwrap_or_default()
    }
}

/// A worker's own view of the table.
pub struct LocalNames<'a> {
    table: &'a SymbolTable,
    known: HashMap<Vec<u8>, u32, Xxh3Builder>,
}

impl<'a> LocalNames<'a> {
    pub fn new(table: &'a SymbolTable) -> Self {
        Self { table, known: HashMap::with_hasher(Xxh3Builder::new()) }
    }

    pub fn number(&mut self, name: &[u8]) -> u32 {
        if let Some(number) = self.known.get(name) {
            return *number;
        }
        let number = self.table.number(name);
        self.known.insert(name.to_vec(), number);
        number
    }
}
