//! A game as ESPN sends it, in scoreboard events and in summary headers: teams, scores, status, venue.
//! ESPN-3: a game that has started has both scores, or it is a fault.
//! Individual sports (tennis, golf, racing) have no home and away: they are told apart here and not read further.

use touchline_event::{GameStatus, Team};

use super::table;
use crate::RejectReason;
use crate::raw::{Fault, Object, Path, Precision, list, scaled, text};
use crate::run::Subject;

/// Which game, of what.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) id: String,
    pub(super) sport: Option<String>,
    pub(super) league: Option<String>,
    pub(super) starts_at_ms: i64,
}

/// `status` of an event or competition.
#[derive(Debug, Clone)]
pub(super) struct Status {
    pub(super) status: GameStatus,
    /// `type.name`.
    pub(super) name: String,
    /// `type.state` is `in` or `post`.
    pub(super) has_started: bool,
    pub(super) period: Option<u16>,
    pub(super) display_clock: Option<String>,
}

/// One side of a competition.
#[derive(Debug, Clone)]
pub(super) struct Competitor {
    pub(super) team: Team,
    pub(super) score: Option<i32>,
    /// Points by period, first period first.
    pub(super) linescores: Vec<i32>,
}

/// Home and away, or the competitors of an individual sport.
pub(super) enum Sides {
    Teams(Box<[Competitor; 2]>),
    Individual,
}

/// The leagues a payload names: `leagues[]` of a scoreboard, `header.league` of a summary.
#[derive(Debug, Default)]
pub(super) struct Leagues(Vec<(String, String)>);

impl Leagues {
    /// Remembers a league under its id. Leagues that cannot be read are no loss: games carry their league in the uid.
    pub(super) fn add(&mut self, league: &Object<'_, '_>) {
        let text = |key: &str| league.text(key).ok().flatten().filter(|text| !text.is_empty());
        let name =
            text("slug").map(std::borrow::Cow::into_owned).or_else(|| text("abbreviation").map(|word| kebab(&word)));
        if let Some(name) = name {
            self.0.push((text("id").unwrap_or_default().into_owned(), name));
        }
    }

    /// The league of a game: by the uid's league id, else the only league of the payload.
    fn of_uid(&self, uid: &str) -> Option<String> {
        let id = table::uid_part(uid, 'l');
        let named = id.and_then(|id| self.0.iter().find(|(league, _)| league == id)).map(|(_, name)| name.clone());
        // Another league's id in the uid must not be overruled by the only league that the payload names.
        let only = || self.0.first().filter(|(league, _)| self.0.len() == 1 && (id.is_none() || league.is_empty()));
        let only = || only().map(|(_, name)| name.clone());
        named.or_else(|| id.and_then(table::league_of_id).map(str::to_owned)).or_else(only)
    }
}

impl Identity {
    /// `outer` is the scoreboard event or the summary header; `competition` has the start where `outer` has none.
    pub(super) fn read(
        outer: &Object<'_, '_>,
        competition: Option<&Object<'_, '_>>,
        leagues: &Leagues,
    ) -> Result<Self, Fault> {
        const START: &str = "the game's start, such as 2025-09-21T17:00Z";
        let id = outer.need_text("id", "the game's id")?.into_owned();
        let uid = outer.text("uid")?.unwrap_or_default();
        let of_outer = outer.time_ms("date")?;
        let of_competition = competition.map(|object| object.time_ms("date")).transpose()?.flatten();
        let starts_at_ms = of_competition.or(of_outer).ok_or_else(|| match competition {
            Some(object) => object.missing("date", START),
            None => outer.missing("date", START),
        })?;
        Ok(Self { id, sport: table::sport_of_uid(&uid).map(str::to_owned), league: leagues.of_uid(&uid), starts_at_ms })
    }
}

impl From<&Identity> for Subject {
    fn from(identity: &Identity) -> Self {
        let (sport, league) = (identity.sport.clone(), identity.league.clone());
        Self { sport, league, game_id: Some(identity.id.clone()), symbol: None }
    }
}

impl Status {
    /// Of a game of which only the teams matter.
    pub(super) fn not_read() -> Self {
        let name = String::new();
        Self { status: GameStatus::Unknown, name, has_started: false, period: None, display_clock: None }
    }

