//! The lists over panes that the real step built: happy paths, paging, and what is refused.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use support::{Board, PANE_MS, START_MS};
use touchline_event::{GameStatus, Side};
use touchline_metric::Family;
use touchline_store::watermarks;

const MINUTE: i64 = PANE_MS;

async fn traded_board() -> Board {
    let mut board = Board::new();
    for minute in 0..10 {
        let at = START_MS + minute * MINUTE;
        board.trade("AAPL", at + 1_000, 10_000_000_000 + minute * 100_000_000, 100 * 100_000_000).await;
        board.trade("AAPL", at + 2_000, 10_100_000_000 + minute * 100_000_000, 300 * 100_000_000).await;
    }
    board
}

#[tokio::test]
async fn windows_are_merged_from_panes_with_decimal_strings() {
    let board = traded_board().await;
    let page = board.json("/v1/windows?family=trades&entity=finnhub:AAPL&size=5m&order=oldest").await;
    assert_eq!(page["values"].as_array().unwrap().len(), 2);
    assert_eq!(page["next"], serde_json::Value::Null);
    let first = &page["values"][0];
    assert_eq!(
        (&first["start_at"], &first["end_at"]),
        (&"2023-10-29T17:00:00.000Z".into(), &"2023-10-29T17:05:00.000Z".into())
    );
    let figures = &first["figures"];
    assert_eq!((&figures["trade_count"], &figures["volume"]), (&10.into(), &"2000".into()));
    // Per minute m: 100 @ 100+m and 300 @ 101+m, so VWAP = 100.75 + mean(0..=4).
    assert_eq!(
        (&figures["vwap"], &figures["open"], &figures["close"]),
        (&"102.75".into(), &"100".into(), &"105".into())
    );
    assert_eq!((&first["is_final"], &first["revision"], &first["event_count"]), (&false.into(), &0.into(), &10.into()));
    assert_eq!(first["as_of"], "2023-10-29T17:04:02.250Z");
}

#[tokio::test]
async fn a_window_is_final_only_when_its_panes_and_the_watermark_say_so() {
    let mut board = traded_board().await;
    let path = "/v1/windows?family=trades&entity=finnhub:AAPL&order=oldest&size=";
    board.finalise(Family::Trades, "finnhub:AAPL", START_MS + 5 * MINUTE).await;
    // The panes are final, but nobody has said yet that minutes without a pane will stay empty.
    assert_eq!(board.json(&format!("{path}5m")).await["values"][0]["is_final"], false);
    assert_eq!(board.json(&format!("{path}1m")).await["values"][0]["is_final"], true);
    watermarks::advance(board.store.as_ref(), "finnhub", &[(0, START_MS + 7 * MINUTE)]).await.unwrap();
    let values = board.json(&format!("{path}5m")).await["values"].clone();
    assert_eq!((&values[0]["is_final"], &values[0]["revision"]), (&true.into(), &1.into()));
    assert_eq!((&values[0]["state"], &values[1]["state"]), (&"final".into(), &"provisional".into()));
    assert_eq!(values[1]["is_final"], false);
    // A late trade corrects a final pane: revision 2.
    board.trade("AAPL", START_MS + 3_000, 10_000_000_000, 100_000_000).await;
    let corrected = board.json(&format!("{path}5m")).await["values"][0].clone();
    assert_eq!((&corrected["revision"], &corrected["state"]), (&2.into(), &"corrected".into()));
}

#[tokio::test]
async fn sliding_windows_keep_to_the_range_of_their_starts() {
    let board = traded_board().await;
    let path = "/v1/windows?family=trades&entity=finnhub:AAPL&size=3m&slide=1m&order=oldest";
    let page = board.json(&format!("{path}&from=2023-10-29T17:02:00Z&to=2023-10-29T17:04:00Z")).await;
    let starts: Vec<_> =
        page["values"].as_array().unwrap().iter().map(|row| row["start_at"].as_str().unwrap()).collect();
    assert_eq!(starts, ["2023-10-29T17:02:00.000Z", "2023-10-29T17:03:00.000Z"]);
    // The last one reaches beyond `to` and is whole all the same.
    assert_eq!(page["values"][1]["figures"]["trade_count"], 6);
}

