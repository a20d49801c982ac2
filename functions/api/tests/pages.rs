//! The page and its assets, the headers on everything, and the OpenAPI document against the router.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use axum::body::Body;
use axum::http::{Method, Request};
use support::{Board, body};
use touchline_api::router;
use tower::ServiceExt;

const ASSETS: [&str; 13] = [
    "app.js",
    "board.js",
    "charts.js",
    "games.js",
    "lines.js",
    "parts.js",
    "trades.js",
    "reference.js",
    "style.css",
    "charts.css",
    "icon.svg",
    "plotly-basic.min.js",
    "plotly-basic.LICENSE",
];

#[tokio::test]
async fn everything_the_page_names_is_served_from_here() {
    let board = Board::new();
    for page in ["/", "/docs"] {
        let html = body(board.get(page).await).await;
        // No inline script or style, nothing from another host: the policy would stop it, visibly broken.
        assert!(!html.contains("<style") && !html.contains(" style=") && !html.contains(" onclick"), "{page}");
        assert!(!html.contains("http://") && !html.contains("https://"), "{page}");
        for reference in html.split(['"', '\'']).filter(|text| text.starts_with("/assets/")) {
            assert_eq!(board.get(reference).await.status(), 200, "{reference} of {page}");
        }
    }
    for script in ASSETS {
        let response = board.get(&format!("/assets/{script}")).await;
        assert_eq!(response.status(), 200, "{script}");
        let text = body(response).await;
        if script.starts_with("plotly") {
            continue;
        }
        for module in text.split(['\'', '"']).filter(|part| part.starts_with("./")) {
            assert_eq!(board.get(&module.replace("./", "/assets/")).await.status(), 200, "{module} of {script}");
        }
        for way_to_markup in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
            assert!(!text.contains(way_to_markup), "{script} uses {way_to_markup}");
        }
    }
}

#[tokio::test]
async fn every_panel_a_script_asks_for_is_on_the_page() {
    let board = Board::new();
    let html = body(board.get("/").await).await;
    for panel in ["live-status", "games", "line-path", "trade-windows", "anomalies", "accounting"] {
        assert!(html.contains(&format!("id=\"{panel}\"")), "{panel}");
    }
    for script in ["app.js", "games.js", "lines.js", "trades.js"] {
        let text = body(board.get(&format!("/assets/{script}")).await).await;
        for asked in text.split("$('#").skip(1) {
            let id = asked.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-').next().unwrap();
            assert!(html.contains(&format!("id=\"{id}\"")), "{script} asks for #{id}");
        }
    }
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let board = Board::new();
    for path in ["/", "/assets/app.js", "/v1/games", "/v1/live", "/nowhere", "/v1/windows", "/openapi.json"] {
        let response = board.get(path).await;
        let headers = response.headers();
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'self'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(
            (&headers["x-content-type-options"], &headers["referrer-policy"]),
            (&"nosniff".parse().unwrap(), &"no-referrer".parse().unwrap()),
            "{path}"
        );
    }
}

#[tokio::test]
async fn only_reading_is_allowed() {
    let board = Board::new();
    for path in ["/v1/games", "/", "/v1/live"] {
        let request = Request::builder().method(Method::POST).uri(path).body(Body::empty()).unwrap();
        let response = router(board.context()).oneshot(request).await.unwrap();
        assert_eq!(
            (response.status().as_u16(), &response.headers()["content-type"]),
            (405, &"application/problem+json".parse().unwrap())
        );
    }
}

#[tokio::test]
async fn the_openapi_document_and_the_router_name_the_same_addresses() {
    let board = Board::new();
    let document = board.json("/openapi.json").await;
    let described: Vec<&str> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    // The router does not tell its routes; its source does.
    let source = include_str!("../src/lib.rs");
    let mut routed: Vec<&str> = source
        .split(".route(\"")
        .skip(1)
        .filter_map(|route| route.split('"').next())
        .filter(|path| path.starts_with("/v1/") || *path == "/health")
        .collect();
    routed.sort_unstable();
    assert_eq!(described, routed);
    for (path, item) in document["paths"].as_object().unwrap() {
        assert!(item["get"]["summary"].is_string(), "{path} has no summary");
        for parameter in item["get"]["parameters"].as_array().into_iter().flatten() {
            assert!(parameter["description"].is_string(), "{path}: {parameter} has no description");
        }
    }
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for name in ["Problem", "Window", "Game", "OddsEvent", "Account"] {
        assert!(schemas.contains_key(name), "{name} is missing in {:?}", schemas.keys());
    }
}

#[tokio::test]
async fn problem_types_lead_to_an_explanation() {
    let board = Board::new();
    let problem = board.problem("/v1/windows", 400).await;
    let page = body(board.get(problem["type"].as_str().unwrap()).await).await;
    assert_eq!(page.trim(), problem["title"].as_str().unwrap());
    assert_eq!(board.get("/problems/unheard-of").await.status(), 404);
}
