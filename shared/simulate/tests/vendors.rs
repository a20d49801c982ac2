//! Each vendor answers as its page says: keys, limits, what is known at an instant; and our own parsers take every answer.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use serde_json::Value;
use support::Desk;
use touchline_event::parse_utc_ms;
use touchline_feed::{Document, Session, Source, parse};
use touchline_simulate::{Settings, WRONG_KEY};

const KICK_OFF: &str = "2026-07-04T17:00:00Z";
const NFL_ODDS: &str = "/the-odds-api/v4/sports/americanfootball_nfl/odds?apiKey=k&regions=us&markets=spreads";
const NFL_SUMMARY: &str = "/espn/apis/site/v2/sports/football/nfl/summary?event=401547505";

fn desk() -> Desk {
    Desk::at(KICK_OFF, Settings::default())
}

/// Status, and where an error says what it is.
async fn check(desk: &Desk, path: &str, status: u16, pointer: &str, expected: &str) {
    let got = desk.get(path).await;
    assert_eq!(got.status, status, "{path}: {}", String::from_utf8_lossy(&got.body));
    let json = got.json();
    let found = json.pointer(pointer).unwrap_or_else(|| panic!("{path}: no {pointer} in {json}"));
    assert!(found.to_string().contains(expected), "{path}: {found}");
}

#[tokio::test]
async fn keys_are_asked_for_as_each_vendor_does() {
    let desk = desk();
    for (path, key, status, pointer, missing, wrong) in [
        ("/the-odds-api/v4/sports", "apiKey", 401, "/error_code", "MISSING_KEY", "INVALID_KEY"),
        ("/openweather/data/2.5/weather?q=x", "appid", 401, "/cod", "401", "401"),
        ("/newsapi/v2/everything?q=x", "apiKey", 401, "/code", "apiKeyMissing", "apiKeyInvalid"),
        ("/gnews/api/v4/search?q=x", "apikey", 401, "/errors/0", "did not provide", "invalid"),
        ("/sportmonks/v3/football/livescores", "api_token", 401, "/message", "Unauthenticated", "Unauthenticated"),
    ] {
        check(&desk, path, status, pointer, missing).await;
        let mark = if path.contains('?') { '&' } else { '?' };
        check(&desk, &format!("{path}{mark}{key}={WRONG_KEY}"), status, pointer, wrong).await;
    }
    let got = desk.get("/sportradar/nba/trial/v8/en/games/x/pbp.json").await;
    assert_eq!((got.status, got.header("x-mashery-error-code")), (403, "ERR_403_DEVELOPER_INACTIVE"));
    assert_eq!(desk.get("/espn/apis/site/v2/sports/football/nfl/scoreboard").await.status, 200);
}

#[tokio::test]
async fn odds_cost_markets_times_regions_until_the_month_is_used_up() {
    let desk = Desk::at("2026-07-04T18:00:00Z", Settings { odds_credits: 10, ..Settings::default() });
    let credits = async |path: &str| {
        let got = desk.get(path).await;
        let headers =
            ["x-requests-last", "x-requests-used", "x-requests-remaining"].map(|name| got.header(name).to_owned());
        (got.status, headers.join(" "))
    };
    assert_eq!(credits("/the-odds-api/v4/sports?apiKey=k").await, (200, "0 0 10".to_owned()));
    assert_eq!(credits(NFL_ODDS).await, (200, "1 1 9".to_owned()));
    let mls = "/the-odds-api/v4/sports/soccer_usa_mls";
    assert_eq!(
        credits(&format!("{mls}/odds?apiKey=k&regions=uk,eu&markets=h2h,totals")).await,
        (200, "4 5 5".to_owned())
    );
    assert_eq!(credits(&format!("{mls}/odds?apiKey=k&regions=fire")).await, (422, "0 5 5".to_owned()));
    assert_eq!(credits(&format!("{mls}/scores?apiKey=k&daysFrom=1")).await, (200, "2 7 3".to_owned()));
    assert_eq!(credits("/the-odds-api/v4/sports/nothing/odds?apiKey=k&regions=us").await, (404, "0 7 3".to_owned()));
    let history =
        format!("/the-odds-api/v4/historical{}&date=2026-07-04T00:00:00Z", &NFL_ODDS["/the-odds-api/v4".len()..]);
    assert_eq!(credits(&history).await, (401, "0 7 3".to_owned()), "ten credits are not there");
    assert_eq!(credits(&NFL_ODDS.replace("=k", "=another")).await, (200, "1 1 9".to_owned()));
}

