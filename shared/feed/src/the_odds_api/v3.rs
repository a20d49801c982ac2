//! The legacy v3 odds: `teams` and `sites`, prices by position instead of by name, times in epoch seconds.
//! ODA-6: a v3 quote has the same name as the v4 quote of the same price, so that a change of API doubles nothing.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::parse::{Run, inferred_status};
use super::payload::{Event, epoch_or_time_ms};
use super::quote::{QuoteFrame, point_e2};
use crate::RejectReason;
use crate::raw::{Fault, Object, Path, list, text};

/// One event with its sites.
pub(super) fn event(run: &mut Run, object: &Object<'_, '_>, raw: &RawValue) -> Result<(), Fault> {
    let teams = teams(object)?;
    let mut event = Event::read(object)?;
    event.away_team = teams.iter().find(|team| Some(*team) != event.home_team.as_ref()).cloned();
    let sites = object.list("sites")?.unwrap_or_default();
    let at = run.parsed.events.len();
    let list_path = Path::Key(object.path(), "sites");
    let mut newest_ms = None;
    for (index, raw) in sites.into_iter().enumerate() {
        let path = Path::Index(&list_path, index);
        match Object::read(raw, &path, "a site object").and_then(|object| site(run, &event, &teams, &object)) {
            Ok(time_ms) => newest_ms = newest_ms.max(time_ms),
            Err(fault) => run.parsed.rejects.push(path.reject(fault, raw)),
        }
    }
    let status = inferred_status(event.commence_time, newest_ms);
    let fixture = run.fixture(&event, status, newest_ms, raw, object.path())?;
    run.parsed.events.insert(at, fixture);
    Ok(())
}

fn teams<'a>(object: &Object<'a, '_>) -> Result<Vec<Cow<'a, str>>, Fault> {
    let path = Path::Key(object.path(), "teams");
    let teams = object.list("teams")?.ok_or_else(|| object.missing("teams", "two team names"))?;
    teams.into_iter().enumerate().map(|(index, team)| text(team, &Path::Index(&path, index), "a team's name")).collect()
}

fn site(
    run: &mut Run,
    event: &Event<'_>,
    teams: &[Cow<'_, str>],
    object: &Object<'_, '_>,
) -> Result<Option<i64>, Fault> {
    let book = object.need_text("site_key", "a site key such as fanduel")?;
    let updated_ms = epoch_or_time_ms(object, "last_update")?;
    let timestamp_ms = run.timestamp_ms(updated_ms, &Path::Key(object.path(), "last_update"))?;
    let odds_path = Path::Key(object.path(), "odds");
    let odds = Object::read(object.need("odds", "the markets of the site")?, &odds_path, "the markets of the site")?;
    for market_key in ["h2h", "h2h_lay", "outrights", "spreads", "totals"] {
        let Some(raw) = odds.get(market_key)? else { continue };
        let frame = QuoteFrame {
            game_id: &event.id,
            sport_key: &event.sport_key,
            book: &book,
            market_key,
            timestamp_ms,
            received_at_ms: run.received_at_ms.unwrap_or(timestamp_ms),
        };
        let path = Path::Key(&odds_path, market_key);
        if let Err(fault) = market(run, frame, teams, raw, &path) {
            run.parsed.rejects.push(path.reject(fault, raw));
        }
    }
    Ok(updated_ms)
}

/// `[8.4, 1.07]` by team, a draw third; or `{"odds":[..],"points":[..],"position":[..]}`.
fn market(
    run: &mut Run,
    frame: QuoteFrame<'_>,
    teams: &[Cow<'_, str>],
    raw: &RawValue,
    path: &Path<'_>,
) -> Result<(), Fault> {
    if raw.get().starts_with('[') {
        for (index, price) in list(raw, path)?.into_iter().enumerate() {
            let path = Path::Index(path, index);
            let quote = outcome_name(teams, index, &path)
                .and_then(|name| Ok(frame.quote(name, None, run.format.price_e6(price, &path)?)));
            push(run, quote, price, &path);
        }
        return Ok(());
    }
    let market = Object::read(raw, path, "a list of prices, or odds with points")?;
    let prices = market.list("odds")?.ok_or_else(|| market.missing("odds", "a list of prices"))?;
    let points = market.list("points")?.unwrap_or_default();
    let positions = market.list("position")?.unwrap_or_default();
    let (odds_path, points_path) = (Path::Key(path, "odds"), Path::Key(path, "points"));
    for (index, price) in prices.into_iter().enumerate() {
        let path = Path::Index(&odds_path, index);
        let quote = match positions.get(index) {
            Some(raw) => text(raw, &path, "over or under").map(|position| capitalised(&position)),
            None => outcome_name(teams, index, &path),
        }
        .and_then(|name| {
            let point = point_e2(points.get(index).copied(), &Path::Index(&points_path, index))?;
            Ok(frame.quote(name, point, run.format.price_e6(price, &path)?))
        });
        push(run, quote, price, &path);
    }
    Ok(())
}

fn push(run: &mut Run, quote: Result<touchline_event::Event, Fault>, raw: &RawValue, path: &Path<'_>) {
    match quote {
        Ok(event) => run.parsed.events.push(event),
        Err(fault) => run.parsed.rejects.push(path.reject(fault, raw)),
    }
}

fn outcome_name(teams: &[Cow<'_, str>], index: usize, path: &Path<'_>) -> Result<String, Fault> {
    match (teams.get(index), index) {
        (Some(team), _) => Ok(team.to_string()),
        (None, 2) => Ok("Draw".to_owned()),
        (None, _) => {
            let message = format!("price {index} stands for no team; expected one price a team and one for the draw");
            Err(Fault::new(RejectReason::BadField, path, message))
        }
    }
}

/// v3 says `over`, v4 `Over`.
fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
