//! What is polled, as the API lists it: breakers with their history, ages, budgets with their alarms.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use support::{Board, START_MS};
use touchline_store::{CreditPeriod, CreditPlan, breakers, credits};

#[tokio::test]
async fn a_vendor_that_fails_is_shown_with_its_breaker_its_age_and_what_is_left_to_spend() {
    let board = Board::new();
    let page = "/v4/sports/nfl/odds?regions=us";
    breakers::update(&*board.store, "the-odds-api", page, |breaker| breaker.succeed(START_MS - 90_000)).await.unwrap();
    for n in 0..3 {
        let fail = |breaker: &mut touchline_store::Breaker| breaker.fail(START_MS + n, "status 503: <b>down</b>");
        breakers::update(&*board.store, "the-odds-api", page, fail).await.unwrap();
    }
    breakers::update(&*board.store, "espn", "/scoreboard", |breaker| breaker.succeed(START_MS)).await.unwrap();
    let refused = credits::update(&*board.store, "the-odds-api", |ledger| {
        ledger.roll(CreditPlan { credits: 100, period: CreditPeriod::Month, reserve: 10 }, START_MS);
        ledger.claim(90, false, START_MS).is_ok() && ledger.claim(1, false, START_MS).is_err()
    })
    .await
    .unwrap();
    assert!(refused);

    let values = board.json("/v1/vendors").await["values"].clone();
    assert_eq!((values[0]["source"].as_str(), values[0]["breaker"].as_str()), (Some("espn"), Some("closed")));
    assert!(values[0]["credits"].is_null());
    let odds = &values[1];
    assert_eq!((odds["page"].as_str(), odds["breaker"].as_str()), (Some(page), Some("open")));
    assert_eq!(odds["last_failure"], "status 503: <b>down</b>");
    assert_eq!(odds["history"].as_array().unwrap().len(), 1);
    assert!(odds["last_success_age_ms"].as_i64().unwrap() >= 90_000);
    let credits = &odds["credits"];
    assert_eq!((credits["left"].as_u64(), credits["refused_count"].as_u64()), (Some(10), Some(1)));
    assert!(credits["alarm"].as_str().unwrap().contains("only the reserve of 10"), "{credits}");
    assert!(credits["last_refusal"].as_str().unwrap().contains("10 are kept for closing captures"), "{credits}");
    assert_eq!(board.json("/v1/vendors?source=espn").await["values"].as_array().unwrap().len(), 1);
}