#[tokio::test]
async fn odds_are_those_of_the_last_poll_in_the_books_markets_and_format_asked_for() {
    let desk = Desk::at("2026-06-15T22:57:57Z", Settings::default());
    assert_eq!(desk.get(NFL_ODDS).await.json(), serde_json::json!([]), "nothing is known before the first poll");
    desk.advance_s(1);
    let first = desk.get(NFL_ODDS).await.json();
    let price = |body: &Value| body[0]["bookmakers"][0]["markets"][0]["outcomes"][0]["price"].clone();
    assert_eq!((first.as_array().unwrap().len(), price(&first)), (4, serde_json::json!(1.98)));
    assert_eq!(price(&desk.get(&format!("{NFL_ODDS}&oddsFormat=american")).await.json()), serde_json::json!(-102));
    let one = desk.get(&NFL_ODDS.replace("regions=us", "bookmakers=betus")).await.json();
    assert_eq!(one[0]["bookmakers"].as_array().unwrap().len(), 1);
    let id = first[0]["id"].as_str().unwrap();
    let event = NFL_ODDS.replace("/odds?", &format!("/events/{id}/odds?"));
    assert_eq!(desk.get(&event).await.json()["id"], id);
    assert_eq!(desk.get(&event.replace(id, "other")).await.status, 404);
    desk.advance_s(3_563);
    assert_ne!(desk.get(NFL_ODDS).await.json(), first, "the second poll");
}

#[tokio::test]
async fn history_gives_the_snapshot_of_a_date_and_its_neighbours_and_never_the_future() {
    let desk = Desk::at("2026-07-04T00:00:00Z", Settings::default());
    let at = async |date: &str| {
        let path = format!("/the-odds-api/v4/historical{}&date={date}", &NFL_ODDS["/the-odds-api/v4".len()..]);
        desk.get(&path).await
    };
    let got = at("2026-06-16T12:00:00Z").await;
    assert_eq!(got.header("x-requests-last"), "10");
    let body = got.json();
    assert_eq!(body["timestamp"], "2026-06-15T23:57:21Z");
    assert_eq!(body["previous_timestamp"], "2026-06-15T22:57:58Z");
    assert!(body["next_timestamp"].as_str().unwrap().starts_with("2026-06-25T18:30"), "{}", body["next_timestamp"]);
    assert_eq!(body["data"].as_array().unwrap().len(), 4);
    let last = at("2030-01-01T00:00:00Z").await.json();
    assert!(
        last["timestamp"].as_str().unwrap() <= "2026-07-04T00:00:00Z" && last["next_timestamp"].is_null(),
        "{last}"
    );
    assert_eq!(at("2020-01-01T00:00:00Z").await.status, 404);
    assert_eq!(at("yesterday").await.status, 422);
}

#[tokio::test]
async fn a_game_is_told_as_it_stood_and_never_ahead() {
    let desk = Desk::at("2026-07-04T17:02:19Z", Settings::default());
    let competition = |body: &Value| body["header"]["competitions"][0].clone();
    let before = desk.get(NFL_SUMMARY).await.json();
    assert_eq!(competition(&before)["status"]["type"]["state"], "pre");
    assert!(before.get("drives").is_none() && competition(&before)["competitors"][0].get("winner").is_none());
    let mut last = (0, 0);
    for _ in 0..18 {
        desk.advance_s(600);
        let now_ms = desk.simulator.clock.moment().now_ms;
        let body = desk.get(NFL_SUMMARY).await.json();
        let drives = body["drives"]["previous"].as_array().unwrap();
        let plays: Vec<&Value> = drives.iter().flat_map(|drive| drive["plays"].as_array().unwrap()).collect();
        let is_known = |play: &&&Value| parse_utc_ms(play["wallclock"].as_str().unwrap_or(KICK_OFF)).unwrap() <= now_ms;
        assert!(plays.iter().filter(is_known).count() == plays.len(), "a play of the future");
        let score: i64 = competition(&body)["competitors"][0]["score"].as_str().unwrap().parse().unwrap();
        assert!(score >= last.0 && plays.len() >= last.1, "{score} {} after {last:?}", plays.len());
        last = (score, plays.len());
    }
    assert_eq!(last.0, 43, "the Cowboys' final score");
    let board = desk.get("/espn/apis/site/v2/sports/football/nfl/scoreboard").await.json();
    assert_eq!(board["events"][0]["status"]["type"]["name"], "STATUS_FINAL");
}