#[tokio::test]
async fn pages_of_windows_follow_each_other_while_new_windows_open() {
    let mut board = traded_board().await;
    let path = "/v1/windows?family=trades&entity=finnhub:AAPL&limit=4";
    let first = board.json(path).await;
    assert_eq!(first["values"][0]["start_at"], "2023-10-29T17:09:00.000Z");
    board.trade("AAPL", START_MS + 10 * MINUTE, 100, 100).await;
    let next = first["next"].as_str().unwrap();
    let second = board.json(&format!("{path}&next={next}")).await;
    assert_eq!(second["values"][0]["start_at"], "2023-10-29T17:05:00.000Z");
    let last = board.json(&format!("{path}&next={}", second["next"].as_str().unwrap())).await;
    assert_eq!((last["values"].as_array().unwrap().len(), &last["next"]), (2, &serde_json::Value::Null));
}

#[tokio::test]
async fn windows_of_scores_and_odds_carry_their_own_figures() {
    let mut board = Board::new();
    board.score("1", START_MS, 7, 3, "12:00").await;
    board.quote(("espn", "1"), "draftkings", ("totals", Some(4550)), "Over", START_MS, 1_910_000).await;
    let scores = board.json("/v1/windows?family=scores&entity=espn:1").await;
    assert_eq!(scores["values"][0]["figures"]["lead"], 4);
    let odds = board.json("/v1/windows?family=odds&entity=espn:1%7Ctotals").await;
    let line = &odds["values"][0]["figures"]["lines"][0];
    assert_eq!((&line["close"], &line["point"], &line["book"]), (&"1.91".into(), &"45.5".into(), &"draftkings".into()));
    let entities = board.json("/v1/entities?family=odds").await;
    assert_eq!(entities["values"], serde_json::json!([{ "entity": "espn:1|totals", "source": "espn" }]));
}

#[tokio::test]
async fn an_entity_without_panes_has_an_empty_page() {
    let page = Board::new().json("/v1/windows?family=trades&entity=finnhub:NONE").await;
    assert_eq!(page, serde_json::json!({ "values": [], "next": null }));
}

#[tokio::test]
async fn anomalies_come_most_severe_first_with_a_reason() {
    let board = Board::new();
    board.anomaly("finnhub:AAPL", "volume_spike", START_MS, 5.2).await;
    board.anomaly("finnhub:MSFT", "volume_spike", START_MS + MINUTE, 9.9).await;
    board.anomaly("finnhub:MSFT", "volume_spike", START_MS + 2 * MINUTE, 3.5).await;
    let page = board.json("/v1/anomalies?limit=1").await;
    assert_eq!((&page["values"][0]["entity"], &page["values"][0]["severity"]), (&"finnhub:MSFT".into(), &9.9.into()));
    let next = page["next"].as_str().unwrap().replace('#', "%23");
    let rest = board.json(&format!("/v1/anomalies?next={next}")).await;
    assert_eq!(rest["values"][0]["explanation"], "volume 5.2x the mean of the previous 20 windows (5200 against 1000)");
    assert_eq!(rest["values"].as_array().unwrap().len(), 2);
    assert_eq!(board.json("/v1/anomalies?min_severity=5").await["values"].as_array().unwrap().len(), 2);
    let newest = board.json("/v1/anomalies?order=newest&to=2023-10-29T17:02:00Z").await;
    assert_eq!(newest["values"][0]["start_at"], "2023-10-29T17:01:00.000Z");
}

