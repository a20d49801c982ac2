//! A fixture as SportMonks sends it, version 3 or 2, read and trusted: which game, who plays, how it stands.
//! SM-2: without the include of the sides their names come from the fixture's own name, `Home vs Away`.
//! SM-3: `starting_at_timestamp` is UTC always; `starting_at` is in the zone that was asked for, UTC if none was.

use touchline_event::{GameStatus, ScoreUpdate, Team};

use super::includes::{each, one, text_of};
use super::table;
use crate::RejectReason;
use crate::raw::{Fault, Object, Path};
use crate::run::{Run, Subject};

/// The seconds of the year 2100: later is no start of a game.
const START_MAX: i64 = 4_102_444_800;
/// Most goals a side may have before it is a mistake.
const GOALS_MAX: i64 = 999;

/// A fixture, read and trusted.
pub(super) struct Fixture {
    pub(super) subject: Subject,
    pub(super) starts_at_ms: Option<i64>,
    pub(super) home: Team,
    pub(super) away: Team,
    pub(super) status: GameStatus,
    pub(super) status_detail: Option<String>,
    pub(super) venue: Option<String>,
    pub(super) minute: Option<i64>,
    pub(super) periods: Vec<Period>,
}

/// A period as version 3 sends it.
pub(super) struct Period {
    pub(super) id: String,
    /// 1 and 2 the halves, 3 extra time, 5 penalties.
    pub(super) number: i64,
    pub(super) started_ms: Option<i64>,
    pub(super) ended_ms: Option<i64>,
    pub(super) counts_from: i64,
}

impl Fixture {
    /// `zone` is the envelope's `timezone`.
    pub(super) fn read(object: &Object<'_, '_>, zone: Option<&str>) -> Result<Self, Fault> {
        let id = object.need_text("id", "the fixture's id")?.into_owned();
        let league = match one(object, "league", |league| text_of(league, "name"))?.flatten() {
            Some(name) => Some(name),
            None => text_of(object, "league_id")?,
        };
        let (status, status_detail) = status(object)?;
        let [home, away] = sides(object)?;
        let subject = Subject { sport: Some("soccer".to_owned()), league, game_id: Some(id), ..Subject::default() };
        Ok(Self {
            subject,
            starts_at_ms: starts_at_ms(object, zone)?,
            home,
            away,
            status,
            status_detail,
            venue: one(object, "venue", |venue| text_of(venue, "name"))?.flatten(),
            minute: one(object, "time", |time| time.integer("minute", "a minute"))?.flatten(),
            periods: periods(object)?,
        })
    }

    pub(super) fn has_started(&self) -> bool {
        !matches!(
            self.status,
            GameStatus::Scheduled | GameStatus::Postponed | GameStatus::Canceled | GameStatus::Delayed
        )
    }

    /// When what the payload says was so: on receipt; for a file, the end of the last period, else the start.
    pub(super) fn observed_at_ms(&self, run: &Run) -> i64 {
        let last = self.periods.iter().filter_map(|period| period.ended_ms.or(period.started_ms)).max();
        run.received_at_ms.or(last).or(self.starts_at_ms).unwrap_or_default()
    }

    pub(super) fn period_of(&self, period_id: Option<&str>) -> Option<&Period> {
        self.periods.iter().find(|period| Some(period.id.as_str()) == period_id)
    }

    /// The side of a participant's id.
    pub(super) fn is_home(&self, team_id: &str) -> Option<bool> {
        match team_id {
            "" => None,
            id if id == self.home.id => Some(true),
            id if id == self.away.id => Some(false),
            _ => None,
        }
    }
}

fn starts_at_ms(object: &Object<'_, '_>, zone: Option<&str>) -> Result<Option<i64>, Fault> {
    if let Some(seconds) = object.integer("starting_at_timestamp", "seconds since 1970")? {
        return in_range(seconds, &Path::Key(object.path(), "starting_at_timestamp")).map(Some);
    }
    // Version 2 keeps the start in `time.starting_at`.
    let of_v2 = one(object, "time", |time| {
        one(time, "starting_at", |start| {
            Ok((start.integer("timestamp", "seconds since 1970")?, start.time_ms("date_time")?))
        })
    })?;
    if let Some((seconds, date_time_ms)) = of_v2.flatten() {
        let path = Path::Key(object.path(), "time");
        return Ok(seconds.map(|seconds| in_range(seconds, &path)).transpose()?.or(date_time_ms));
    }
    let naive_ms = object.time_ms("starting_at")?;
    Ok(naive_ms.filter(|_| zone.is_none_or(|zone| zone == "UTC")))
}