#[tokio::test]
async fn a_scoreboard_is_the_last_capture_and_dates_choose_its_games() {
    let board = "/espn/apis/site/v2/sports/soccer/fifa.world/scoreboard";
    let desk = Desk::at("2026-07-03T18:43:00Z", Settings::default());
    let status = async |path: String| {
        let body = desk.get(&path).await.json();
        let events = body["events"].as_array().unwrap().clone();
        events.iter().map(|event| event["status"]["type"]["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(status(format!("{board}?dates=20260703")).await[0], "STATUS_SCHEDULED");
    desk.advance_s(60);
    assert_eq!(status(format!("{board}?dates=20260703")).await[0], "STATUS_FIRST_HALF");
    assert_eq!(status(format!("{board}?dates=20250101")).await, Vec::<String>::new());
    assert!(status(board.to_owned()).await.len() > 4);
    assert_eq!(desk.get("/espn/apis/site/v2/sports/cricket/x/scoreboard").await.status, 404);
    assert_eq!(desk.get(&NFL_SUMMARY.replace("401547505", "1")).await.json()["code"], 404);
}

#[tokio::test]
async fn limits_refuse_with_the_time_to_wait_and_end() {
    let desk = desk();
    let radar = "/sportradar/nba/trial/v8/en/games/x/pbp.json?api_key=k";
    assert_eq!(desk.get(radar).await.status, 200);
    let refused = desk.get(radar).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "1"));
    desk.advance_s(1);
    assert_eq!(desk.get(radar).await.status, 200);
    let news = "/newsapi/v2/everything?q=x&apiKey=k";
    for _ in 0..100 {
        assert_eq!(desk.get(news).await.status, 200);
    }
    check(&desk, news, 429, "/code", "rateLimited").await;
    for _ in 0..60 {
        assert_eq!(desk.get("/openweather/data/2.5/weather?q=x&appid=k").await.status, 200);
    }
    check(&desk, "/openweather/data/2.5/weather?q=x&appid=k", 429, "/cod", "429").await;
    desk.advance_s(86_400);
    assert_eq!(desk.get(news).await.status, 200);
}

#[tokio::test]
async fn weather_is_in_the_units_asked_for_and_articles_appear_in_their_time() {
    let desk = desk();
    let temperature = async |units: &str| {
        let got = desk.get(&format!("/openweather/data/2.5/weather?lat=40.7&lon=-74&appid=k{units}")).await.json();
        assert_eq!(got["dt"], parse_utc_ms(KICK_OFF).unwrap() / 1_000);
        got["main"]["temp"].as_f64().unwrap()
    };
    assert_eq!(temperature("&units=metric").await, 27.44);
    assert_eq!(temperature("&units=imperial").await, 81.39);
    assert_eq!(temperature("").await, 300.59);
    for (path, status) in [("lat=91&lon=0", 400), ("q=nowhere", 404), ("", 400)] {
        assert_eq!(desk.get(&format!("/openweather/data/2.5/weather?appid=k&{path}")).await.status, status);
    }
    let listed = async || desk.get("/newsapi/v2/everything?q=x&apiKey=k").await.json()["totalResults"].as_i64();
    assert_eq!(listed().await, Some(1));
    desk.advance_s(1_200);
    assert_eq!(listed().await, Some(2));
    let page = desk.get("/newsapi/v2/everything?q=x&apiKey=k&pageSize=1&page=2").await.json();
    assert_eq!(page["articles"][0]["title"], "Headline 2");
}

#[tokio::test]
async fn included_members_are_there_only_if_they_are_included_and_calls_are_counted() {
    let desk = desk();
    let live = "/sportmonks/v3/football/livescores?api_token=k";
    let bare = desk.get(live).await.json();
    assert_eq!(bare["rate_limit"]["remaining"], 2_999);
    assert!(bare["data"][0].get("scores").is_none());
    let whole = desk.get(&format!("{live}&include=scores;participants;events.type")).await.json();
    assert_eq!(whole["rate_limit"]["remaining"], 2_998);
    assert!(["scores", "participants", "events"].iter().all(|name| whole["data"][0].get(name).is_some()));
    let fixture = &whole["data"][0];
    let starts_ms = fixture["starting_at_timestamp"].as_i64().unwrap() * 1_000;
    assert_eq!(parse_utc_ms(fixture["starting_at"].as_str().unwrap()), Some(starts_ms), "two spellings of one time");
    check(&desk, "/sportmonks/v3/football/fixtures/1?api_token=k", 200, "/message", "No result").await;
    check(&desk, "/sportmonks/v3/football/planets?api_token=k", 404, "/message", "does not exist").await;
}

#[tokio::test]
async fn a_timeline_grows() {
    let desk = desk();
    let path = "/sportradar/soccer/trial/v4/en/sport_events/sr:sport_event:22926007/timeline.json?api_key=k";
    let mut counts = Vec::new();
    for _ in 0..14 {
        desk.advance_s(600);
        let body = desk.get(path).await.json();
        counts.push((body["timeline"].as_array().unwrap().len(), body["sport_event_status"]["status"].to_string()));
    }
    assert!(counts.is_sorted_by_key(|(count, _)| *count) && counts[0].0 < counts[13].0, "{counts:?}");
    assert_eq!((counts[0].1.as_str(), counts[13].1.as_str()), ("\"live\"", "\"closed\""), "{counts:?}");
}

#[tokio::test]
async fn our_parsers_take_every_answer_and_its_times_are_the_match_days() {
    let desk = Desk::at("2026-07-04T16:30:00Z", Settings::default());
    desk.advance_s(7_200);
    let now_ms = desk.simulator.clock.moment().now_ms;
    for (source, path) in [
        (Source::Espn, "/apis/site/v2/sports/soccer/fifa.world/scoreboard"),
        (Source::Espn, "/apis/site/v2/sports/football/nfl/scoreboard"),
        (Source::Espn, "/apis/site/v2/sports/football/nfl/summary?event=401547505"),
        (Source::Espn, "/apis/site/v2/sports/basketball/nba/summary?event=401585135"),
        (Source::Espn, "/apis/site/v2/sports/baseball/mlb/scoreboard"),
        (Source::TheOddsApi, "/v4/sports?apiKey=k"),
        (Source::TheOddsApi, "/v4/sports/soccer_usa_mls/odds?apiKey=k&regions=us,uk,eu&markets=h2h,spreads,totals"),
        (Source::TheOddsApi, "/v4/sports/americanfootball_nfl/events?apiKey=k"),
        (Source::TheOddsApi, "/v4/sports/basketball_wnba/scores?apiKey=k"),
        (Source::OpenWeather, "/data/2.5/weather?q=x&appid=k&units=metric"),
        (Source::OpenWeather, "/data/2.5/forecast?q=x&appid=k&units=metric"),
        (Source::OpenWeather, "/data/3.0/onecall?lat=1&lon=2&appid=k&units=metric"),
        (Source::NewsApi, "/v2/everything?q=x&apiKey=k"),
        (Source::GNews, "/api/v4/search?q=x&apikey=k"),
        (
            Source::SportMonks,
            "/v3/football/livescores?api_token=k&include=scores;participants;events;state;periods;odds",
        ),
        (Source::Sportradar, "/soccer/trial/v4/en/sport_events/sr:sport_event:22926007/timeline.json?api_key=k"),
        (Source::Sportradar, "/nfl/official/trial/v7/en/games/x/pbp.json?api_key=l"),
    ] {
        let got = desk.get(&format!("/{}{path}", source.as_str())).await;
        assert_eq!(got.status, 200, "{path}");
        let document = Document { bytes: &got.body, received_at_ms: Some(now_ms), origin: path };
        let parsed = parse(source, document, &mut Session::default());
        assert!(!parsed.events.is_empty() && parsed.rejects.is_empty(), "{path}: {:?}", parsed.rejects);
        let newest_ms = parsed.events.iter().map(|event| event.timestamp_ms).max().unwrap();
        assert!(
            newest_ms <= now_ms && newest_ms > now_ms - 4 * 3_600_000,
            "{path}: newest {} s ago",
            (now_ms - newest_ms) / 1_000
        );
    }
}
