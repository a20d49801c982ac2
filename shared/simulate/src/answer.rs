//! What a vendor is asked and what it answers, before the wire: status, headers, body, and when the body came to be.

use axum::http::HeaderMap;
use serde::Serialize;

use crate::clock::Moment;

pub const JSON: &str = "application/json; charset=utf-8";
pub const HTML: &str = "text/html; charset=utf-8";
/// A key that every vendor refuses, so that clients can be shown what a wrong one gives.
pub const WRONG_KEY: &str = "wrong-key";

/// One request.
pub struct Asked<'a> {
    /// Below the vendor's base address, `/v4/sports`.
    pub path: &'a str,
    pub query: &'a [(String, String)],
    pub headers: &'a HeaderMap,
    pub moment: Moment,
}

impl<'a> Asked<'a> {
    /// A parameter that is there and not empty.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        let found = self.query.iter().find(|(key, _)| key == name)?;
        Some(found.1.as_str()).filter(|value| !value.is_empty())
    }

    /// A parameter's values between commas or semicolons.
    pub fn list(&self, name: &str) -> Vec<&'a str> {
        self.get(name).into_iter().flat_map(|text| text.split([',', ';'])).filter(|part| !part.is_empty()).collect()
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name)?.to_str().ok().filter(|value| !value.is_empty())
    }

    /// The path's parts.
    pub fn parts(&self) -> Vec<&'a str> {
        self.path.split('/').filter(|part| !part.is_empty()).collect()
    }
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub content_type: &'static str,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    /// When the body came to be, on the clients' clock; `None` for what is made on the spot.
    pub modified_at_ms: Option<i64>,
}

impl Answer {
    /// JSON of a status.
    pub fn json(status: u16, body: &impl Serialize) -> Self {
        // A value made of maps with text keys always has a JSON form; a body that had none would be an empty one.
        Self::bytes(status, serde_json::to_vec(body).unwrap_or_default())
    }

    /// JSON that is bytes already.
    pub fn bytes(status: u16, body: Vec<u8>) -> Self {
        Self { status, content_type: JSON, headers: Vec::new(), body, modified_at_ms: None }
    }

    /// With one more header.
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    /// With the time at which it came to be.
    pub fn modified_at(mut self, at_ms: i64) -> Self {
        self.modified_at_ms = Some(at_ms);
        self
    }
}
