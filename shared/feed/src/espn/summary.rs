//! A summary: one game's header, and around it key events, odds, weather and plays.
//! ESPN-6: a header that cannot be read costs the game's state, not its plays.
//! ESPN sends most of a summary twice (scoring plays, at-bats, a second odds list): each fact is taken from one place.

use serde_json::value::RawValue;

use super::game::{Game, observed_at_ms, other_game, weather};
use super::payload::{Identity, Leagues};
use super::{listings, moments, odds, plays};
use crate::raw::{Fault, Object, Path};
use crate::run::Run;

/// Reads a summary; an `Err` is about the whole payload.
pub(super) fn summary(root: &Object<'_, '_>, raw: &RawValue, run: &mut Run) -> Result<(), Fault> {
    let header_path = Path::Key(root.path(), "header");
    let header_raw = root.need("header", "the game's header")?;
    let header = Object::read(header_raw, &header_path, "the game's header")?;
    let competitions_path = Path::Key(&header_path, "competitions");
    let path = Path::Index(&competitions_path, 0);
    let competitions = header.list("competitions")?.unwrap_or_default();
    let what = "a list with the game's competition";
    let first = competitions.first().ok_or_else(|| header.missing("competitions", what))?;
    let competition = Object::read(first, &path, "a competition object")?;
    let identity = Identity::read(&header, Some(&competition), &leagues_of(&header))?;

    // Without a receive time the last play's wallclock is the latest moment this payload knows of.
    let last_known_ms = run.received_at_ms.is_none().then(|| plays::last_wallclock_ms(root)).flatten();
    let at_ms = observed_at_ms(run, &identity, last_known_ms);
    let place_path = Path::Key(root.path(), "gameInfo");
    // What is damaged in this block costs the venue's name, not the game.
    let place = root.get("gameInfo").ok().flatten().and_then(|raw| Object::read(raw, &place_path, "a place").ok());
    let venue = place.as_ref().and_then(|place| place.get("venue").ok().flatten());

    let game = match Game::read(&competition, &header, identity.clone(), venue) {
        Ok(Some(game)) => {
            game.state(at_ms, run);
            let venue_path = Path::Key(&place_path, "venue");
            listings::around(&game, venue.map(|raw| (raw, &venue_path)), at_ms, run);
            Some(game)
        }
        Ok(None) => {
            other_game(&identity, header_raw, at_ms, run);
            None
        }
        Err(fault) => {
            run.reject(fault, header_raw, &path);
            Game::teams_only(&competition, &identity)
        }
    };
    if !moments::of_key_events(&identity, root, at_ms, raw, run) {
        moments::of_details(&identity, &competition, at_ms, header_raw, run);
    }
    match &game {
        Some(game) => {
            summary_odds(game, root, at_ms, raw, run);
            if let Some(place) = &place {
                weather(game, place, at_ms, raw, run);
            }
        }
        None => odds::without_teams(root, run),
    }
    listings::lineups(&identity, root, at_ms, raw, run);
    listings::injuries(&identity, root, at_ms, raw, run);
    let league_path = Path::Key(&header_path, "league");
    if let Some(league) = run.member(&header, "league", header_raw) {
        run.record(league, &league_path, |run| listings::league(league, &league_path, at_ms, run));
    }
    moments::of_commentary(&identity, root, at_ms, raw, run);
    plays::of_summary(&identity, root, raw, run);
    Ok(())
}

fn leagues_of(header: &Object<'_, '_>) -> Leagues {
    let mut leagues = Leagues::default();
    let path = Path::Key(header.path(), "league");
    if let Some(raw) = header.get("league").ok().flatten()
        && let Ok(league) = Object::read(raw, &path, "a league")
    {
        leagues.add(&league);
    }
    leagues
}

fn summary_odds(game: &Game, root: &Object<'_, '_>, at_ms: i64, raw: &RawValue, run: &mut Run) {
    let pickcenter = run.list(root, "pickcenter", raw);
    let books = odds::quotes(game, &pickcenter, &Path::Key(root.path(), "pickcenter"), at_ms, &[], run);
    // The second list repeats the books of the first; only those that the first does not have are new.
    let entries = run.list(root, "odds", raw);
    odds::quotes(game, &entries, &Path::Key(root.path(), "odds"), at_ms, &books, run);
}
