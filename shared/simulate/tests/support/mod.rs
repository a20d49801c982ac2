//! A simulator on a held clock, asked without a network.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use serde_json::Value;
use touchline_event::parse_utc_ms;
use touchline_simulate::{Clock, Settings, Simulator, router};
use tower::ServiceExt as _;

/// What came back.
pub struct Got {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Got {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// A simulator and the router over it.
pub struct Desk {
    pub simulator: Arc<Simulator>,
    router: Router,
}

impl Desk {
    /// Held at a UTC time of the match day.
    pub fn at(time: &str, settings: Settings) -> Self {
        let simulator = Arc::new(Simulator::new(Clock::held(parse_utc_ms(time).unwrap()), settings).unwrap());
        Self { router: router(simulator.clone()), simulator }
    }

    pub async fn get(&self, path: &str) -> Got {
        self.get_with(path, &[]).await
    }

    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Got {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = to_bytes(response.into_body(), usize::MAX).await.map(|bytes| bytes.to_vec()).unwrap_or_default();
        Got { status, headers, body }
    }

    pub fn advance_s(&self, seconds: i64) {
        self.simulator.clock.advance(seconds * 1_000);
    }
}
