//! What every JSON vendor needs: early refusal of what cannot be JSON, and reads of a field that say where they failed.
//! JSON-1: a message names the pointer, what was found and what was expected.

use serde::Serializer;

use crate::{MAX_DOCUMENT_BYTES, Reject, RejectReason};

/// Refuses what no parser could take: nothing, too much, and markup unless the vendor sends XML; HTML always.
pub(crate) fn refuse_early(bytes: &[u8], takes_markup: bool) -> Option<Reject> {
    let head = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    let (reason, message) = if head.is_empty() {
        (RejectReason::Empty, "the payload is empty".to_owned())
    } else if bytes.len() > MAX_DOCUMENT_BYTES {
        (
            RejectReason::TooLarge,
            format!("the payload has {} bytes; at most {MAX_DOCUMENT_BYTES} are read", bytes.len()),
        )
    } else if is_html(head) || (!takes_markup && is_markup(head)) {
        (
            RejectReason::NotJson,
            "the payload is HTML or XML, not JSON; the vendor's gateway probably answered instead of its API"
                .to_owned(),
        )
    } else {
        return None;
    };
    Some(Reject { reason, pointer: String::new(), message, raw: bytes[..bytes.len().min(64 * 1024)].to_vec() })
}

/// A tag, a comment or a declaration; a line of JSON whose brace was damaged into `<` is not one.
fn is_markup(head: &[u8]) -> bool {
    matches!(head, [b'<', next, ..] if next.is_ascii_alphabetic() || matches!(next, b'!' | b'?' | b'/'))
}

/// The page of a gateway: no vendor's XML begins so.
fn is_html(head: &[u8]) -> bool {
    let starts_with = |tag: &[u8]| head.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag));
    starts_with(b"<!doctype html") || starts_with(b"<html")
}

/// Raw bytes as JSON text; bytes that are not UTF-8 become U+FFFD.
pub(crate) fn lossy_text<S: Serializer>(raw: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(raw))
}
