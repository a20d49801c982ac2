//! Prices: version 3's flat rows, and version 2's books inside markets.
//! SM-7: one `odds_quote` a book, market and outcome; a price's time is the book's last update.

use serde_json::value::RawValue;
use touchline_event::{OddsQuote, Side};

use super::entities;
use super::includes::{each, one, text_of};
use super::payload::Fixture;
use super::table;
use crate::RejectReason;
use crate::raw::{Fault, Object, Path, Precision, scaled};
use crate::run::{Context, Run, Subject};

/// One in decimal odds, 10^-6.
const ONE_E6: i64 = 1_000_000;
/// Longer odds are a mistake.
const PRICE_E6_MAX: i64 = 1_000_000 * ONE_E6;

/// What a price stands in.
struct Frame<'f> {
    fixture: Option<&'f Fixture>,
    subject: Subject,
    market_id: Option<String>,
    market: String,
    book: String,
}

/// One row of `odds`, alone or inside a fixture; of version 2 a market with its books.
pub(super) fn entry(raw: &RawValue, path: &Path<'_>, fixture: Option<&Fixture>, run: &mut Run) -> Result<(), Fault> {
    let object = Object::read(raw, path, "an odds object")?;
    if object.has("bookmaker") && !object.has("value") {
        return market_of_v2(&object, raw, fixture, run);
    }
    let bookmaker_id = object.need_text("bookmaker_id", "the bookmaker's id")?.into_owned();
    let market_id = text_of(&object, "market_id")?;
    let named = one(&object, "market", |market| text_of(market, "name"))?.flatten();
    let described = match named {
        Some(name) => Some(name),
        None => text_of(&object, "market_description")?,
    };
    let described = described.or_else(|| market_id.clone().map(|id| format!("market_{id}")));
    let described = described.ok_or_else(|| object.missing("market_id", "the market's id"))?;
    let market = table::market(market_id.as_deref(), &described).to_owned();
    let book = one(&object, "bookmaker", |book| text_of(book, "name"))?.flatten();
    let game_id = match fixture {
        Some(fixture) => fixture.subject.game_id.clone(),
        None => Some(object.need_text("fixture_id", "the fixture's id")?.into_owned()),
    };
    let subject = match fixture {
        Some(fixture) => fixture.subject.clone(),
        None => Subject { sport: entities::sport(), game_id, ..Subject::default() },
    };
    let book = book.map_or(bookmaker_id, |name| name.to_lowercase().replace(' ', "-"));
    price(&object, &Frame { fixture, subject, market_id, market, book }, run)
}

/// `{name, bookmaker: {data: [{name, odds: {data: [...]}}]}}`.
fn market_of_v2(
    object: &Object<'_, '_>,
    record: &RawValue,
    fixture: Option<&Fixture>,
    run: &mut Run,
) -> Result<(), Fault> {
    let name = object.need_text("name", "the market's name")?.into_owned();
    let subject = fixture.map(|fixture| fixture.subject.clone()).unwrap_or_default();
    each(run, object, "bookmaker", record, |raw, path, run| {
        let book = Object::read(raw, path, "a bookmaker object")?;
        let book_name = book.need_text("name", "the bookmaker's name")?.to_lowercase().replace(' ', "-");
        let frame = Frame {
            fixture,
            subject: subject.clone(),
            market_id: None,
            market: table::market(None, &name).to_owned(),
            book: book_name,
        };
        each(run, &book, "odds", raw, |raw, path, run| price(&Object::read(raw, path, "a price object")?, &frame, run));
        Ok(())
    });
    Ok(())
}

fn price(object: &Object<'_, '_>, frame: &Frame<'_>, run: &mut Run) -> Result<(), Fault> {
    const WHAT: &str = "decimal odds above 1";
    let key = if object.get("dp3")?.is_some() { "dp3" } else { "value" };
    let price_path = Path::Key(object.path(), key);
    let price_e6 = scaled::<6>(object.need(key, WHAT)?, &price_path, WHAT, Precision::Rounded)?.0;
    if price_e6 <= ONE_E6 || price_e6 > PRICE_E6_MAX {
        return Err(Fault::new(
            RejectReason::OutOfRange,
            &price_path,
            format!("found {price_e6} millionths; expected {WHAT}"),
        ));
    }
    let label = object.need_text("label", "the outcome's label")?.trim().to_owned();
    let point_e2 = match point(object, "handicap")? {
        Some(point) => Some(point),
        None => point(object, "total")?,
    };
    let updated_ms = updated_ms(object)?;
    let at_ms = updated_ms.or(run.received_at_ms).or(frame.fixture.and_then(|fixture| fixture.starts_at_ms));
    let at_ms = at_ms.unwrap_or_default();
    run.refuse_future(at_ms, object.path())?;
    let outcome = outcome(object, &label, frame)?;
    // Of one market a book may have a row for each handicap or player: the row's own words tell them apart.
    let about = text_of(object, "name")?.unwrap_or_default();
    let market = frame.market_id.as_deref().unwrap_or(&frame.market);
    let vendor_id = format!(
        "odds:{}:{market}:{label}:{about}:{}",
        frame.book,
        point_e2.map_or(String::new(), |point| point.to_string())
    );
    let quote = OddsQuote {
        book: frame.book.clone(),
        market: frame.market.clone(),
        outcome,
        point_e2,
        price_e6,
        side: Side::Back,
        size_e2: None,
    };
    run.event(
        frame.subject.clone(),
        at_ms,
        &vendor_id,
        quote,
        Context { vendor_time_ms: updated_ms, ..Context::default() },
    );
    Ok(())
}

/// Home and away by the team's name where it is known, else the vendor's word.
fn outcome(object: &Object<'_, '_>, label: &str, frame: &Frame<'_>) -> Result<String, Fault> {
    let side = match label {
        "1" | "Home" => Some((true, "Home")),
        "2" | "Away" => Some((false, "Away")),
        "X" | "Draw" => return Ok("Draw".to_owned()),
        _ => None,
    };
    Ok(match (side, frame.fixture) {
        (Some((true, _)), Some(fixture)) => fixture.home.name.clone(),
        (Some((false, _)), Some(fixture)) => fixture.away.name.clone(),
        (Some((_, word)), None) => word.to_owned(),
        (None, _) => match text_of(object, "name")? {
            Some(name) if name != label && frame.market != "totals" => format!("{name} {label}"),
            _ => label.to_owned(),
        },
    })
}

/// A number; a word or a combination (`0:1`) is no point.
fn point(object: &Object<'_, '_>, key: &str) -> Result<Option<i64>, Fault> {
    Ok(object.scaled::<2>(key, "a handicap or total", Precision::Rounded).ok().flatten())
}

/// `latest_bookmaker_update` of version 3, `last_update.date` of version 2.
fn updated_ms(object: &Object<'_, '_>) -> Result<Option<i64>, Fault> {
    if let Some(updated_ms) = object.time_ms("latest_bookmaker_update")? {
        return Ok(Some(updated_ms));
    }
    match object.get("last_update")? {
        Some(raw) if raw.get().starts_with('{') => {
            Ok(one(object, "last_update", |update| update.time_ms("date"))?.flatten())
        }
        _ => object.time_ms("last_update"),
    }
}
