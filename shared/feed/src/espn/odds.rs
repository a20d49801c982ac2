//! ESPN's embedded odds: `odds[]` of a competition, `pickcenter[]` and `odds[]` of a summary.
//! ESPN-10: one quote per book, market and outcome: the current price, else the closing one, else the flat one;
//! opening prices are not quoted. ESPN-11: an entry is quoted whole or rejected whole.
//! Shapes: flat (`homeTeamOdds.moneyLine`, `spread`, `overUnder`), decimal (`homeTeamOdds.value`) and nested
//! (`moneyline.home.close.odds`). An entry with lines but no price is `other`: a quote needs a price.

use serde_json::value::RawValue;
use touchline_event::{OddsQuote, Other, Side, decimal_string};

use super::game::Game;
use super::payload::kebab;
use crate::RejectReason;
use crate::raw::{Fault, Object, Path, Precision, decimal, quote, text};
use crate::run::{Context, Run, content};

const ONE_E6: i64 = 1_000_000;
/// American odds are never nearer to 0 than this, 10^-2.
const AMERICAN_E2_MIN: i64 = 10_000;
/// Decimal odds beyond which a price is a typing error.
const PRICE_E6_MAX: i64 = 1_000_000 * ONE_E6;
const AMERICAN: &str = "American odds of at most -100 or at least 100";
/// What ESPN writes where a market has no price now.
const NO_PRICE: [&str; 6] = ["", "-", "--", "OFF", "N/A", "NL"];

/// One outcome of one market of one entry.
struct Price {
    market: &'static str,
    outcome: Outcome,
    point_e2: Option<i64>,
    price_e6: i64,
}

/// What a member for a price says.
#[derive(Clone, Copy, Default)]
enum Offer {
    Priced(i64),
    /// The book took the market down: an older price elsewhere in the entry no longer stands.
    Down,
    #[default]
    Absent,
}

impl Offer {
    /// This offer, or the one of another shape where this shape says nothing.
    fn or_else(self, other: impl FnOnce() -> Result<Offer, Fault>) -> Result<Option<i64>, Fault> {
        let offer = if matches!(self, Self::Absent) { other()? } else { self };
        Ok(match offer {
            Self::Priced(price_e6) => Some(price_e6),
            Self::Down | Self::Absent => None,
        })
    }
}

#[derive(Clone, Copy)]
enum Outcome {
    Home,
    Away,
    Draw,
    Over,
    Under,
}

impl Outcome {
    /// The member of a nested market.
    fn member(self) -> &'static str {
        match self {
            Self::Home => "home",
            Self::Away => "away",
            Self::Draw => "draw",
            Self::Over => "over",
            Self::Under => "under",
        }
    }

    /// The member of the flat shape that has this side's odds.
    fn flat_member(self) -> Option<&'static str> {
        match self {
            Self::Home => Some("homeTeamOdds"),
            Self::Away => Some("awayTeamOdds"),
            Self::Draw => Some("drawOdds"),
            Self::Over | Self::Under => None,
        }
    }

    fn name(self, game: &Game) -> String {
        match self {
            Self::Home => game.home.team.name.clone(),
            Self::Away => game.away.team.name.clone(),
            Self::Draw => "Draw".to_owned(),
            Self::Over => "Over".to_owned(),
            Self::Under => "Under".to_owned(),
        }
    }
}

/// Quotes of every entry whose book is not in `known_books`; the books read.
pub(super) fn quotes(
    game: &Game,
    entries: &[&RawValue],
    path: &Path<'_>,
    at_ms: i64,
    known_books: &[String],
    run: &mut Run,
) -> Vec<String> {
    let mut books = Vec::new();
    for (index, raw) in entries.iter().enumerate() {
        // ESPN puts a null in the place of odds that were taken down: nothing was sent.
        if raw.get() == "null" {
            continue;
        }
        let path = Path::Index(path, index);
        let (book, prices) = match read_entry(raw, &path) {
            Ok(entry) => entry,
            Err(fault) => {
                run.reject(fault, raw, &path);
                continue;
            }
        };
        if known_books.contains(&book) {
            continue;
        }
        if prices.is_empty() {
            let content = content(raw);
            let other = Other { vendor_kind: "odds".to_owned(), content };
            run.event(&game.identity, at_ms, &format!("odds:{book}"), other, Context::default());
        }
        for price in prices {
            let outcome = price.outcome.name(game);
            let vendor_id = format!("odds:{book}:{}:{outcome}", price.market);
            let quote = OddsQuote {
                book: book.clone(),
                market: price.market.to_owned(),
                outcome,
                point_e2: price.point_e2,
                price_e6: price.price_e6,
                side: Side::Back,
                size_e2: None,
            };
            run.event(&game.identity, at_ms, &vendor_id, quote, Context::default());
        }
        books.push(book);
    }
    books
}

