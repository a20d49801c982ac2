//! The one way out to a vendor: a guarded GET over HTTPS.
//! OUT-1 (S5): only listed hosts, over TLS, at public addresses that were checked when they were resolved; no redirect is
//! followed. Plain HTTP goes to one loopback address alone, that of a simulation.
//! OUT-2 (S6): a body is bounded as sent and as unpacked, and so is what one byte may unpack to.
//! OUT-3 (S10): no key is in an error, an answer or a header that is kept.
//! Tries once: who asks again, when, and whether it is paid for, is the door's business.

mod body;
mod guard;
mod retry;

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::{Request, header};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::Secret;
use guard::PublicResolver;
pub use guard::Reach;
pub use retry::{Backoff, http_date_ms, retry_after_ms};

/// Encodings that are unpacked.
const ACCEPTED_ENCODINGS: &str = "gzip, br, zstd";
const AGENT: &str = concat!("touchline/", env!("CARGO_PKG_VERSION"));
/// Headers of an answer that are kept, besides those that begin with `x-`: none of them holds a credential.
const KEPT_HEADERS: [&str; 10] = [
    "content-type",
    "content-length",
    "content-encoding",
    "etag",
    "last-modified",
    "date",
    "age",
    "cache-control",
    "retry-after",
    "server",
];
const HEADER_BYTES_MAX: usize = 512;

/// How long and how much.
#[derive(Debug, Clone, Copy)]
pub struct OutboundLimits {
    pub connect: Duration,
    /// From the first byte sent to the last one read.
    pub total: Duration,
    /// Body as sent, and as unpacked.
    pub sent_bytes_max: usize,
    pub unpacked_bytes_max: usize,
}

impl OutboundLimits {
    /// Vendors answer in seconds with megabytes at most.
    pub const DEFAULT: OutboundLimits = OutboundLimits {
        connect: Duration::from_secs(5),
        total: Duration::from_secs(20),
        sent_bytes_max: 16 << 20,
        unpacked_bytes_max: 64 << 20,
    };
}

/// Where a vendor wants its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPlace {
    /// A query parameter of this name.
    Query(&'static str),
    /// A header of this name.
    Header(&'static str),
}

/// What a server gave with its last full answer, so that it need not give it again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validators {
    pub etag: Option<String>,
    pub last_modified: Option<String>,
}

/// One GET.
#[derive(Debug, Clone)]
pub struct Call<'a> {
    /// Scheme, host, path and query, without the key.
    pub address: &'a str,
    pub key: Option<(KeyPlace, &'a Secret)>,
    pub validators: Validators,
}

/// What came back, whatever its status; 304 has no body.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    /// In lower case, those that are kept.
    pub headers: Vec<(String, String)>,
    /// Unpacked.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header of a name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// For the next call.
    pub fn validators(&self) -> Validators {
        let owned = |name| self.header(name).map(str::to_owned);
        Validators { etag: owned("etag"), last_modified: owned("last-modified") }
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// The address is outside what may be asked; nothing was sent.
    #[error("{address} is not asked: {reason}")]
    Refused { address: String, reason: String },
    #[error(
        "{address} sends elsewhere, to {target}; no redirect is followed: put the new address into the configuration"
    )]
    Redirect { address: String, target: String },
    #[error("{address} gave no whole answer in {limit_ms} ms")]
    Timeout { address: String, limit_ms: u128 },
    #[error("{address}: {message}")]
    Broken { address: String, message: String },
    /// Larger than any honest answer, or in an encoding that was not asked for.
    #[error("{address}: {message}")]
    Body { address: String, message: String },
}

impl OutboundError {
    /// Whether the same call may fare better soon.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Timeout { .. } | Self::Broken { .. })
    }
}

/// A client for one vendor, or for a simulation of all.
#[derive(Clone)]
pub struct Outbound {
    client: Client<HttpsConnector<HttpConnector<PublicResolver>>, Empty<Bytes>>,
    reach: Reach,
    limits: OutboundLimits,
}

