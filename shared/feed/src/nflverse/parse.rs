//! Rows of `games.csv` to events: `fixture`, the final `score_update`, closing `odds_quote`s, `weather_observation`.
//! NFV-2: a row is taken whole or refused whole, but for a bad price or a bad sky, which are refused alone.
//! NFV-3: closing prices and weather have the time of kick-off: the vendor gives none, and it is what closing means;
//! before kick-off they have the time of receipt.
//! NFV-4: a line without a price is `other`: there is no quote to make of it.
//! Reads no rest days, quarterbacks, coaches or referees.

use touchline_event::{Fixture, OddsQuote, Other, ScoreUpdate, Side, WeatherObservation};

use super::payload::{COLUMNS, Game};
use super::table::{MARKETS, Market, is_indoor};
use crate::odds::{american_to_price_e6, is_price};
use crate::pitch::divide;
use crate::raw::{Fault, Precision};
use crate::rows::{Row, Table, wrong_vendor};
use crate::run::{Context, Run, Subject};
use crate::{Document, Parsed, RejectReason, Session};

const SOURCE: &str = "nflverse";
/// The vendor does not say whose the closing lines are.
const BOOK: &str = "nflverse";
/// Metres per second in 10^5 miles per hour.
const MPH_IN_MPS_E5: i64 = 44_704;

/// One table of games.
pub fn parse(document: Document<'_>, _session: &mut Session) -> Parsed {
    let mut run = Run::new(SOURCE, document.received_at_ms);
    let table = Table::read(document.bytes);
    if table.has_all(&COLUMNS) {
        table.each(&mut run, row);
    } else {
        let expected = "nflverse's games.csv, whose header has game_id, gameday, home_team, away_team";
        run.parsed.rejects.push(wrong_vendor(document.bytes, expected));
    }
    run.parsed
}

fn row(row: &Row<'_>, run: &mut Run) -> Result<(), Fault> {
    let game = Game::read(row)?;
    let subject = Subject {
        sport: Some("football".to_owned()),
        league: Some("nfl".to_owned()),
        game_id: Some(game.id.to_owned()),
        ..Subject::default()
    };
    let context = Context::default();
    let at_ms = run.not_after_receipt(game.starts_at_ms);
    let fixture = Fixture {
        home: game.home.clone(),
        away: game.away.clone(),
        starts_at_ms: Some(at_ms),
        status: game.status,
        status_detail: row.get("game_type")?.map(str::to_owned),
        venue: game.venue.clone(),
        is_neutral_site: game.is_neutral_site,
    };
    run.event(subject.clone(), at_ms, &format!("game:{}", game.id), fixture, context.clone());
    if let Some([home_score, away_score]) = game.score {
        let score = ScoreUpdate { home_score, away_score, status: game.status, periods: Vec::new() };
        run.event(subject.clone(), at_ms, &format!("score:{}", game.id), score, context.clone());
    }
    for market in &MARKETS {
        if let Err(fault) = quotes(row, &game, market, &subject, run) {
            row.reject(fault, run);
        }
    }
    match weather(row) {
        Ok(Some(weather)) => run.event(subject, at_ms, &format!("weather:{}", game.id), weather, context),
        Ok(None) => {}
        Err(fault) => row.reject(fault, run),
    }
    Ok(())
}

fn quotes(row: &Row<'_>, game: &Game<'_>, market: &Market, subject: &Subject, run: &mut Run) -> Result<(), Fault> {
    let line_e2 = match market.line {
        Some((column, _)) => row.scaled::<2>(column, "points", Precision::Exact)?,
        None => None,
    };
    let names: [&str; 2] =
        if market.market == "totals" { ["Over", "Under"] } else { [&game.away.name, &game.home.name] };
    if market.line.is_some() && line_e2.is_none() {
        return Ok(());
    }
    let mut priced_count = 0;
    for (index, column) in market.prices.into_iter().enumerate() {
        const WHAT: &str = "American odds of at most -100 or at least 100";
        let Some(american_e2) = row.scaled::<2>(column, WHAT, Precision::Rounded)? else { continue };
        let price_e6 = american_to_price_e6(american_e2);
        if !is_price(price_e6) {
            let message = format!("found {}; expected {WHAT}", row.get(column)?.unwrap_or_default());
            return Err(row.fault(RejectReason::OutOfRange, column, message));
        }
        priced_count += 1;
        let quote = OddsQuote {
            book: BOOK.to_owned(),
            market: market.market.to_owned(),
            outcome: names[index].to_owned(),
            point_e2: market.line.zip(line_e2).map(|((_, signs), line)| signs[index] * line),
            price_e6,
            side: Side::Back,
            size_e2: None,
        };
        let name = format!("close:{}:{}:{}", market.market, names[index], quote.point_e2.unwrap_or_default());
        run.event(subject.clone(), run.not_after_receipt(game.starts_at_ms), &name, quote, Context::default());
    }
    if let (0, Some((column, _)), Some(_)) = (priced_count, market.line, line_e2) {
        let content = serde_json::json!({ column: row.get(column)? });
        let other = Other { vendor_kind: column.to_owned(), content };
        run.event(subject.clone(), run.not_after_receipt(game.starts_at_ms), column, other, Context::default());
    }
    Ok(())
}

fn weather(row: &Row<'_>) -> Result<Option<WeatherObservation>, Fault> {
    let temperature_f_e2 = row.scaled::<2>("temp", "degrees Fahrenheit", Precision::Rounded)?;
    let wind_mph_e2 = row.scaled::<2>("wind", "miles per hour", Precision::Rounded)?;
    let is_indoor = row.get("roof")?.and_then(is_indoor);
    for (column, found, range) in [("temp", temperature_f_e2, -10_000..=15_000), ("wind", wind_mph_e2, 0..=25_000)] {
        if let Some(found) = found.filter(|found| !range.contains(found)) {
            let message = format!("found {}; expected a value that weather has had", found / 100);
            return Err(row.fault(RejectReason::OutOfRange, column, message));
        }
    }
    if temperature_f_e2.is_none() && wind_mph_e2.is_none() && is_indoor.is_none() {
        return Ok(None);
    }
    Ok(Some(WeatherObservation {
        temperature_c_e2: temperature_f_e2.map(|degrees| divide(i128::from(degrees - 3200) * 5, 9) as i64),
        wind_mps_e2: wind_mph_e2.map(|speed| divide(i128::from(speed * MPH_IN_MPS_E5), 100_000) as i64),
        condition: None,
        is_indoor,
        ..WeatherObservation::default()
    }))
}