#[tokio::test]
async fn a_game_shows_its_score_its_age_and_both_chances() {
    let mut board = Board::new();
    board.fixture("espn", "401547505", "Buffalo Bills", "New York Jets", GameStatus::InProgress).await;
    board.fixture("the-odds-api", "e9", "Buffalo  BILLS", "New York Jets", GameStatus::Scheduled).await;
    board.score("401547505", START_MS + MINUTE, 7, 3, "9:41").await;
    board.play("401547505", START_MS + 2 * MINUTE, 7, 10, 4_130).await;
    for (outcome, price) in [("Buffalo Bills", 2_000_000), ("New York Jets", 2_000_000)] {
        board.quote(("the-odds-api", "e9"), "pinnacle", ("h2h", None), outcome, START_MS, price).await;
    }
    *board.now_ms.write().unwrap() = START_MS + 2 * MINUTE + 12_000;
    let page = board.json("/v1/games?status=live").await;
    assert_eq!(page["values"].as_array().unwrap().len(), 1);
    let game = &page["values"][0];
    assert_eq!((&game["home"]["name"], &game["home"]["score"]), (&"Buffalo Bills".into(), &7.into()));
    assert_eq!((&game["away"]["score"], &game["lead_change_count"]), (&10.into(), &1.into()));
    assert_eq!((&game["period"], &game["game_clock"], &game["age_ms"]), (&3.into(), &"4:12".into(), &12_000.into()));
    assert_eq!(game["home_win_probability"], 0.413);
    assert_eq!((&game["market"]["home"], &game["market"]["book_count"]), (&0.5.into(), &1.into()));
    assert_eq!(game["same_game"], serde_json::json!(["the-odds-api:e9"]));
    assert_eq!(game["odds_events"], serde_json::json!(["the-odds-api:e9"]));
    assert_eq!(board.json("/v1/games?league=nba").await["values"], serde_json::json!([]));
}

#[tokio::test]
async fn a_kept_game_is_read_again_as_soon_as_the_hub_is_told() {
    let mut board = Board::new();
    let context = board.context();
    let tell = |board: &Board| {
        board.hub.publish(touchline_api::LiveChange::Pane {
            family: Family::Scores,
            entity: "espn:1".into(),
            pane_start_ms: START_MS,
            is_final: false,
            revision: 0,
        });
    };
    let home_score = async || {
        let request = axum::http::Request::get("/v1/games").body(axum::body::Body::empty()).unwrap();
        let response = tower::ServiceExt::oneshot(touchline_api::router(context.clone()), request).await.unwrap();
        let page: serde_json::Value = serde_json::from_str(&support::body(response).await).unwrap();
        page["values"][0]["home"]["score"].clone()
    };
    board.score("1", START_MS, 0, 0, "15:00").await;
    // Nobody has told of this game in this process: another one may write, so nothing is kept.
    assert_eq!(home_score().await, 0);
    board.score("1", START_MS + 1_000, 3, 0, "14:00").await;
    assert_eq!(home_score().await, 3);
    tell(&board);
    assert_eq!(home_score().await, 3);
    board.score("1", START_MS + 2_000, 10, 0, "13:00").await;
    assert_eq!(home_score().await, 3);
    tell(&board);
    assert_eq!(home_score().await, 10);
}

