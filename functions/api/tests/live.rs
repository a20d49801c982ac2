//! The event stream: what a reader sees, how it resumes, and what happens to one that is too slow.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::{Request, StatusCode};
use futures::StreamExt;
use support::{Board, START_MS};
use touchline_api::{ApiContext, LiveChange, READERS_MAX, router};
use touchline_metric::Family;
use tower::ServiceExt;

fn change(board: &Board, revision: u32) {
    board.hub.publish(LiveChange::Pane {
        family: Family::Trades,
        entity: "finnhub:AAPL".into(),
        pane_start_ms: START_MS,
        is_final: false,
        revision,
    });
}

async fn open(context: &ApiContext, last_event_id: Option<&str>) -> BodyDataStream {
    let mut request = Request::get("/v1/live");
    if let Some(id) = last_event_id {
        request = request.header("last-event-id", id);
    }
    let response = router(context.clone()).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    response.into_body().into_data_stream()
}

/// The next event as (name, id, data); `None` at the end of the stream.
async fn next(stream: &mut BodyDataStream) -> Option<(String, String, String)> {
    let chunk = tokio::time::timeout(Duration::from_secs(60), stream.next()).await.unwrap()?.unwrap();
    let text = String::from_utf8(chunk.to_vec()).unwrap();
    let field = |name: &str| {
        text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim_start_matches(": ").to_owned()
    };
    Some((field("event"), field("id"), field("data")))
}

#[tokio::test]
async fn a_reader_gets_hello_and_then_every_change_with_an_id() {
    let board = Board::new();
    let mut stream = open(&board.context(), None).await;
    let (name, hello_id, _) = next(&mut stream).await.unwrap();
    assert_eq!((name.as_str(), hello_id), ("hello", board.hub.id_of(0)));
    change(&board, 3);
    let (name, id, data) = next(&mut stream).await.unwrap();
    assert_eq!((name.as_str(), id), ("pane", board.hub.id_of(1)));
    let data: serde_json::Value = serde_json::from_str(&data).unwrap();
    assert_eq!(
        data,
        serde_json::json!({
            "family": "trades", "entity": "finnhub:AAPL", "start_at": "2023-10-29T17:00:00.000Z",
            "is_final": false, "revision": 3,
        })
    );
}

#[tokio::test]
async fn a_reader_that_comes_back_gets_what_it_missed_and_nothing_twice() {
    let board = Board::new();
    (1..=4).for_each(|revision| change(&board, revision));
    let mut stream = open(&board.context(), Some(&board.hub.id_of(2))).await;
    change(&board, 5);
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(next(&mut stream).await.unwrap().1);
    }
    // The hello repeats the id the reader came with, so that a cut right after it loses nothing either.
    assert_eq!(ids, [2, 3, 4, 5].map(|number| board.hub.id_of(number)));
}

#[tokio::test]
async fn an_unknown_or_too_old_id_means_reset() {
    let board = Board::new();
    (1..=100).for_each(|revision| change(&board, revision));
    for id in ["00000000-5", "nonsense", &board.hub.id_of(3), &board.hub.id_of(101)] {
        let mut stream = open(&board.context(), Some(id)).await;
        let (name, reset_id, data) = next(&mut stream).await.unwrap();
        assert_eq!((name.as_str(), reset_id), ("reset", board.hub.id_of(100)), "{id}");
        assert!(data.contains("fetch every list again"), "{data}");
    }
}

#[tokio::test]
async fn a_reader_that_falls_behind_is_dropped_with_a_word_and_the_hub_goes_on() {
    let board = Board::new();
    let context = board.context();
    let mut slow = open(&context, None).await;
    next(&mut slow).await.unwrap();
    (1..=1000).for_each(|revision| change(&board, revision));
    let (name, id, data) = next(&mut slow).await.unwrap();
    assert_eq!((name.as_str(), id), ("reset", board.hub.id_of(1000)));
    assert!(data.contains("you fell behind"), "{data}");
    assert_eq!(next(&mut slow).await, None);
    let mut fresh = open(&context, Some(&board.hub.id_of(1000))).await;
    assert_eq!(next(&mut fresh).await.unwrap().0, "hello");
}

#[tokio::test(start_paused = true)]
async fn a_quiet_stream_has_a_heartbeat_every_ten_seconds() {
    let board = Board::new();
    let mut stream = open(&board.context(), None).await;
    next(&mut stream).await.unwrap();
    let before = tokio::time::Instant::now();
    let (name, id, data) = next(&mut stream).await.unwrap();
    assert_eq!((name.as_str(), id.as_str()), ("heartbeat", ""));
    assert_eq!(before.elapsed().as_secs(), 10);
    assert!(data.contains("\"at\":\"2023-10-29T18:00:00.000Z\""), "{data}");
}

#[tokio::test]
async fn closing_the_hub_ends_the_streams_and_takes_no_new_one() {
    let board = Board::new();
    let mut stream = open(&board.context(), None).await;
    next(&mut stream).await.unwrap();
    board.hub.close();
    assert_eq!(next(&mut stream).await, None);
    assert_eq!(board.problem("/v1/live", 503).await["type"], "/problems/store-unavailable");
}

#[tokio::test]
async fn streams_have_a_limit_and_a_closed_one_makes_room() {
    let board = Board::new();
    let context = board.context();
    let mut streams = Vec::new();
    for _ in 0..READERS_MAX {
        streams.push(open(&context, None).await);
    }
    let refused = router(context.clone()).oneshot(Request::get("/v1/live").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (503, &"2".parse().unwrap()));
    streams.pop();
    let _room = open(&context, None).await;
}
