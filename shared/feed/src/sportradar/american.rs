//! A game of a US league: summaries, statistics, play-by-play, and the messages of the push feeds.
//! SR-8: one `fixture` a game; a push message that says nothing new about the game gives its play alone.
//! SR-9: a push message that takes a play back (`operation` `delete`) is `other`.

use serde_json::value::RawValue;
use touchline_event::{Fixture, GameStatus, PeriodChange, RosterChange, ScoreUpdate, Team};

use super::payload::{inner_text, member, points, read_team, read_venue, text_of};
use super::plays::Flow;
use super::{listings, table};
use crate::raw::{Fault, Object, Path};
use crate::run::{Context, Run, Subject};

/// A game, read and trusted.
struct Game {
    subject: Subject,
    home: Team,
    away: Team,
    starts_at_ms: Option<i64>,
    status: GameStatus,
    detail: String,
    period: Option<u16>,
    clock: Option<String>,
    score: Option<[i32; 2]>,
    venue: Option<String>,
}

/// Whether an object is a game of a US league.
pub(super) fn is_game(object: &Object<'_, '_>) -> bool {
    let has_sides = (object.has("home") && object.has("away")) || object.has("summary");
    object.has("id") && has_sides && (object.has("status") || object.has("scheduled"))
}

/// A summary, statistics or play-by-play answer; `league` as the request names it.
pub(super) fn answer(root: &Object<'_, '_>, raw: &RawValue, league: Option<&str>, run: &mut Run) -> Result<(), Fault> {
    let league = league.or_else(|| league_of(root));
    let summary_path = Path::Key(root.path(), "summary");
    // NFL keeps sides, venue and season apart in `summary`.
    let summary = member(root, "summary")?.map(|raw| Object::read(raw, &summary_path, "an object with home and away"));
    let summary = summary.transpose()?;
    let sides = summary.as_ref().unwrap_or(root);
    let game = Game::read(root, sides, league)?;
    let at_ms = run.received_at_ms.or(last_time_ms(raw.get())).or(game.starts_at_ms).unwrap_or_default();
    let periods = period_points(root, sides)?;
    game.state(periods, at_ms, run);
    let venue_path = Path::Key(sides.path(), "venue");
    if let Some(raw) = member(sides, "venue")? {
        run.record(raw, &venue_path, |run| listings::venue(raw, &venue_path, at_ms, run));
    }
    for side in ["home", "away"] {
        roster(sides, side, &game, raw, at_ms, run);
    }
    let mut flow = game.flow(at_ms);
    for key in ["periods", "quarters", "innings"] {
        let list_path = Path::Key(root.path(), key);
        for (index, raw) in run.list(root, key, raw).into_iter().enumerate() {
            let path = Path::Index(&list_path, index);
            run.record(raw, &path, |run| period(raw, &path, &mut flow, run));
        }
    }
    for key in ["statistics", "officials"] {
        if let Some(raw) = run.member(root, key, raw).filter(|raw| raw.get().len() > 2) {
            run.other(game.subject.clone(), at_ms, (key, key), raw, Context::default());
        }
    }
    Ok(())
}

/// One message of a push feed: `{payload: {game, event}, metadata, locale}`.
pub(super) fn message(root: &Object<'_, '_>, raw: &RawValue, run: &mut Run) -> Result<(), Fault> {
    let payload_path = Path::Key(root.path(), "payload");
    let payload = Object::read(root.need("payload", "an object with game and event")?, &payload_path, "an object")?;
    let league = inner_text(root, "metadata", "league")?.map(|league| league.to_lowercase());
    let game_path = Path::Key(&payload_path, "game");
    let Some(game) = member(&payload, "game")? else {
        run.other(
            Subject::default(),
            run.received_at_ms.unwrap_or_default(),
            ("push", "push"),
            raw,
            Context::default(),
        );
        return Ok(());
    };
    let object = Object::read(game, &game_path, "a game object")?;
    let game = Game::read(&object, &object, league.as_deref())?;
    let event_path = Path::Key(&payload_path, "event");
    let event = member(&payload, "event")?;
    let at_ms = event.and_then(|raw| last_time_ms(raw.get())).or(run.received_at_ms).or(game.starts_at_ms);
    let at_ms = at_ms.unwrap_or_default();
    game.state(Vec::new(), at_ms, run);
    let Some(event) = event else { return Ok(()) };
    if inner_text(root, "metadata", "operation")?.as_deref() == Some("delete") {
        let id = Object::read(event, &event_path, "a play object")?.need_text("id", "the play's id")?.into_owned();
        run.other(game.subject, at_ms, ("deleted_play", &format!("deleted:{id}")), event, Context::default());
        return Ok(());
    }
    let mut flow = game.flow(at_ms);
    if let Some([home_score, away_score]) = game.score {
        (flow.home_score, flow.away_score) = (home_score, away_score);
    }
    flow.play(event, &event_path, run)
}