#[tokio::test]
async fn odds_compare_books_at_the_same_point_only() {
    let mut board = Board::new();
    let event = ("the-odds-api", "e1");
    let quotes = [
        ("a", 4550, "Over", 0, 1_900_000),
        ("a", 4550, "Under", 0, 1_900_000),
        ("b", 4550, "Over", 0, 2_000_000),
        ("b", 4550, "Under", 0, 1_800_000),
        ("c", 4550, "Over", 0, 5_000_000),
        ("c", 4550, "Under", 0, 1_100_000),
        ("c", 4750, "Over", 60_000, 1_950_000),
        ("c", 4750, "Under", 60_000, 1_850_000),
        ("a", 4550, "Over", 60_000, 1_950_000),
    ];
    for (book, point, outcome, after_ms, price) in quotes {
        board.quote(event, book, ("totals", Some(point)), outcome, START_MS + after_ms, price).await;
    }
    let found = board.json("/v1/odds/the-odds-api:e1").await;
    let points = found["markets"][0]["points"].as_array().unwrap();
    assert_eq!((points.len(), &points[0]["point"]), (2, &"45.5".into()));
    // Book c has moved to 47.5: its old 5.00 is neither best nor part of the consensus.
    assert_eq!(points[0]["best"][0], serde_json::json!({ "outcome": "Over", "book": "b", "price": "2" }));
    assert_eq!(points[0]["consensus"][0]["book_count"], 2);
    let book_c = points[0]["books"].as_array().unwrap().iter().find(|book| book["book"] == "c").unwrap();
    assert_eq!((&book_c["quotes"][0]["is_current"], &book_c["overround"]), (&false.into(), &serde_json::Value::Null));
    let quote = &points[0]["books"][0]["quotes"][0];
    assert_eq!((&quote["price"], &quote["open"], &quote["move_count"]), (&"1.95".into(), &"1.9".into(), &1.into()));
    assert_eq!(
        quote["path"],
        serde_json::json!([
            { "at": "2023-10-29T17:00:00.000Z", "price": "1.9" },
            { "at": "2023-10-29T17:01:00.000Z", "price": "1.95" },
        ])
    );
    let overround = points[0]["books"][0]["overround"].as_f64().unwrap();
    assert!((overround - (1.0 / 1.95 + 1.0 / 1.9 - 1.0)).abs() < 1e-12);
}

#[tokio::test]
async fn exchange_odds_show_status_and_what_was_matched() {
    let mut board = Board::new();
    let event = ("betfair", "1.2");
    board.quote(event, "betfair_ex", ("h2h", None), "Bills", START_MS, 2_000_000).await;
    board.traded(event, "Bills", START_MS, 2_000_000, 3_000).await;
    board.traded(event, "Bills", START_MS, 4_000_000, 1_000).await;
    board.market_status(event, START_MS, "suspended").await;
    let market = &board.json("/v1/odds/betfair:1.2").await["markets"][0];
    assert_eq!(market["traded"], serde_json::json!([{ "outcome": "Bills", "volume": "40", "vwap_odds": "2.5" }]));
    assert_eq!((&market["status"]["status"], &market["status"]["is_in_play"]), (&"suspended".into(), &true.into()));
    assert_eq!(market["points"][0]["books"][0]["quotes"][0]["side"], Side::Back.as_str());
}

#[tokio::test]
async fn accounting_adds_up_per_source() {
    let board = traded_board().await;
    let accounting = board.json("/v1/accounting").await;
    assert_eq!((&accounting["values"][0]["applied"], &accounting["values"][0]["adds_up"]), (&20.into(), &true.into()));
    assert_eq!(
        accounting["sentence"],
        "All 20 events offered by 1 source are accounted for: none lost, none counted twice."
    );
}

#[tokio::test]
async fn health_names_every_source_and_how_far_it_is() {
    let mut board = traded_board().await;
    board.score("1", START_MS, 0, 0, "15:00").await;
    watermarks::advance(board.store.as_ref(), "finnhub", &[(0, START_MS)]).await.unwrap();
    let health = board.json("/health").await;
    assert_eq!((&health["status"], &health["version"]), (&"ok".into(), &env!("CARGO_PKG_VERSION").into()));
    assert_eq!(
        (&health["sources"][0]["source"], &health["sources"][0]["watermark_at"]),
        (&"espn".into(), &serde_json::Value::Null)
    );
    assert_eq!(health["sources"][1]["watermark_age_ms"], 3_600_000);
}

