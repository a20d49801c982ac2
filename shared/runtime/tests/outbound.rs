//! The client against servers on loopback that misbehave: what is refused, bounded, masked and kept.
#![cfg(feature = "outbound")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::RawQuery;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use touchline_runtime::{Answer, Call, KeyPlace, Outbound, OutboundError, OutboundLimits, Reach, Secret, Validators};

const CANARY: &str = "canary-7f3a9c/é";
const LIMITS: OutboundLimits = OutboundLimits {
    connect: Duration::from_secs(2),
    total: Duration::from_millis(1500),
    sent_bytes_max: 100_000,
    unpacked_bytes_max: 2_000_000,
};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn packed(bytes: Vec<u8>) -> Response {
    ([("content-encoding", "gzip")], bytes).into_response()
}

/// Half of what was promised, then the end of the connection.
fn cut() -> Response {
    let parts = [Ok(Bytes::from_static(b"{\"half\"")), Err(std::io::Error::other("cut"))];
    ([("content-length", "20")], Body::from_stream(futures_of(parts))).into_response()
}

fn futures_of<const N: usize>(
    parts: [Result<Bytes, std::io::Error>; N],
) -> impl futures::Stream<Item = Result<Bytes, std::io::Error>> {
    futures::stream::iter(parts)
}

async fn conditional(headers: HeaderMap) -> Response {
    if headers.get("if-none-match").is_some_and(|tag| tag == "\"v1\"") {
        return (StatusCode::NOT_MODIFIED, [("etag", "\"v1\"")]).into_response();
    }
    ([("etag", "\"v1\""), ("last-modified", "Sat, 04 Jul 2026 17:00:00 GMT")], "{}").into_response()
}

/// Everything it was asked with, back in body, headers and target.
async fn echo(RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let key = headers.get("x-api-key").map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let said = format!("query {} header {}", query.unwrap_or_default(), key.unwrap_or_default());
    let is_whole = said.contains("regions=us&apiKey=canary-7f3a9c%2F%C3%A9 ") || said.ends_with("canary-plain-key");
    let cookie = [("set-cookie", "session=secret"), ("x-echo", if is_whole { "whole" } else { "not whole" })];
    (StatusCode::UNAUTHORIZED, cookie, said).into_response()
}

async fn server() -> SocketAddr {
    // Packed before anyone waits for it.
    let bomb = gzip(&vec![b' '; 3_000_000]);
    let router = Router::new()
        .route("/plain", get(async || "{\"a\":1}"))
        .route("/packed", get(async || packed(gzip(&b"{\"a\":1}".repeat(1000)))))
        .route("/bomb", get(async move || packed(bomb)))
        .route("/lies", get(async || packed(b"<html>not gzip</html>".to_vec())))
        .route("/large", get(async || vec![b'x'; 200_000]))
        .route("/slow", get(async || tokio::time::sleep(Duration::from_secs(30)).await))
        .route("/cut", get(async || cut()))
        .route("/conditional", get(conditional))
        .route("/echo", get(echo))
        .route("/away", get(async || (StatusCode::FOUND, [("location", "http://169.254.169.254/meta?key=x")])));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, router).into_future());
    address
}

async fn ask(path: &str, key: Option<(KeyPlace, &Secret)>, validators: Validators) -> Result<Answer, OutboundError> {
    let server = server().await;
    let outbound = Outbound::new(Reach::simulation(&format!("http://{server}")).unwrap(), LIMITS).unwrap();
    outbound.get(&Call { address: &format!("http://{server}{path}"), key, validators }).await
}

async fn plainly(path: &str) -> Result<Answer, OutboundError> {
    ask(path, None, Validators::default()).await
}

#[tokio::test]
async fn bodies_are_unpacked_and_bounded() {
    assert_eq!(plainly("/plain").await.unwrap().body, b"{\"a\":1}");
    assert_eq!(plainly("/packed").await.unwrap().body.len(), 7000);
    for (path, part) in
        [("/bomb", "unpacks to more than"), ("/lies", "not the gzip it says"), ("/large", "larger than 100000")]
    {
        let error = plainly(path).await.unwrap_err();
        assert!(matches!(error, OutboundError::Body { .. }) && error.to_string().contains(part), "{path}: {error}");
        assert!(!error.is_passing());
    }
}

#[tokio::test]
async fn what_hangs_or_breaks_off_is_an_error_that_may_pass() {
    let slow = plainly("/slow").await.unwrap_err();
    assert!(matches!(slow, OutboundError::Timeout { limit_ms: 1500, .. }), "{slow}");
    let cut = plainly("/cut").await.unwrap_err();
    assert!(matches!(cut, OutboundError::Broken { .. }), "{cut}");
    assert!(slow.is_passing() && cut.is_passing());
}

#[tokio::test]
async fn a_redirect_is_told_and_not_followed() {
    let error = plainly("/away").await.unwrap_err();
    assert!(error.to_string().contains("sends elsewhere, to http://169.254.169.254/meta;"), "{error}");
    assert!(!error.is_passing());
}

#[tokio::test]
async fn an_answer_that_is_known_is_not_sent_again() {
    let first = plainly("/conditional").await.unwrap();
    assert_eq!(first.validators().etag.as_deref(), Some("\"v1\""));
    assert!(first.validators().last_modified.is_some());
    let again = ask("/conditional", None, first.validators()).await.unwrap();
    assert_eq!((again.status, again.body.len()), (304, 0));
}

#[tokio::test]
async fn a_key_reaches_the_vendor_and_nobody_else() {
    let secret = Secret::new(CANARY);
    let answer =
        ask("/echo?regions=us", Some((KeyPlace::Query("apiKey"), &secret)), Validators::default()).await.unwrap();
    assert_eq!(answer.header("x-echo"), Some("whole"), "the key goes out percent-encoded");
    assert_eq!(answer.header("set-cookie"), None);
    assert!(!String::from_utf8_lossy(&answer.body).contains("canary"), "and an echo of it is masked");

    let plain = Secret::new("canary-plain-key");
    let answer = ask("/echo", Some((KeyPlace::Header("x-api-key"), &plain)), Validators::default()).await.unwrap();
    assert_eq!(answer.header("x-echo"), Some("whole"));
    let shown = format!("{answer:?} {}", String::from_utf8_lossy(&answer.body));
    assert!(!shown.contains("canary-plain-key") && shown.contains("****************"), "{shown}");
    for path in ["/slow", "/cut", "/bomb", "/away"] {
        let error = ask(path, Some((KeyPlace::Query("key"), &plain)), Validators::default()).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    }
    let call = Call { address: "x", key: Some((KeyPlace::Query("k"), &plain)), validators: Validators::default() };
    assert!(!format!("{call:?}").contains("canary"));
}

#[tokio::test]
async fn a_vendors_name_that_resolves_to_this_machine_is_refused_before_anything_is_sent() {
    let reach = Reach::Vendor(vec!["localhost".to_owned()]);
    let Ok(outbound) = Outbound::new(reach, LIMITS) else { return };
    let call = Call { address: "https://localhost/", key: None, validators: Validators::default() };
    let error = outbound.get(&call).await.unwrap_err().to_string();
    assert!(error.contains("no public address; nothing was sent"), "{error}");
}