impl Game {
    fn read(object: &Object<'_, '_>, sides: &Object<'_, '_>, league: Option<&str>) -> Result<Self, Fault> {
        let id = object.need_text("id", "the game's id")?.into_owned();
        let mut read = Vec::new();
        let mut score = Vec::new();
        for side in ["home", "away"] {
            let path = Path::Key(sides.path(), side);
            let team = Object::read(sides.need(side, "a team object")?, &path, "a team object")?;
            for key in ["points", "runs", "score", "goals"] {
                if let Some(points) = points(&team, key)? {
                    score.push(points);
                    break;
                }
            }
            read.push(read_team(&team)?);
        }
        let [home, away] = <[Team; 2]>::try_from(read).map_err(|_| sides.missing("home", "two sides"))?;
        let detail = text_of(object, "status")?.unwrap_or_else(|| "scheduled".to_owned());
        let mut period = None;
        for key in ["quarter", "period", "inning", "half"] {
            if period.is_none() {
                period = object.integer(key, "a period's number")?.and_then(|number| u16::try_from(number).ok());
            }
        }
        let venue_path = Path::Key(sides.path(), "venue");
        let venue = member(sides, "venue")?.map(|raw| read_venue(&Object::read(raw, &venue_path, "a venue")?));
        Ok(Self {
            subject: Subject {
                sport: league.and_then(table::sport_of_league).map(str::to_owned),
                league: league.map(str::to_owned),
                game_id: Some(id),
                symbol: None,
            },
            home,
            away,
            starts_at_ms: object.time_ms("scheduled")?,
            status: table::status(&detail, None),
            detail,
            period,
            clock: text_of(object, "clock")?,
            score: <[i32; 2]>::try_from(score).ok(),
            // What is damaged in the venue costs its name, not the game.
            venue: venue.and_then(Result::ok).map(|venue| venue.name),
        })
    }

    fn state(&self, periods: Vec<[i32; 2]>, at_ms: i64, run: &mut Run) {
        let fixture = Fixture {
            home: self.home.clone(),
            away: self.away.clone(),
            starts_at_ms: self.starts_at_ms,
            status: self.status,
            status_detail: Some(self.detail.clone()),
            venue: self.venue.clone(),
            is_neutral_site: None,
        };
        run.event(self.subject.clone(), at_ms, "fixture", fixture, Context::default());
        let has_started = self.status.is_live() || matches!(self.status, GameStatus::Final | GameStatus::Suspended);
        if !has_started {
            return;
        }
        if let Some([home_score, away_score]) = self.score {
            let score = ScoreUpdate { home_score, away_score, status: self.status, periods };
            let context = Context { period: self.period, game_clock: self.clock.clone(), ..Context::default() };
            run.event(self.subject.clone(), at_ms, "score", score, context);
        }
        let change = PeriodChange { status: self.status, status_detail: self.detail.clone() };
        run.event(self.subject.clone(), at_ms, "period", change, Context { period: self.period, ..Context::default() });
    }

    fn flow(&self, at_ms: i64) -> Flow<'_> {
        Flow {
            subject: &self.subject,
            home_id: &self.home.id,
            away_id: &self.away.id,
            home_score: 0,
            away_score: 0,
            period: None,
            drive_id: None,
            last_ms: self.starts_at_ms.unwrap_or(at_ms),
        }
    }
}

/// A league that shows itself in the shape of an answer, where the request does not name it.
fn league_of(root: &Object<'_, '_>) -> Option<&'static str> {
    match () {
        () if root.has("quarter") && root.has("summary") => Some("nfl"),
        () if root.has("quarter") => Some("nba"),
        () if root.has("innings") || root.has("double_header") => Some("mlb"),
        () => None,
    }
}

/// The latest time in a payload's plays: when a file was as it is.
fn last_time_ms(text: &str) -> Option<i64> {
    let times = ["\"wall_clock\"", "\"end_time\"", "\"updated\""].iter().map(|key| {
        let all = memchr::memmem::find_iter(text.as_bytes(), key).filter_map(|at| {
            let value = text.get(at + key.len()..)?.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
            touchline_event::parse_utc_ms(&value[..value.find('"')?])
        });
        all.max()
    });
    times.flatten().next()
}

