//! What HTTP adds to an answer, and what faults do to it: entity tags, compression, broken bodies, one course by seed.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::collections::BTreeSet;
use std::io::Read as _;
use std::sync::Arc;

use proptest::prelude::*;
use support::Desk;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use touchline_event::parse_utc_ms;
use touchline_simulate::{Clock, FaultPlan, Server, Settings, Simulator};

const NOON: &str = "2026-07-04T18:00:00Z";
const BOARD: &str = "/espn/apis/site/v2/sports/soccer/fifa.world/scoreboard";
const ODDS: &str = "/the-odds-api/v4/sports/soccer_usa_mls/odds?apiKey=secret&regions=uk";

fn faulty(seed: u64, faults: &str) -> Settings {
    Settings { faults: FaultPlan::new(seed, faults.parse().unwrap()), odds_credits: 1_000_000, ..Settings::default() }
}

#[tokio::test]
async fn what_the_client_has_is_not_sent_again_until_it_changes() {
    let desk = Desk::at(NOON, Settings::default());
    let first = desk.get(BOARD).await;
    assert_eq!(first.header("date"), "Sat, 04 Jul 2026 18:00:00 GMT");
    assert_eq!(first.header("last-modified"), "Sat, 04 Jul 2026 17:56:00 GMT");
    for (name, value) in [("if-none-match", first.header("etag")), ("if-modified-since", first.header("last-modified"))]
    {
        let again = desk.get_with(BOARD, &[(name, value)]).await;
        assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, first.header("etag")), "{name}");
    }
    desk.advance_s(3_700);
    assert_eq!(desk.get_with(BOARD, &[("if-none-match", first.header("etag"))]).await.status, 200);
}

#[tokio::test]
async fn a_body_is_compressed_for_who_takes_it_and_is_the_same_body() {
    let desk = Desk::at(NOON, Settings::default());
    let plain = desk.get(BOARD).await;
    let packed = desk.get_with(BOARD, &[("accept-encoding", "gzip, br")]).await;
    assert_eq!((packed.header("content-encoding"), plain.header("content-encoding")), ("gzip", ""));
    assert!(packed.body.len() * 3 < plain.body.len());
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(packed.body.as_slice()).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, plain.body);
}

#[tokio::test]
async fn each_fault_looks_as_it_is_named_and_is_counted_without_the_key() {
    for (fault, is_struck) in [
        ("outage", (|status, body| status == 503 && body.starts_with("<html>")) as fn(u16, &str) -> bool),
        ("html", |status, body| (status == 502 || status == 200) && body.starts_with("<html>")),
        ("429", |status, body| status == 429 && body.contains("EXCEEDED_FREQ_LIMIT")),
        ("truncate", |status, body| status == 200 && serde_json::from_str::<serde_json::Value>(body).is_err()),
    ] {
        let desk = Desk::at(NOON, faulty(5, &format!("{fault}=1")));
        for _ in 0..8 {
            let got = desk.get(ODDS).await;
            let body = String::from_utf8_lossy(&got.body);
            assert!(is_struck(got.status, &body), "{fault}: {} {body:.80}", got.status);
            assert_eq!(got.header("retry-after").is_empty(), fault != "429");
        }
        let status = desk.get("/simulator/status").await.json();
        assert_eq!(status["counts"]["faults"]["the-odds-api"][fault], 8);
        let told = status["counts"]["last_faults"].to_string();
        assert!(told.contains(fault) && told.contains("soccer_usa_mls") && !told.contains("secret"), "{told}");
    }
}

#[tokio::test]
async fn a_duplicate_is_the_answer_before_and_a_skewed_clock_is_minutes_off() {
    let desk = Desk::at("2026-07-04T17:05:00Z", faulty(4, "duplicate=0.5"));
    let path = "/espn/apis/site/v2/sports/football/nfl/summary?event=401547505";
    let mut bodies = Vec::new();
    for _ in 0..30 {
        desk.advance_s(60);
        bodies.push(desk.get(path).await.body);
    }
    let fresh: BTreeSet<&Vec<u8>> = bodies.iter().collect();
    let repeated = bodies.windows(2).filter(|pair| pair[0] == pair[1]).count();
    assert!(repeated >= 5 && fresh.len() >= 8, "{repeated} repeated, {} fresh", fresh.len());

    let desk = Desk::at(NOON, faulty(4, "clock-skew=1"));
    let honest = Desk::at(NOON, Settings::default());
    let board = honest.get(BOARD).await.json()["events"][0]["date"].as_str().and_then(parse_utc_ms).unwrap();
    let told: Vec<i64> = {
        let mut told = Vec::new();
        for _ in 0..10 {
            let body = desk.get(BOARD).await.json();
            told.push(body["events"][0]["date"].as_str().and_then(parse_utc_ms).unwrap() - board);
        }
        told
    };
    assert!(told.iter().all(|off| (60_000..=300_000).contains(&off.abs())), "{told:?}");
}

#[tokio::test]
async fn a_cut_body_breaks_the_connection_before_its_promised_end() {
    let clock = Clock::held(parse_utc_ms(NOON).unwrap());
    let simulator = Arc::new(Simulator::new(clock, faulty(1, "truncate=1")).unwrap());
    let server = Server::start(simulator, 0).await.unwrap();
    let mut broken = 0;
    for _ in 0..12 {
        let mut connection = tokio::net::TcpStream::connect(server.address).await.unwrap();
        let request = format!("GET {BOARD} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut raw = Vec::new();
        // A reset may come in place of an end: both are what a client sees.
        let _ = connection.read_to_end(&mut raw).await;
        let text = String::from_utf8_lossy(&raw);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let promised = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        broken += usize::from(promised.is_some_and(|promised| promised > body.len()));
    }
    assert!((1..12).contains(&broken), "{broken} of 12");
}

#[tokio::test]
async fn nothing_is_served_that_is_not_there() {
    let desk = Desk::at(NOON, Settings::default());
    assert_eq!(desk.get("/nobody/v1/x").await.status, 404);
    let listed = desk.get("/simulator/endpoints").await.json();
    assert!(listed.as_array().unwrap().len() > 20);
}

/// Statuses and bodies of a run.
async fn course(seed: u64, steps: &[(usize, u8)]) -> Vec<(u16, Vec<u8>)> {
    let desk = Desk::at(NOON, faulty(seed, "outage=0.2,truncate=0.1,html=0.1,429=0.1,duplicate=0.2,clock-skew=0.2"));
    let paths =
        [BOARD, ODDS, "/newsapi/v2/everything?q=x&apiKey=k", "/sportradar/nba/t/v8/en/games/x/pbp.json?api_key=k"];
    let mut course = Vec::new();
    for (path, seconds) in steps {
        desk.advance_s(i64::from(*seconds));
        let got = desk.get(paths[path % paths.len()]).await;
        course.push((got.status, got.body));
    }
    course
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn one_seed_and_one_course_give_the_same_bytes(
        seed in any::<u64>(),
        steps in prop::collection::vec((0_usize..4, 0_u8..60), 1..12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (one, two) = runtime.block_on(async { (course(seed, &steps).await, course(seed, &steps).await) });
        prop_assert_eq!(one, two);
    }
}