fn in_range(seconds: i64, path: &Path<'_>) -> Result<i64, Fault> {
    if (0..START_MAX).contains(&seconds) {
        return Ok(seconds * 1000);
    }
    let message = format!("found {seconds}; expected seconds since 1970, before the year 2100");
    Err(Fault::new(RejectReason::OutOfRange, path, message))
}

/// `state` where it is included, else `state_id`, else version 2's `time.status`.
fn status(object: &Object<'_, '_>) -> Result<(GameStatus, Option<String>), Fault> {
    let word = |state: &Object<'_, '_>| match text_of(state, "developer_name")? {
        Some(word) => Ok(Some(word)),
        None => text_of(state, "state"),
    };
    let mut detail = one(object, "state", word)?.flatten();
    if detail.is_none() {
        detail = one(object, "time", |time| text_of(time, "status"))?.flatten();
    }
    let of_id = object.integer("state_id", "a state's id")?.and_then(table::status_of_id);
    let status = detail.as_deref().map(table::status_of_word).filter(|status| *status != GameStatus::Unknown);
    Ok((status.or(of_id).unwrap_or(GameStatus::Unknown), detail))
}

/// Home and away: `participants`, version 2's `localTeam` and `visitorTeam`, or the fixture's name.
fn sides(object: &Object<'_, '_>) -> Result<[Team; 2], Fault> {
    let mut sides = [None, None];
    let path = Path::Key(object.path(), "participants");
    for (index, raw) in object.list("participants")?.unwrap_or_default().into_iter().enumerate() {
        let path = Path::Index(&path, index);
        let participant = Object::read(raw, &path, "a participant object")?;
        let location = one(&participant, "meta", |meta| text_of(meta, "location"))?.flatten();
        let side = match location.as_deref() {
            Some("home") => 0,
            Some("away") => 1,
            _ => index.min(1),
        };
        sides[side] = Some(read_team(&participant)?);
    }
    for (side, (include, id)) in [("localTeam", "localteam_id"), ("visitorTeam", "visitorteam_id")].iter().enumerate() {
        if sides[side].is_none() {
            sides[side] = one(object, include, read_team)?;
        }
        // Without its include version 2 names a side by id only.
        if let (None, Some(id)) = (&sides[side], text_of(object, id)?) {
            sides[side] = Some(Team { name: id.clone(), id, abbreviation: None });
        }
    }
    let [home, away] = sides;
    let named = text_of(object, "name")?;
    let (first, second) = named.as_deref().and_then(|name| name.split_once(" vs ")).unzip();
    let of_name = |name: Option<&str>| name.map(|name| Team { name: name.trim().to_owned(), ..Team::default() });
    let missing = || object.missing("participants", "both sides, or a name such as Arsenal vs Chelsea");
    Ok([home.or_else(|| of_name(first)).ok_or_else(missing)?, away.or_else(|| of_name(second)).ok_or_else(missing)?])
}

pub(super) fn read_team(object: &Object<'_, '_>) -> Result<Team, Fault> {
    Ok(Team {
        id: object.need_text("id", "the team's id")?.into_owned(),
        name: object.need_text("name", "the team's name")?.trim().to_owned(),
        abbreviation: text_of(object, "short_code")?,
    })
}

fn periods(object: &Object<'_, '_>) -> Result<Vec<Period>, Fault> {
    let path = Path::Key(object.path(), "periods");
    let mut periods = Vec::new();
    for (index, raw) in object.list("periods")?.unwrap_or_default().into_iter().enumerate() {
        let path = Path::Index(&path, index);
        let period = Object::read(raw, &path, "a period object")?;
        let at_ms = |key: &str| -> Result<Option<i64>, Fault> {
            let seconds = period.integer(key, "seconds since 1970")?;
            seconds.map(|seconds| in_range(seconds, &Path::Key(&path, key))).transpose()
        };
        periods.push(Period {
            id: period.need_text("id", "the period's id")?.into_owned(),
            number: period.integer("type_id", "a period's type")?.unwrap_or(0),
            started_ms: at_ms("started")?,
            ended_ms: at_ms("ended")?,
            counts_from: period.integer("counts_from", "a minute")?.unwrap_or(0),
        });
    }
    Ok(periods)
}