    pub(super) fn read(object: &Object<'_, '_>, identity: &Identity) -> Result<Self, Fault> {
        let kind_path = Path::Key(object.path(), "type");
        let kind = Object::read(object.need("type", "an object with name and state")?, &kind_path, "an object")?;
        let name = kind.need_text("name", "a status such as STATUS_IN_PROGRESS")?.into_owned();
        let period = period_of(object.integer("period", "a period number")?, &Path::Key(object.path(), "period"))?;
        let mut status = table::status_of_name(&name);
        if status == GameStatus::InProgress {
            let detail = kind.text("detail")?.unwrap_or_default();
            let (sport, league) = (identity.sport.as_deref(), identity.league.as_deref());
            status = table::refine_in_progress(sport, league, period.unwrap_or(0), &detail);
        }
        let has_started = match kind.text("state")?.as_deref() {
            Some("pre") => false,
            Some("in" | "post") => true,
            _ => !matches!(status, GameStatus::Scheduled | GameStatus::Unknown),
        };
        let display_clock = object.text("displayClock")?.filter(|clock| !clock.is_empty());
        Ok(Self { status, name, has_started, period, display_clock: display_clock.map(|clock| clock.into_owned()) })
    }

    /// Whether a game in this state must have a score: one that was called off may have none.
    pub(super) fn needs_score(&self) -> bool {
        self.has_started
            && !matches!(
                self.status,
                GameStatus::Postponed | GameStatus::Canceled | GameStatus::Forfeit | GameStatus::Unknown
            )
    }
}

impl Sides {
    /// Reads `competitors`; scores only of a game that has started.
    pub(super) fn read(competition: &Object<'_, '_>, status: &Status) -> Result<Self, Fault> {
        const WHAT: &str = "a home and an away competitor";
        let path = Path::Key(competition.path(), "competitors");
        let raws = list(competition.need("competitors", WHAT)?, &path)?;
        if raws.is_empty() {
            return Err(Fault::new(
                RejectReason::MissingField,
                &path,
                format!("competitors is empty; expected {WHAT}"),
            ));
        }
        let (mut home, mut away) = (None, None);
        for (index, raw) in raws.iter().enumerate() {
            let path = Path::Index(&path, index);
            let competitor = Object::read(raw, &path, "a competitor object")?;
            if competitor.get("team")?.is_none() && (competitor.has("athlete") || competitor.has("roster")) {
                return Ok(Self::Individual);
            }
            let side = match competitor.text("homeAway")?.as_deref() {
                Some("home") => &mut home,
                Some("away") => &mut away,
                _ => continue,
            };
            if side.replace(Competitor::read(&competitor, status)?).is_some() {
                let message = format!("two competitors are on the same side; expected {WHAT}");
                return Err(Fault::new(RejectReason::BadField, &Path::Key(&path, "homeAway"), message));
            }
        }
        match (home, away) {
            (Some(home), Some(away)) => Ok(Self::Teams(Box::new([home, away]))),
            (None, None) => Ok(Self::Individual),
            (home, _) => {
                let absent = if home.is_none() { "home" } else { "away" };
                let message = format!("no competitor has homeAway {absent}; expected {WHAT}");
                Err(Fault::new(RejectReason::MissingField, &path, message))
            }
        }
    }
}

impl Competitor {
    fn read(competitor: &Object<'_, '_>, status: &Status) -> Result<Self, Fault> {
        let team_path = Path::Key(competitor.path(), "team");
        let team = Object::read(competitor.need("team", "a team object")?, &team_path, "a team object")?;
        let mut read = Self { team: read_team(competitor, &team)?, score: None, linescores: Vec::new() };
        if status.has_started {
            read.score = read_score(competitor)?;
            if read.score.is_none() && status.needs_score() {
                return Err(competitor.missing("score", "a number, because the game has started"));
            }
            read.linescores = read_linescores(competitor)?;
        }
        Ok(read)
    }
}