impl Outbound {
    /// Connections are kept and shared by all clones. Fails where the machine has no certificates to trust.
    pub fn new(reach: Reach, limits: OutboundLimits) -> Result<Self, OutboundError> {
        let tls = guard::tls(&reach)?;
        let mut plain = HttpConnector::new_with_resolver(PublicResolver);
        plain.set_connect_timeout(Some(limits.connect));
        // HTTPS addresses pass through it on their way to TLS; schemes are checked before.
        plain.enforce_http(false);
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1();
        let client = Client::builder(TokioExecutor::new()).build(connector.wrap_connector(plain));
        Ok(Self { client, reach, limits })
    }

    /// Asks once.
    pub async fn get(&self, call: &Call<'_>) -> Result<Answer, OutboundError> {
        let uri = self.reach.check(call.address)?;
        let request = request(uri, call)?;
        let answered = tokio::time::timeout(self.limits.total, self.exchange(request, call)).await;
        let limit_ms = self.limits.total.as_millis();
        answered.unwrap_or_else(|_| Err(OutboundError::Timeout { address: call.address.to_owned(), limit_ms }))
    }

    async fn exchange(&self, request: Request<Empty<Bytes>>, call: &Call<'_>) -> Result<Answer, OutboundError> {
        let broken = |message: String| OutboundError::Broken { address: call.address.to_owned(), message };
        let response = self.client.request(request).await.map_err(|error| broken(causes(&error)))?;
        let (head, sent) = response.into_parts();
        let headers = kept_headers(&head.headers, call);
        if head.status.is_redirection() && head.status.as_u16() != 304 {
            let target = head.headers.get(header::LOCATION).and_then(|value| value.to_str().ok()).unwrap_or("nowhere");
            return Err(OutboundError::Redirect {
                address: call.address.to_owned(),
                // Everything behind the path may hold what was asked with.
                target: masked(call, target.split(['?', '#']).next().unwrap_or_default()),
            });
        }
        let encoding = head.headers.get(header::CONTENT_ENCODING).and_then(|value| value.to_str().ok());
        let body = body::read(sent, encoding, &self.limits).await.map_err(|error| error.at(call.address))?;
        let body = match call.key {
            Some((_, secret)) => secret.mask(body),
            None => body,
        };
        Ok(Answer { status: head.status.as_u16(), headers, body })
    }
}

fn request(uri: hyper::Uri, call: &Call<'_>) -> Result<Request<Empty<Bytes>>, OutboundError> {
    let refused = |reason: &str| OutboundError::Refused { address: call.address.to_owned(), reason: reason.to_owned() };
    let mut request = Request::get(&uri);
    match call.key {
        Some((KeyPlace::Query(name), secret)) => {
            let joint = if uri.query().is_some() { '&' } else { '?' };
            request = request.uri(format!("{uri}{joint}{name}={}", secret.percent_encoded()));
        }
        Some((KeyPlace::Header(name), secret)) => {
            let mut value = header::HeaderValue::from_str(secret.reveal())
                .map_err(|_| refused("the key holds characters that no header can carry"))?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        None => {}
    }
    request = request.header(header::ACCEPT_ENCODING, ACCEPTED_ENCODINGS).header(header::USER_AGENT, AGENT);
    if let Some(etag) = &call.validators.etag {
        request = request.header(header::IF_NONE_MATCH, etag);
    }
    if let Some(time) = &call.validators.last_modified {
        request = request.header(header::IF_MODIFIED_SINCE, time);
    }
    request.body(Empty::new()).map_err(|_| refused("path, key or validators cannot be put into a request"))
}

fn kept_headers(headers: &header::HeaderMap, call: &Call<'_>) -> Vec<(String, String)> {
    let is_kept = |name: &str| KEPT_HEADERS.contains(&name) || name.starts_with("x-");
    let kept = headers.iter().filter(|(name, _)| is_kept(name.as_str()));
    kept.filter_map(|(name, value)| {
        let value = value.to_str().ok().filter(|value| value.len() <= HEADER_BYTES_MAX)?;
        Some((name.as_str().to_owned(), masked(call, value)))
    })
    .collect()
}

fn masked(call: &Call<'_>, text: &str) -> String {
    match call.key {
        Some((_, secret)) => secret.mask_text(text),
        None => text.to_owned(),
    }
}

/// An error with what lies under it; hyper tells the cause only there.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
