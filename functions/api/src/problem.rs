//! Errors as RFC 9457 problem documents: a stable type, what was wrong with which value, and what to do instead.
//! PROB-1: every answer that is not a success has this shape, unknown paths and wrong methods included.
//! PROB-2: a value from a request is repeated only as JSON text, cut to a bounded length.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use touchline_store::StoreError;
use utoipa::ToSchema;

/// Characters of a refused value that are repeated to the caller.
const VALUE_CHARS_MAX: usize = 200;
/// Seconds after which a caller may try again when the store did not answer.
const RETRY_AFTER_SECONDS: &str = "2";

/// The kinds of problem. Their names are part of the API: clients match on `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    BadParameter,
    NotFound,
    MethodNotAllowed,
    TooManyReaders,
    StoreUnavailable,
    BrokenRecord,
}

impl ProblemKind {
    /// Every kind, for the pages that explain them.
    pub const ALL: [ProblemKind; 6] = [
        Self::BadParameter,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::TooManyReaders,
        Self::StoreUnavailable,
        Self::BrokenRecord,
    ];

    /// The type: an address that explains it.
    pub fn address(self) -> &'static str {
        match self {
            Self::BadParameter => "/problems/bad-parameter",
            Self::NotFound => "/problems/not-found",
            Self::MethodNotAllowed => "/problems/method-not-allowed",
            Self::TooManyReaders => "/problems/too-many-readers",
            Self::StoreUnavailable => "/problems/store-unavailable",
            Self::BrokenRecord => "/problems/broken-record",
        }
    }

    /// What the kind means, in one sentence.
    pub fn title(self) -> &'static str {
        match self {
            Self::BadParameter => "a parameter is missing, unknown or out of its range",
            Self::NotFound => "there is nothing under this address",
            Self::MethodNotAllowed => "this address is only read",
            Self::TooManyReaders => "the limit of live streams is reached",
            Self::StoreUnavailable => "the store did not answer",
            Self::BrokenRecord => "a stored record cannot be read",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::BadParameter => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooManyReaders | Self::StoreUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::BrokenRecord => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// The document itself.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Problem {
    /// `/problems/bad-parameter` and so on: stable, to be matched on.
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub title: &'static str,
    pub status: u16,
    pub detail: String,
    /// The parameter at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub parameter: Option<Box<str>>,
    /// Its value as received, shortened.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub value: Option<Box<str>>,
    /// What to do instead.
    pub remedy: String,
}

impl Problem {
    /// A problem without a parameter.
    pub fn new(kind: ProblemKind, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            kind: kind.address(),
            title: kind.title(),
            status: kind.status().as_u16(),
            detail: detail.into(),
            parameter: None,
            value: None,
            remedy: remedy.into(),
        }
    }

    /// Something named by a parameter of the path that is not there.
    pub fn not_found(name: &str, value: &str, detail: &str, remedy: &str) -> Self {
        let (kind, status) = (ProblemKind::NotFound.address(), ProblemKind::NotFound.status().as_u16());
        let title = ProblemKind::NotFound.title();
        Self { kind, title, status, ..Self::parameter(name, Some(value), detail, remedy) }
    }

    /// A parameter that cannot be taken.
    pub fn parameter(name: &str, value: Option<&str>, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        let shorten = |value: &str| value.chars().take(VALUE_CHARS_MAX).collect::<String>().into_boxed_str();
        Self {
            parameter: Some(shorten(name)),
            value: value.map(shorten),
            ..Self::new(ProblemKind::BadParameter, detail, remedy)
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "the store failed a request");
        match error {
            StoreError::Broken { .. } | StoreError::TooLarge { .. } => Self::new(
                ProblemKind::BrokenRecord,
                error.to_string(),
                "run `touchline audit`; a rebuild from the lake replaces the record",
            ),
            StoreError::Throttled { .. } | StoreError::Unknown { .. } | StoreError::Unavailable(_) => {
                Self::new(ProblemKind::StoreUnavailable, error.to_string(), "ask again after the Retry-After seconds")
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
        }
        response
    }
}
