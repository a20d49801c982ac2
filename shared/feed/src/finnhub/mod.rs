//! placeholder

use crate::{Document, Parsed, Session};

/// placeholder
pub fn parse(_document: Document<'_>, _session: &mut Session) -> Parsed {
    Parsed::default()
}
