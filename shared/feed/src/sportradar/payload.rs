//! A sport event as Soccer v4, Soccer v3 and the Unified Odds Feed send it: which game, who plays, where, how it stands.
//! SR-1: the three are one shape with other names: `start_time` and `scheduled`, context and tournament.
//! SR-2: an event without two sides (a race, a tournament) is kept as sent.

use serde_json::value::RawValue;
use touchline_event::{GameStatus, League, ScoreUpdate, Team, Venue};

use super::table;
use crate::RejectReason;
use crate::raw::{Fault, Object, Path, Precision};
use crate::run::{Run, Subject};

/// Most points a side may have before it is a mistake.
const POINTS_MAX: i64 = 9_999;

/// A game of two sides, read and trusted.
pub(super) struct SportEvent {
    pub(super) subject: Subject,
    pub(super) starts_at_ms: Option<i64>,
    pub(super) home: Team,
    pub(super) away: Team,
    pub(super) venue: Option<Venue>,
    pub(super) is_neutral_site: Option<bool>,
    /// v3's schedules have the status in the event itself.
    pub(super) own_status: Option<String>,
    pub(super) league: Option<League>,
}

/// `sport_event_status`, or the state of a US game.
pub(super) struct Status {
    pub(super) status: GameStatus,
    pub(super) detail: String,
    pub(super) score: Option<ScoreUpdate>,
    pub(super) clock: Option<String>,
}

impl SportEvent {
    /// `None` for an event without two sides.
    pub(super) fn read(object: &Object<'_, '_>) -> Result<Option<Self>, Fault> {
        let id = object.need_text("id", "the event's id, such as sr:match:11854838")?.into_owned();
        let starts_at_ms = match object.time_ms("start_time")? {
            Some(start) => Some(start),
            None => object.time_ms("scheduled")?,
        };
        let Some([home, away]) = sides(object)? else { return Ok(None) };
        let (sport, league) = competition(object)?;
        let venue_path = Path::Key(object.path(), "venue");
        let venue = object.get("venue")?.map(|raw| read_venue(&Object::read(raw, &venue_path, "a venue object")?));
        Ok(Some(Self {
            subject: Subject {
                sport,
                league: league.as_ref().map(|league| league.name.clone()),
                game_id: Some(id),
                symbol: None,
            },
            starts_at_ms,
            home,
            away,
            venue: venue.transpose()?,
            is_neutral_site: conditions(object)?,
            own_status: text_of(object, "status")?,
            league,
        }))
    }

    /// The side of a team as timelines name it: `home`, `away`.
    pub(super) fn side(&self, word: &str) -> Option<&Team> {
        match word {
            "home" => Some(&self.home),
            "away" => Some(&self.away),
            id if id == self.home.id => Some(&self.home),
            id if id == self.away.id => Some(&self.away),
            _ => None,
        }
    }

    /// When what the payload says was so: on receipt; in a file, when the vendor made it, else the game's start.
    pub(super) fn observed_at_ms(&self, run: &Run, generated_ms: Option<i64>) -> i64 {
        run.received_at_ms.or(generated_ms).or(self.starts_at_ms).unwrap_or_default()
    }
}

/// Text that is there.
pub(super) fn text_of(object: &Object<'_, '_>, key: &str) -> Result<Option<String>, Fault> {
    Ok(object.text(key)?.filter(|text| !text.trim().is_empty()).map(|text| text.trim().to_owned()))
}

/// Text of an inner object.
pub(super) fn inner_text(object: &Object<'_, '_>, key: &str, member: &str) -> Result<Option<String>, Fault> {
    let path = Path::Key(object.path(), key);
    let Some(raw) = object.get(key)? else { return Ok(None) };
    if !raw.get().starts_with('{') {
        return Ok(None);
    }
    text_of(&Object::read(raw, &path, "an object")?, member)
}

