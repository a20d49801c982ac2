//! placeholder

use crate::{Document, Parsed, Session};

/// placeholder
pub fn parse(_document: Document<'_>, _session: &mut Session) -> Parsed {
    Parsed::default()
}

/// placeholder
#[derive(Debug, Default)]
pub struct Books;