/// Points by period: `scoring` of the sides in a summary, of the periods in play-by-play.
fn period_points(root: &Object<'_, '_>, sides: &Object<'_, '_>) -> Result<Vec<[i32; 2]>, Fault> {
    let mut by_side = Vec::new();
    for side in ["home", "away"] {
        let path = Path::Key(sides.path(), side);
        let team = Object::read(sides.need(side, "a team object")?, &path, "a team object")?;
        let list_path = Path::Key(&path, "scoring");
        let scoring = team.get("scoring")?.filter(|raw| raw.get().starts_with('['));
        let raws = scoring.map(|raw| crate::raw::list(raw, &list_path)).transpose()?.unwrap_or_default();
        let mut scores = Vec::new();
        for (index, raw) in raws.into_iter().enumerate() {
            let path = Path::Index(&list_path, index);
            let period = Object::read(raw, &path, "a period's score")?;
            scores.push(points(&period, "points")?.or(points(&period, "runs")?).unwrap_or(0));
        }
        by_side.push(scores);
    }
    let mut periods: Vec<[i32; 2]> = by_side[0].iter().zip(&by_side[1]).map(|(home, away)| [*home, *away]).collect();
    let list_path = Path::Key(root.path(), "periods");
    for (index, raw) in root.list("periods").ok().flatten().unwrap_or_default().into_iter().enumerate() {
        let path = Path::Index(&list_path, index);
        let Ok(period) = Object::read(raw, &path, "a period object") else { continue };
        let scoring_path = Path::Key(&path, "scoring");
        let Some(raw) = member(&period, "scoring")? else { continue };
        let scoring = Object::read(raw, &scoring_path, "an object with home and away")?;
        let side = |side: &str| -> Result<i32, Fault> {
            let path = Path::Key(&scoring_path, side);
            let Some(raw) = member(&scoring, side)? else { return Ok(0) };
            Ok(points(&Object::read(raw, &path, "a side")?, "points")?.unwrap_or(0))
        };
        periods.push([side("home")?, side("away")?]);
    }
    Ok(periods)
}

/// The players of a side, as far as the answer lists them.
fn roster(sides: &Object<'_, '_>, side: &str, game: &Game, record: &RawValue, at_ms: i64, run: &mut Run) {
    let path = Path::Key(sides.path(), side);
    let team = if side == "home" { &game.home } else { &game.away };
    let Some(Ok(object)) = sides.get(side).ok().flatten().map(|raw| Object::read(raw, &path, "a team object")) else {
        return;
    };
    let list_path = Path::Key(&path, "players");
    for (index, raw) in run.list(&object, "players", record).into_iter().enumerate() {
        let path = Path::Index(&list_path, index);
        run.record(raw, &path, |run| {
            let player = Object::read(raw, &path, "a player object")?;
            let id = text_of(&player, "id")?;
            let name = text_of(&player, "full_name")?.or_else(|| id.clone());
            let number = text_of(&player, "jersey_number")?.and_then(|number| number.parse().ok());
            let is_active = player.flag("active")?.unwrap_or(true);
            let change = RosterChange {
                team: team.clone(),
                player: name.ok_or_else(|| player.missing("full_name", "the player's name"))?,
                status: if is_active { "active" } else { "inactive" }.to_owned(),
                number,
                position: text_of(&player, "position")?,
                from_ms: None,
                until_ms: None,
            };
            let vendor_id = format!("roster:{}:{}", team.id, id.clone().unwrap_or_else(|| change.player.clone()));
            let context = Context { team_id: Some(team.id.clone()), player_id: id, ..Context::default() };
            run.event(game.subject.clone(), at_ms, &vendor_id, change, context);
            Ok(())
        });
    }
}

/// A period with its plays: `events`, NFL's `pbp` with drives, MLB's halves with at-bats.
fn period(raw: &RawValue, path: &Path<'_>, flow: &mut Flow<'_>, run: &mut Run) -> Result<(), Fault> {
    let object = Object::read(raw, path, "a period object")?;
    flow.period = object.integer("number", "a period's number")?.and_then(|number| u16::try_from(number).ok());
    nested(&object, raw, flow, run);
    Ok(())
}

/// Plays, and what holds plays: drives, half innings, at-bats.
fn nested(object: &Object<'_, '_>, record: &RawValue, flow: &mut Flow<'_>, run: &mut Run) {
    for key in ["events", "pbp", "actions", "halfs", "halves", "plays"] {
        let list_path = Path::Key(object.path(), key);
        for (index, raw) in run.list(object, key, record).into_iter().enumerate() {
            let path = Path::Index(&list_path, index);
            run.record(raw, &path, |run| {
                let inner = Object::read(raw, &path, "a play object")?;
                let at_bat_path = Path::Key(&path, "at_bat");
                if let Some(raw) = member(&inner, "at_bat")? {
                    nested(&Object::read(raw, &at_bat_path, "an at-bat")?, raw, flow, run);
                    return Ok(());
                }
                // MLB wraps what is no at-bat too.
                let event_path = Path::Key(&path, "event");
                if let Some(raw) = member(&inner, "event")? {
                    return flow.play(raw, &event_path, run);
                }
                if let Some(lineup) = member(&inner, "lineup")? {
                    let vendor_id = format!("lineup:{}", inner_text(&inner, "lineup", "id")?.unwrap_or_default());
                    run.other(flow.subject.clone(), flow.last_ms, ("lineup", &vendor_id), lineup, Context::default());
                    return Ok(());
                }
                if !["events", "pbp", "actions"].iter().any(|key| inner.has(key)) {
                    return flow.play(raw, &path, run);
                }
                flow.drive_id = text_of(&inner, "id")?.filter(|_| inner.has("sequence"));
                nested(&inner, raw, flow, run);
                flow.drive_id = None;
                Ok(())
            });
        }
    }
}