fn sides(object: &Object<'_, '_>) -> Result<Option<[Team; 2]>, Fault> {
    let path = Path::Key(object.path(), "competitors");
    let mut sides = [None, None];
    let competitors = object.list("competitors")?.unwrap_or_default();
    if competitors.len() != 2 {
        return Ok(None);
    }
    for (index, raw) in competitors.into_iter().enumerate() {
        let path = Path::Index(&path, index);
        let competitor = Object::read(raw, &path, "a competitor object")?;
        let side = match text_of(&competitor, "qualifier")?.as_deref() {
            Some("home") => 0,
            Some("away") => 1,
            _ => index,
        };
        let team = read_team(&competitor)?;
        if sides[side].replace(team).is_some() {
            let message = "two competitors are on the same side; expected one home and one away";
            return Err(Fault::new(RejectReason::BadField, &Path::Key(&path, "qualifier"), message));
        }
    }
    let [home, away] = sides;
    Ok(home.zip(away).map(|(home, away)| [home, away]))
}

/// `{id, name, abbreviation}`; US leagues put the market in front of the name and say `alias` or `abbr`.
pub(super) fn read_team(object: &Object<'_, '_>) -> Result<Team, Fault> {
    let name = object.need_text("name", "the team's name")?.trim().to_owned();
    let name = match text_of(object, "market")? {
        Some(market) => format!("{market} {name}"),
        None => name,
    };
    let mut abbreviation = None;
    for key in ["abbreviation", "alias", "abbr"] {
        abbreviation = abbreviation.or(text_of(object, key)?);
    }
    Ok(Team { id: object.need_text("id", "the team's id")?.into_owned(), name, abbreviation })
}

/// The sport, and the competition or tournament.
fn competition(object: &Object<'_, '_>) -> Result<(Option<String>, Option<League>), Fault> {
    let context_path = Path::Key(object.path(), "sport_event_context");
    let tournament_path = Path::Key(object.path(), "tournament");
    let (holder, key) = match (object.get("sport_event_context")?, object.get("tournament")?) {
        (Some(raw), _) => (Object::read(raw, &context_path, "an object with sport and competition")?, "competition"),
        (None, Some(raw)) => (Object::read(raw, &tournament_path, "a tournament object")?, ""),
        (None, None) => return Ok((None, None)),
    };
    // v4 has sport, category and competition side by side; a tournament has sport and category in itself.
    let of_league = |member: &str| match key {
        "" => text_of(&holder, member),
        key => inner_text(&holder, key, member),
    };
    let country = inner_text(&holder, "category", "name")?;
    let named = of_league("id")?.zip(of_league("name")?);
    let league = named.map(|(id, name)| League { id, name, country, ..League::default() });
    Ok((inner_text(&holder, "sport", "name")?.map(|name| table::sport(&name)), league))
}

fn conditions(object: &Object<'_, '_>) -> Result<Option<bool>, Fault> {
    let path = Path::Key(object.path(), "sport_event_conditions");
    let Some(raw) = object.get("sport_event_conditions")? else { return Ok(None) };
    let conditions = Object::read(raw, &path, "an object of conditions")?;
    let ground_path = Path::Key(&path, "ground");
    match conditions.get("ground")? {
        Some(raw) => Object::read(raw, &ground_path, "an object with neutral")?.flag("neutral"),
        None => Ok(None),
    }
}

/// A venue: Soccer's `city_name` and `map_coordinates`, US leagues' `city`, `roof_type` and `location`.
pub(super) fn read_venue(object: &Object<'_, '_>) -> Result<Venue, Fault> {
    let either = |first: &str, second: &str| match text_of(object, first)? {
        Some(text) => Ok(Some(text)),
        None => text_of(object, second),
    };
    let map = text_of(object, "map_coordinates")?;
    let degrees = |index: usize| -> Option<i64> {
        let part = map.as_deref()?.split(',').nth(index)?.trim();
        crate::raw::decimal::<6>(part, Precision::Rounded).ok().map(|degrees| degrees.0)
    };
    Ok(Venue {
        id: text_of(object, "id")?.unwrap_or_default(),
        name: object.need_text("name", "the venue's name")?.trim().to_owned(),
        city: either("city_name", "city")?,
        country: either("country_name", "country")?,
        capacity: object.integer("capacity", "seats")?,
        latitude_e6: degrees(0).filter(|degrees| degrees.abs() <= 90_000_000),
        longitude_e6: degrees(1).filter(|degrees| degrees.abs() <= 180_000_000),
        is_indoor: text_of(object, "roof_type")?.map(|roof| roof == "dome"),
        surface: text_of(object, "surface")?,
    })
}