/// Odds whose game could not be read have no outcomes to stand on: each entry is a reject.
pub(super) fn without_teams(root: &Object<'_, '_>, run: &mut Run) {
    for key in ["pickcenter", "odds"] {
        let path = Path::Key(root.path(), key);
        for (index, raw) in root.list(key).ok().flatten().unwrap_or_default().into_iter().enumerate() {
            let path = Path::Index(&path, index);
            let message = "the header names no two teams, so the outcomes have no names; expected a game of two teams";
            if raw.get() != "null" {
                run.reject(Fault::new(RejectReason::MissingField, &path, message), raw, &path);
            }
        }
    }
}

fn read_entry(raw: &RawValue, path: &Path<'_>) -> Result<(String, Vec<Price>), Fault> {
    let entry = Object::read(raw, path, "an odds object")?;
    let provider_path = Path::Key(path, "provider");
    let provider = Object::read(entry.need("provider", "an object with name")?, &provider_path, "an object with name")?;
    let book = kebab(&provider.need_text("name", "the book's name")?);
    let mut prices = Vec::new();
    read_moneyline(&entry, &mut prices)?;
    read_spreads(&entry, &mut prices)?;
    read_totals(&entry, &mut prices)?;
    Ok((book, prices))
}

fn read_moneyline(entry: &Object<'_, '_>, prices: &mut Vec<Price>) -> Result<(), Fault> {
    for outcome in [Outcome::Home, Outcome::Away, Outcome::Draw] {
        let (offer, _) = nested(entry, "moneyline", outcome)?;
        let price_e6 = offer.or_else(|| flat_moneyline(entry, outcome))?;
        if let Some(price_e6) = price_e6 {
            prices.push(Price { market: "h2h", outcome, point_e2: None, price_e6 });
        }
    }
    Ok(())
}

fn read_spreads(entry: &Object<'_, '_>, prices: &mut Vec<Price>) -> Result<(), Fault> {
    // The flat spread is the home side's handicap, whoever is the favorite.
    let home_e2 = entry.scaled::<2>("spread", "the home side's handicap", Precision::Exact)?;
    for outcome in [Outcome::Home, Outcome::Away] {
        let flat_point_e2 = if matches!(outcome, Outcome::Home) { home_e2 } else { home_e2.map(|point| -point) };
        let (offer, line_e2) = nested(entry, "pointSpread", outcome)?;
        let price_e6 = offer.or_else(|| flat_price(entry, outcome, "spreadOdds"))?;
        // A price without its handicap says nothing.
        if let (Some(price_e6), Some(point_e2)) = (price_e6, line_e2.or(flat_point_e2)) {
            prices.push(Price { market: "spreads", outcome, point_e2: Some(point_e2), price_e6 });
        }
    }
    Ok(())
}

fn read_totals(entry: &Object<'_, '_>, prices: &mut Vec<Price>) -> Result<(), Fault> {
    let total_e2 = entry.scaled::<2>("overUnder", "a total", Precision::Exact)?;
    for (outcome, key) in [(Outcome::Over, "overOdds"), (Outcome::Under, "underOdds")] {
        let (offer, line_e2) = nested(entry, "total", outcome)?;
        let price_e6 = offer.or_else(|| american(entry, key))?;
        if let (Some(price_e6), Some(point_e2)) = (price_e6, line_e2.or(total_e2)) {
            prices.push(Price { market: "totals", outcome, point_e2: Some(point_e2), price_e6 });
        }
    }
    Ok(())
}

/// Price and line of `market.outcome.current`, else `.close`.
fn nested(entry: &Object<'_, '_>, market: &'static str, outcome: Outcome) -> Result<(Offer, Option<i64>), Fault> {
    let nothing = Ok((Offer::Absent, None));
    let market_path = Path::Key(entry.path(), market);
    let Some(raw) = entry.get(market)? else { return nothing };
    let market = Object::read(raw, &market_path, "a market object")?;
    let outcome_path = Path::Key(&market_path, outcome.member());
    let Some(raw) = market.get(outcome.member())? else { return nothing };
    let outcome = Object::read(raw, &outcome_path, "an outcome object")?;
    for stage in ["current", "close"] {
        let stage_path = Path::Key(&outcome_path, stage);
        let Some(raw) = outcome.get(stage)? else { continue };
        let stage = Object::read(raw, &stage_path, "an object with odds")?;
        return Ok(match line_e2(&stage)? {
            Line::Down => (Offer::Down, None),
            Line::At(point_e2) => (american(&stage, "odds")?, Some(point_e2)),
            Line::Absent => (american(&stage, "odds")?, None),
        });
    }
    nothing
}

/// What a member for a line says; a line that was taken down takes the price beside it down too.
enum Line {
    At(i64),
    Down,
    Absent,
}

