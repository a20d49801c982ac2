//! A payload as text, in which every part knows the vendor's bytes it stands for, whatever became of them on the way:
//! bytes that are no UTF-8, or JSON that was made of XML.
//! TEXT-1: a reject's raw bytes are those that the vendor sent.

use std::{borrow::Cow, collections::HashMap, ops::Range};

use serde_json::value::RawValue;

use crate::raw::{Fault, Path};
use crate::{Reject, RejectReason};

/// Bytes kept on either side of a bad byte that no record answers for.
const UNREAD_BYTES: usize = 64;
/// A payload as text. Bytes that are not UTF-8 are shown as `?`, one for one, so that every place keeps its offset.
pub(crate) struct Text<'a> {
    text: Cow<'a, str>,
    bytes: &'a [u8],
    is_sound: bool,
    /// Of a text that was made from another format: where in `bytes` the value that starts at an offset stood.
    spans: Option<HashMap<usize, Range<usize>>>,
}

impl<'a> Text<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let (text, is_sound) = match std::str::from_utf8(bytes) {
            Ok(text) => (Cow::Borrowed(text), true),
            Err(_) => (Cow::Owned(mask_bad_bytes(bytes)), false),
        };
        Self { text, bytes, is_sound, spans: None }
    }

    /// JSON made of another format's text; `spans` say where each of its values stood in that text.
    pub(crate) fn made_of(source: &Text<'a>, json: String, spans: HashMap<usize, Range<usize>>) -> Self {
        Self { text: Cow::Owned(json), bytes: source.bytes, is_sound: source.is_sound, spans: Some(spans) }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the bytes were UTF-8.
    pub(crate) fn is_sound(&self) -> bool {
        self.is_sound
    }

    /// The bytes as sent under a part of [`Text::as_str`]; the whole payload for text from elsewhere.
    pub(crate) fn original(&self, part: &str) -> &'a [u8] {
        let start = (part.as_ptr() as usize).wrapping_sub(self.text.as_ptr() as usize);
        if let Some(spans) = &self.spans {
            return spans.get(&start).and_then(|span| self.bytes.get(span.clone())).unwrap_or(self.bytes);
        }
        self.bytes.get(start..start.saturating_add(part.len())).unwrap_or(self.bytes)
    }

    /// For a payload that parsed although a byte of it is not UTF-8: the byte stands in a member that nobody reads.
    pub(crate) fn unread_bad_bytes(&self, path: &Path<'_>) -> Reject {
        let at = std::str::from_utf8(self.bytes).map_or_else(|error| error.valid_up_to(), str::len);
        let message = format!("byte {at} is not UTF-8, in a member that is not read; the other records were taken");
        let around = &self.bytes[at.saturating_sub(UNREAD_BYTES)..self.bytes.len().min(at + UNREAD_BYTES)];
        Fault::new(RejectReason::BadUtf8, path, message).reject(around)
    }

    /// The whole payload as one JSON value, or why it is none.
    pub(crate) fn json(&self, path: &Path<'_>) -> Result<&RawValue, Fault> {
        path.json(&self.text)
    }
}

fn mask_bad_bytes(bytes: &[u8]) -> String {
    let mut masked = bytes.to_vec();
    let mut at = 0;
    while let Err(error) = std::str::from_utf8(&masked[at..]) {
        let start = at + error.valid_up_to();
        let end = error.error_len().map_or(masked.len(), |length| start + length);
        masked[start..end].fill(b'?');
        at = end;
    }
    String::from_utf8_lossy(&masked).into_owned()
}
