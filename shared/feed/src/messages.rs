//! How a payload of messages is cut: one document, or a message a line.
//! MSG-1: every line that is not blank is a message of its own, under its number from 0, whole or damaged.
//! Parses nothing beyond telling the two apart.

use serde::de::IgnoredAny;

/// How a payload of messages is cut.
pub(crate) enum Messages<'a> {
    /// One JSON value, over however many lines.
    Whole(&'a [u8]),
    /// A message a line, with its number from 0; blank lines are counted and left out.
    Lines(Vec<(usize, &'a [u8])>),
}

/// Cuts a payload that is one message, an array of them, or one a line. `marker` is a key that every message has:
/// it tells a damaged line format from a damaged, indented document.
pub(crate) fn messages<'a>(bytes: &'a [u8], marker: &str) -> Messages<'a> {
    let lines: Vec<(usize, &[u8])> = bytes
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .enumerate()
        .filter(|(_, line)| !line.is_empty())
        .collect();
    let is_json = |bytes: &[u8]| serde_json::from_slice::<IgnoredAny>(bytes).is_ok();
    let is_message = |line: &[u8]| memchr::memmem::find(line, marker.as_bytes()).is_some() && is_json(line);
    match lines.as_slice() {
        [] | [_] => Messages::Whole(bytes.trim_ascii()),
        [(_, first), ..] if is_json(first) => Messages::Lines(lines),
        _ if is_json(bytes) || !lines.iter().any(|(_, line)| is_message(line)) => Messages::Whole(bytes),
        _ => Messages::Lines(lines),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_documents_are_told_apart() {
        let count = |bytes: &[u8]| match messages(bytes, "\"op\"") {
            Messages::Whole(_) => 0,
            Messages::Lines(lines) => lines.len(),
        };
        assert_eq!(count(b"{\"op\":1}\n{\"op\":2}\n"), 2);
        assert_eq!(count(b"{\"op\":1}\n"), 0);
        assert_eq!(count(b"{\n \"op\":1\n}"), 0);
        assert_eq!(count(b"garbage\n{\"op\":2}\n{\"op\":"), 3);
        assert_eq!(count(b"{\n \"op\":1,\n \"x\":["), 0);
    }
}