/// `+1.5`, `o227.5`, `u41.5`, `PK` for no handicap.
fn line_e2(stage: &Object<'_, '_>) -> Result<Line, Fault> {
    const WHAT: &str = "a line such as +1.5 or o227.5";
    let Some(raw) = stage.get("line")? else { return Ok(Line::Absent) };
    let path = Path::Key(stage.path(), "line");
    let line = text(raw, &path, WHAT)?;
    let line = line.trim();
    if NO_PRICE.contains(&line) {
        return Ok(Line::Down);
    }
    if line.eq_ignore_ascii_case("pk") || line.eq_ignore_ascii_case("even") {
        return Ok(Line::At(0));
    }
    let digits = line.trim_start_matches(['o', 'u', 'O', 'U']);
    decimal::<2>(digits, Precision::Exact).map(|point| Line::At(point.0)).map_err(|error| {
        let message = format!("found {} ({error}); expected {WHAT}", quote(line));
        Fault::new(RejectReason::BadField, &path, message)
    })
}

/// `homeTeamOdds.moneyLine`, or the decimal `homeTeamOdds.value` and `homeTeamOdds.odds.value`.
fn flat_moneyline(entry: &Object<'_, '_>, outcome: Outcome) -> Result<Offer, Fault> {
    let american = flat_price(entry, outcome, "moneyLine")?;
    let Some(member) = outcome.flat_member().filter(|_| matches!(american, Offer::Absent)) else {
        return Ok(american);
    };
    let side_path = Path::Key(entry.path(), member);
    let Some(raw) = entry.get(member)? else { return Ok(Offer::Absent) };
    let side = Object::read(raw, &side_path, "an object with odds")?;
    let odds_path = Path::Key(&side_path, "odds");
    match side.get("odds")?.map(|raw| Object::read(raw, &odds_path, "an object with value")).transpose()? {
        Some(odds) => decimal_odds(&odds),
        None => decimal_odds(&side),
    }
}

fn decimal_odds(side: &Object<'_, '_>) -> Result<Offer, Fault> {
    const WHAT: &str = "decimal odds above 1";
    let Some(price_e6) = side.scaled::<6>("value", WHAT, Precision::Rounded)? else { return Ok(Offer::Absent) };
    in_range(price_e6).map(Offer::Priced).ok_or_else(|| {
        let message = format!("found {}; expected {WHAT}", decimal_string(i128::from(price_e6), 6));
        Fault::new(RejectReason::OutOfRange, &Path::Key(side.path(), "value"), message)
    })
}

/// American odds in a member of a flat side.
fn flat_price(entry: &Object<'_, '_>, outcome: Outcome, key: &str) -> Result<Offer, Fault> {
    let Some(member) = outcome.flat_member() else { return Ok(Offer::Absent) };
    let path = Path::Key(entry.path(), member);
    match entry.get(member)? {
        Some(raw) => american(&Object::read(raw, &path, "an object with odds")?, key),
        None => Ok(Offer::Absent),
    }
}

/// A member with American odds, a number or text, as decimal odds.
fn american(object: &Object<'_, '_>, key: &str) -> Result<Offer, Fault> {
    let Some(raw) = object.get(key)? else { return Ok(Offer::Absent) };
    let path = Path::Key(object.path(), key);
    let text = text(raw, &path, AMERICAN)?;
    let text = text.trim();
    if NO_PRICE.contains(&text) {
        return Ok(Offer::Down);
    }
    let american_e2 = if text.eq_ignore_ascii_case("even") || text.eq_ignore_ascii_case("ev") {
        AMERICAN_E2_MIN
    } else {
        decimal::<2>(text, Precision::Exact)
            .map_err(|error| {
                let message = format!("found {} ({error}); expected {AMERICAN}", quote(text));
                Fault::new(RejectReason::BadField, &path, message)
            })?
            .0
    };
    price_of_american(american_e2).map(Offer::Priced).ok_or_else(|| {
        Fault::new(RejectReason::OutOfRange, &path, format!("found {}; expected {AMERICAN}", quote(text)))
    })
}

/// +164 pays 1.64 on 1; -198 pays 1 on 1.98, rounded half away from zero.
fn price_of_american(american_e2: i64) -> Option<i64> {
    if american_e2.unsigned_abs() < AMERICAN_E2_MIN.unsigned_abs() {
        return None;
    }
    let american = i128::from(american_e2);
    let profit_e6 = if american > 0 {
        american * 100
    } else {
        let stake = -american;
        (i128::from(ONE_E6) * 10_000 * 2 + stake) / (stake * 2)
    };
    i64::try_from(i128::from(ONE_E6) + profit_e6).ok().and_then(in_range)
}

fn in_range(price_e6: i64) -> Option<i64> {
    (price_e6 > ONE_E6 && price_e6 <= PRICE_E6_MAX).then_some(price_e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn american_odds_become_decimal_odds() {
        for (american_e2, price_e6) in [
            (10000, Some(2_000_000)),
            (-10000, Some(2_000_000)),
            (16400, Some(2_640_000)),
            (-11000, Some(1_909_091)),
            (-30000, Some(1_333_333)),
            (-15000, Some(1_666_667)),
            (9_999, None),
            (0, None),
            (-5000, None),
            (i64::MAX, None),
            (i64::MIN, None),
        ] {
            assert_eq!(price_of_american(american_e2), price_e6, "{american_e2}");
        }
    }
}