#[tokio::test]
async fn bad_parameters_are_refused_by_name_with_a_remedy() {
    let board = traded_board().await;
    for (path, parameter) in [
        ("/v1/windows?entity=finnhub:AAPL", "family"),
        ("/v1/windows?family=trades", "entity"),
        ("/v1/windows?family=shares&entity=x", "family"),
        ("/v1/windows?family=trades&entity=x&size=90s", "size"),
        ("/v1/windows?family=trades&entity=x&size=1m&slide=3m", "slide"),
        ("/v1/windows?family=trades&entity=x&from=yesterday", "from"),
        ("/v1/windows?family=trades&entity=x&limit=1001", "limit"),
        ("/v1/windows?family=trades&entity=finnhub:AAPL&next=2020", "next"),
        ("/v1/windows?family=trades&entity=x&sise=5m", "sise"),
        ("/v1/anomalies?min_severity=NaN", "min_severity"),
        ("/v1/anomalies?order=size", "order"),
        ("/v1/games?status=sleeping", "status"),
        ("/v1/entities", "family"),
        ("/v1/accounting?verbose=1", "verbose"),
        ("/health?x=1", "x"),
    ] {
        let problem = board.problem(path, 400).await;
        assert_eq!(
            (&problem["type"], &problem["parameter"]),
            (&"/problems/bad-parameter".into(), &parameter.into()),
            "{path}"
        );
        assert!(!problem["remedy"].as_str().unwrap().is_empty(), "{path}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_too() {
    let board = Board::new();
    assert_eq!(board.problem("/v1/odds/espn:404", 404).await["value"], "espn:404");
    assert_eq!(board.problem("/v2/games", 404).await["type"], "/problems/not-found");
    assert_eq!(board.problem("/assets/..%2F..%2FCargo.toml", 404).await["type"], "/problems/not-found");
    assert_eq!(board.problem("/v1/odds/%FF", 404).await["type"], "/problems/not-found");
}

#[tokio::test]
async fn injection_strings_are_data_and_nothing_else() {
    let mut board = Board::new();
    let name = "<script>alert(1)</script>'; drop table games; --|#\u{0}../{{7*7}}";
    board.fixture("espn", "1", name, "Jets", GameStatus::InProgress).await;
    board.quote(("espn", "1"), name, ("h2h", None), name, START_MS, 2_000_000).await;
    // What a vendor says comes back as the same text, as JSON.
    assert_eq!(board.json("/v1/games").await["values"][0]["home"]["name"], name);
    assert_eq!(board.json("/v1/odds/espn:1").await["markets"][0]["points"][0]["books"][0]["book"], name);
    // What a caller says selects nothing and is repeated as JSON text only.
    let filters = [
        "%27%20or%201%3D1%20--",
        "%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        "pane%23live%230%23scores%23espn:1",
        "%00",
        "%2e%2e%2f",
    ];
    for filter in filters {
        assert_eq!(
            board.json(&format!("/v1/games?league={filter}")).await["values"],
            serde_json::json!([]),
            "{filter}"
        );
        let windows = board.json(&format!("/v1/windows?family=scores&entity={filter}")).await;
        assert_eq!(windows["values"], serde_json::json!([]), "{filter}");
        assert_eq!(board.problem(&format!("/v1/odds/{filter}"), 404).await["status"], 404);
        assert_eq!(board.problem(&format!("/v1/games?status={filter}"), 400).await["parameter"], "status");
    }
}

#[tokio::test]
async fn a_sealed_window_says_so() {
    let mut board = traded_board().await;
    board.finalise(Family::Trades, "finnhub:AAPL", START_MS + MINUTE).await;
    board.seal(Family::Trades, "finnhub:AAPL", START_MS).await;
    let values = board.json("/v1/windows?family=trades&entity=finnhub:AAPL&order=oldest").await["values"].clone();
    assert_eq!((&values[0]["state"], &values[0]["revision"]), (&"sealed".into(), &1.into()));
    assert_eq!(values[1]["state"], "provisional");
}