impl Status {
    /// `sport_event_status`; `own` is what the event itself says, where it does.
    pub(super) fn read(object: Option<&Object<'_, '_>>, own: Option<&str>) -> Result<Option<Self>, Fault> {
        let Some(object) = object else {
            return Ok(own.map(|word| Self {
                status: table::status(word, None),
                detail: word.to_owned(),
                score: None,
                clock: None,
            }));
        };
        let word = match text_of(object, "status")? {
            Some(word) => word,
            None => own.map(str::to_owned).ok_or_else(|| object.missing("status", "a status such as closed"))?,
        };
        let match_status = text_of(object, "match_status")?;
        // The Unified Odds Feed numbers its match statuses: in messages as `match_status`, in summaries beside the word.
        let code = match (object.integer("match_status_code", "a code")?, &match_status) {
            (Some(code), _) => Some(code),
            (None, Some(word)) => word.parse().ok(),
            (None, None) => None,
        };
        let status =
            code.and_then(table::status_of_code).unwrap_or_else(|| table::status(&word, match_status.as_deref()));
        let score = read_score(object, status)?;
        let clock_path = Path::Key(object.path(), "clock");
        let clock = match object.get("clock")? {
            Some(raw) if raw.get().starts_with('{') => {
                let clock = Object::read(raw, &clock_path, "a clock object")?;
                match text_of(&clock, "match_time")? {
                    Some(time) => Some(time),
                    None => text_of(&clock, "played")?,
                }
            }
            _ => None,
        };
        Ok(Some(Self { status, detail: match_status.unwrap_or(word), score, clock }))
    }

    pub(super) fn has_started(&self) -> bool {
        let before = [GameStatus::Scheduled, GameStatus::Postponed, GameStatus::Canceled, GameStatus::Delayed];
        !before.contains(&self.status)
    }
}

fn read_score(object: &Object<'_, '_>, status: GameStatus) -> Result<Option<ScoreUpdate>, Fault> {
    let (home, away) = (points(object, "home_score")?, points(object, "away_score")?);
    let (Some(home_score), Some(away_score)) = (home, away) else { return Ok(None) };
    let path = Path::Key(object.path(), "period_scores");
    let mut periods = Vec::new();
    for (index, raw) in object.list("period_scores")?.unwrap_or_default().into_iter().enumerate() {
        let path = Path::Index(&path, index);
        let period = Object::read(raw, &path, "a period's score")?;
        // A shootout is no period of the score.
        if text_of(&period, "type")?.as_deref() == Some("penalties") {
            continue;
        }
        periods.push([points(&period, "home_score")?.unwrap_or(0), points(&period, "away_score")?.unwrap_or(0)]);
    }
    Ok(Some(ScoreUpdate { home_score, away_score, status, periods }))
}

/// Points or goals of one side.
pub(super) fn points(object: &Object<'_, '_>, key: &str) -> Result<Option<i32>, Fault> {
    // The Unified Odds Feed writes `4.0` as `4.00` in some sports.
    match object.scaled::<2>(key, "points from 0", Precision::Exact)? {
        Some(found) if found % 100 != 0 || !(0..=POINTS_MAX * 100).contains(&found) => {
            let found = touchline_event::decimal_string(i128::from(found), 2);
            let message = format!("found {found}; expected whole points from 0 to {POINTS_MAX}");
            Err(Fault::new(RejectReason::OutOfRange, &Path::Key(object.path(), key), message))
        }
        found => Ok(found.map(|points| (points / 100) as i32)),
    }
}

/// A member that is an object, read.
pub(super) fn member<'a>(object: &Object<'a, '_>, key: &str) -> Result<Option<&'a RawValue>, Fault> {
    Ok(object.get(key)?.filter(|raw| raw.get().starts_with('{')))
}