fn read_team(competitor: &Object<'_, '_>, team: &Object<'_, '_>) -> Result<Team, Fault> {
    let id = match competitor.text("id")? {
        Some(id) => Some(id),
        None => team.text("id")?,
    };
    let mut name = None;
    for key in ["displayName", "name", "shortDisplayName", "location", "abbreviation"] {
        if name.is_none() {
            name = team.text(key)?.filter(|text| !text.trim().is_empty());
        }
    }
    Ok(Team {
        id: id.ok_or_else(|| competitor.missing("id", "the team's id"))?.into_owned(),
        name: name.ok_or_else(|| team.missing("displayName", "the team's name"))?.into_owned(),
        abbreviation: team.text("abbreviation")?.filter(|text| !text.is_empty()).map(|text| text.into_owned()),
    })
}

/// `"3"`, `3`, `3.0` or `{"value": 3.0, "displayValue": "3"}`; an empty text is no score yet.
fn read_score(competitor: &Object<'_, '_>) -> Result<Option<i32>, Fault> {
    let path = Path::Key(competitor.path(), "score");
    let Some(raw) = competitor.get("score")? else { return Ok(None) };
    if raw.get() == "\"\"" {
        return Ok(None);
    }
    if raw.get().starts_with('{') {
        let score = Object::read(raw, &path, "a number")?;
        let inner = match score.get("value")? {
            Some(value) => Some((value, "value")),
            None => score.get("displayValue")?.map(|value| (value, "displayValue")),
        };
        return inner.map(|(raw, key)| points(raw, &Path::Key(&path, key))).transpose();
    }
    points(raw, &path).map(Some)
}

/// A count of points from 0.
pub(super) fn points(raw: &serde_json::value::RawValue, path: &Path<'_>) -> Result<i32, Fault> {
    const WHAT: &str = "a whole number from 0";
    let value = scaled::<0>(raw, path, WHAT, Precision::Exact)?.0;
    i32::try_from(value)
        .ok()
        .filter(|points| *points >= 0)
        .ok_or_else(|| Fault::new(RejectReason::OutOfRange, path, format!("found {value}; expected {WHAT}")))
}

/// An inning that was not played is sent as `-`, `X` or nothing: it has no points.
fn read_linescores(competitor: &Object<'_, '_>) -> Result<Vec<i32>, Fault> {
    let path = Path::Key(competitor.path(), "linescores");
    let mut linescores = Vec::new();
    for (index, raw) in competitor.list("linescores")?.unwrap_or_default().into_iter().enumerate() {
        let path = Path::Index(&path, index);
        let period = Object::read(raw, &path, "a period's score")?;
        let (key, value) = match period.get("value")? {
            Some(value) => ("value", Some(value)),
            None => ("displayValue", period.get("displayValue")?),
        };
        let path = Path::Key(&path, key);
        linescores.push(match value {
            None => 0,
            Some(raw) if matches!(text(raw, &path, "a number")?.trim(), "" | "-" | "X" | "x") => 0,
            Some(raw) => points(raw, &path)?,
        });
    }
    Ok(linescores)
}

/// `object.key.member` as text, of the blocks around plays and moments: `team.id`, `clock.displayValue`.
pub(super) fn inner_text(object: &Object<'_, '_>, key: &str, member: &str) -> Result<Option<String>, Fault> {
    let path = Path::Key(object.path(), key);
    let Some(raw) = object.get(key)? else { return Ok(None) };
    let text = Object::read(raw, &path, "an object")?.text(member)?;
    Ok(text.filter(|text| !text.is_empty()).map(std::borrow::Cow::into_owned))
}

/// `period.number` of a play or a moment; 0 is none.
pub(super) fn inner_period(object: &Object<'_, '_>) -> Result<Option<u16>, Fault> {
    let path = Path::Key(object.path(), "period");
    let Some(raw) = object.get("period")? else { return Ok(None) };
    let number = Object::read(raw, &path, "a period object")?.integer("number", "a period number")?;
    period_of(number, &Path::Key(&path, "number"))
}

fn period_of(number: Option<i64>, path: &Path<'_>) -> Result<Option<u16>, Fault> {
    let Some(number) = number.filter(|number| *number != 0) else { return Ok(None) };
    u16::try_from(number).map(Some).map_err(|_| {
        Fault::new(RejectReason::OutOfRange, path, format!("found {number}; expected a period from 0 to 65535"))
    })
}

/// `Caesars Sportsbook (New Jersey)` as `caesars-sportsbook-new-jersey`.
pub(super) fn kebab(name: &str) -> String {
    let words = name.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("-")
}