/// The score as it stands, where one is sent: `CURRENT` of version 3's `scores`, or version 2's `scores` object.
pub(super) fn score(object: &Object<'_, '_>, fixture: &Fixture) -> Result<Option<ScoreUpdate>, Fault> {
    let path = Path::Key(object.path(), "scores");
    let Some(raw) = object.get("scores")? else { return Ok(None) };
    if raw.get().starts_with('{') {
        let scores = Object::read(raw, &path, "an object of scores")?;
        let side = |key: &str| goals(scores.integer(key, "goals from 0")?, &Path::Key(&path, key));
        let (Some(home_score), Some(away_score)) = (side("localteam_score")?, side("visitorteam_score")?) else {
            return Ok(None);
        };
        let half = text_of(&scores, "ht_score")?.and_then(|score| pair(&score));
        let full = text_of(&scores, "ft_score")?.and_then(|score| pair(&score));
        let periods = halves(half, None, full);
        return Ok(Some(ScoreUpdate { home_score, away_score, status: fixture.status, periods }));
    }
    let mut found: Vec<(String, [Option<i32>; 2])> = Vec::new();
    for (index, raw) in object.list("scores")?.unwrap_or_default().into_iter().enumerate() {
        let path = Path::Index(&path, index);
        let entry = Object::read(raw, &path, "a score object")?;
        let description = entry.need_text("description", "which score this is, such as CURRENT")?.into_owned();
        let Some((side, goals)) = read_score(&entry, fixture)? else { continue };
        let at = found.iter().position(|(known, _)| *known == description).unwrap_or_else(|| {
            found.push((description, [None, None]));
            found.len() - 1
        });
        found[at].1[side] = Some(goals);
    }
    let of = |name: &str| {
        let sides = found.iter().find(|(description, _)| description == name)?.1;
        Some([sides[0]?, sides[1]?])
    };
    let Some([home_score, away_score]) = of("CURRENT") else { return Ok(None) };
    let mut periods = halves(of("1ST_HALF"), of("2ND_HALF_ONLY"), of("2ND_HALF"));
    periods.extend(of("ET").filter(|_| periods.len() == 2));
    Ok(Some(ScoreUpdate { home_score, away_score, status: fixture.status, periods }))
}

/// Which side, and its goals.
fn read_score(entry: &Object<'_, '_>, fixture: &Fixture) -> Result<Option<(usize, i32)>, Fault> {
    let score = one(entry, "score", |score| {
        let path = Path::Key(score.path(), "goals");
        Ok((text_of(score, "participant")?, goals(score.integer("goals", "goals from 0")?, &path)?))
    })?;
    let Some((participant, Some(goals))) = score else { return Ok(None) };
    let by_id = || text_of(entry, "participant_id").ok().flatten().and_then(|id| fixture.is_home(&id));
    let is_home = match participant.as_deref() {
        Some("home") => Some(true),
        Some("away") => Some(false),
        _ => by_id(),
    };
    Ok(is_home.map(|is_home| (usize::from(!is_home), goals)))
}

fn goals(found: Option<i64>, path: &Path<'_>) -> Result<Option<i32>, Fault> {
    match found {
        Some(found) if !(0..=GOALS_MAX).contains(&found) => {
            let message = format!("found {found}; expected goals from 0 to {GOALS_MAX}");
            Err(Fault::new(RejectReason::OutOfRange, path, message))
        }
        found => Ok(found.map(|goals| goals as i32)),
    }
}

/// Goals by half. The second is given for itself, or as the score after it.
fn halves(first: Option<[i32; 2]>, second: Option<[i32; 2]>, after_second: Option<[i32; 2]>) -> Vec<[i32; 2]> {
    let Some(first) = first else { return Vec::new() };
    let second = second.or(after_second.map(|after| [after[0] - first[0], after[1] - first[1]]));
    let mut periods = vec![first];
    periods.extend(second.filter(|goals| goals.iter().all(|goals| *goals >= 0)));
    periods
}

/// `2-1`.
fn pair(score: &str) -> Option<[i32; 2]> {
    let (home, away) = score.split_once('-')?;
    Some([home.trim().parse().ok()?, away.trim().parse().ok()?])
}

/// What the formations of a fixture are, by team.
pub(super) fn formations(
    object: &Object<'_, '_>,
    record: &serde_json::value::RawValue,
    run: &mut Run,
) -> Vec<(String, String)> {
    let mut formations = Vec::new();
    each(run, object, "formations", record, |raw, path, _| {
        let entry = Object::read(raw, path, "a formation object")?;
        if let (Some(team), Some(formation)) = (text_of(&entry, "participant_id")?, text_of(&entry, "formation")?) {
            formations.push((team, formation));
        }
        Ok(())
    });
    formations
}
