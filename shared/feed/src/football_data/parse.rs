//! Rows to events: `fixture`, the final `score_update` with both halves, the match's statistics, every book's prices.
//! FBD-3: a row without its match is one reject; a bad price is a reject of its own and the other prices are taken.
//! FBD-4: closing prices have the time of kick-off, the others that of the vendor's last collection before it.
//! FBD-5: the best and the mean price of the market are quotes too, of "books" named as the vendor does: `BbMx`, `Avg`.
//! Reads no counts of books (`Bb1X2`, `BbOU`, `BbAH`): they price nothing.

use touchline_event::{Fixture, OddsQuote, Other, ScoreUpdate, Side};

use super::payload::{Match, is_table, team};
use super::table::{Kind, Moment, Prices, STATISTICS, prices_of};
use crate::odds::is_price;
use crate::raw::{Fault, Precision};
use crate::rows::{Row, Table, wrong_vendor};
use crate::run::{Context, Run, Subject};
use crate::{Document, Parsed, RejectReason, Session};

const SOURCE: &str = "football-data";

/// One table of a league's season.
pub fn parse(document: Document<'_>, _session: &mut Session) -> Parsed {
    let mut run = Run::new(SOURCE, document.received_at_ms);
    let table = Table::read(document.bytes);
    if is_table(table.names()) {
        let prices = prices_of(table.names());
        table.each(&mut run, |row, run| game(row, &prices, table.names(), run));
    } else {
        let expected = "football-data.co.uk's results, whose header has Div, Date, HomeTeam, AwayTeam";
        run.parsed.rejects.push(wrong_vendor(document.bytes, expected));
    }
    run.parsed
}

fn game(row: &Row<'_>, prices: &[Prices], names: &[String], run: &mut Run) -> Result<(), Fault> {
    let game = Match::read(row)?;
    let subject = Subject {
        sport: Some("soccer".to_owned()),
        league: Some(game.league.clone()),
        game_id: Some(game.id.clone()),
        ..Subject::default()
    };
    let at_ms = run.not_after_receipt(game.starts_at_ms);
    let fixture = Fixture {
        home: team(game.home),
        away: team(game.away),
        starts_at_ms: Some(at_ms),
        status: game.status(),
        status_detail: None,
        venue: None,
        is_neutral_site: None,
    };
    run.event(subject.clone(), at_ms, "match", fixture, Context::default());
    if let Err(fault) = score(row, &game, &subject, run) {
        row.reject(fault, run);
    }
    statistics(row, &subject, at_ms, run)?;
    for one in prices {
        quotes(row, &game, one, names, &subject, run);
    }
    Ok(())
}

fn score(row: &Row<'_>, game: &Match<'_>, subject: &Subject, run: &mut Run) -> Result<(), Fault> {
    let Some([home_score, away_score]) = game.score else { return Ok(()) };
    let periods = game.halves().unwrap_or_default();
    if periods.iter().flatten().any(|goals| *goals < 0) {
        let message = "the score at half time is higher than the final one";
        return Err(row.fault(RejectReason::OutOfRange, "HTHG", message));
    }
    let score = ScoreUpdate { home_score, away_score, status: game.status(), periods };
    run.event(subject.clone(), run.not_after_receipt(game.starts_at_ms), "score", score, Context::default());
    Ok(())
}

/// Shots, corners, fouls, cards and the referee, under the vendor's own names.
fn statistics(row: &Row<'_>, subject: &Subject, at_ms: i64, run: &mut Run) -> Result<(), Fault> {
    let mut content = serde_json::Map::new();
    for column in STATISTICS {
        if let Some(text) = row.get(column)? {
            content.insert(column.to_owned(), text.parse::<i64>().map_or_else(|_| text.into(), Into::into));
        }
    }
    if !content.is_empty() {
        let other = Other { vendor_kind: "match_statistics".to_owned(), content: content.into() };
        run.event(subject.clone(), at_ms, "match_statistics", other, Context::default());
    }
    Ok(())
}

fn quotes(row: &Row<'_>, game: &Match<'_>, prices: &Prices, names: &[String], subject: &Subject, run: &mut Run) {
    let (market, outcomes, signs): (&str, Vec<&str>, [i64; 3]) = match prices.kind {
        Kind::H2h => ("h2h", vec![game.home, "Draw", game.away], [0; 3]),
        Kind::Totals(_) => ("totals", vec!["Over", "Under"], [1; 3]),
        Kind::Handicap(_) => ("spreads", vec![game.home, game.away], [1, -1, 0]),
    };
    let line = match prices.kind {
        Kind::H2h => Ok(None),
        Kind::Totals(total_e2) => Ok(Some(total_e2)),
        Kind::Handicap(place) => handicap(row, place, names),
    };
    let line = match line {
        Ok(line) => line,
        Err(fault) => return row.reject(fault, run),
    };
    for ((place, outcome), sign) in prices.places.iter().zip(outcomes).zip(signs) {
        let price_e6 = match price(row, *place, &names[*place]) {
            Ok(Some(price_e6)) => price_e6,
            Ok(None) => continue,
            Err(fault) => {
                row.reject(fault, run);
                continue;
            }
        };
        let (moment, at_ms) = match prices.moment {
            Moment::Closing => ("close", game.starts_at_ms),
            Moment::Collected => ("collected", game.collected_at_ms()),
        };
        let quote = OddsQuote {
            book: prices.book.clone(),
            market: market.to_owned(),
            outcome: outcome.to_owned(),
            point_e2: line.map(|line| sign * line),
            price_e6,
            side: Side::Back,
            size_e2: None,
        };
        let name = format!("{moment}:{}:{market}:{outcome}:{:?}", prices.book, quote.point_e2);
        run.event(subject.clone(), run.not_after_receipt(at_ms), &name, quote, Context::default());
    }
}

/// The handicap of the home side; without one the prices are of nothing known.
fn handicap(row: &Row<'_>, place: Option<usize>, names: &[String]) -> Result<Option<i64>, Fault> {
    const WHAT: &str = "a handicap such as -0.25";
    let Some(place) = place else { return Ok(None) };
    let Some(text) = row.at(place)? else { return Ok(None) };
    row.number::<2>(&names[place], text, WHAT, Precision::Exact).map(Some)
}

/// An empty field and a nought are no price.
fn price(row: &Row<'_>, place: usize, column: &str) -> Result<Option<i64>, Fault> {
    const WHAT: &str = "decimal odds above 1";
    let Some(text) = row.at(place)? else { return Ok(None) };
    let price_e6 = row.number::<6>(column, text, WHAT, Precision::Rounded)?;
    if price_e6 == 0 {
        return Ok(None);
    }
    if !is_price(price_e6) {
        return Err(row.fault(RejectReason::OutOfRange, column, format!("found {text}; expected {WHAT}")));
    }
    Ok(Some(price_e6))
}
