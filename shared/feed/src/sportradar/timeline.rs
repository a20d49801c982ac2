//! A game's state and its timeline: goals, cards, substitutions, shots, periods; every other moment as sent.
//! SR-3: a timeline's moment is named by the vendor's id; what it says is its revision, so that a correction is new.
//! SR-4: places are 0 to 100 from the home team's goal line and from the top touchline; an away moment is turned.

use serde_json::value::RawValue;
use touchline_event::{
    Card, Fixture, GameStatus, Goal, Location, PeriodChange, ScoreUpdate, Shot, ShotOutcome, Situation, Substitution,
};

use super::actions;
use super::payload::{SportEvent, Status, inner_text, points, text_of};
use crate::pitch::{ONE_E5, Pitch};
use crate::raw::{Fault, Object, Path, Precision};
use crate::run::{Context, Run};

/// x from the home team's goal line, y from the top touchline: the left one of a team that attacks to the right.
const PITCH: Pitch = Pitch { x_e5: (0, 100 * ONE_E5), y_e5: (100 * ONE_E5, 0) };

/// The fixture, and of a game that has started its score and state.
pub(super) fn state(event: &SportEvent, status: Option<&Status>, at_ms: i64, run: &mut Run) {
    let fixture = Fixture {
        home: event.home.clone(),
        away: event.away.clone(),
        starts_at_ms: event.starts_at_ms,
        status: status.map_or(GameStatus::Unknown, |status| status.status),
        status_detail: status.map(|status| status.detail.clone()),
        venue: event.venue.as_ref().map(|venue| venue.name.clone()),
        is_neutral_site: event.is_neutral_site,
    };
    run.event(event.subject.clone(), at_ms, "fixture", fixture, Context::default());
    let Some(status) = status.filter(|status| status.has_started()) else { return };
    if let Some(score) = status.score.clone() {
        let context = Context { game_clock: status.clock.clone(), ..Context::default() };
        run.event(event.subject.clone(), at_ms, "score", score, context);
    }
    let change = PeriodChange { status: status.status, status_detail: status.detail.clone() };
    run.event(event.subject.clone(), at_ms, "period", change, Context::default());
}

/// One moment of `timeline`.
pub(super) fn moment(
    raw: &RawValue,
    path: &Path<'_>,
    event: &SportEvent,
    observed_at_ms: i64,
    run: &mut Run,
) -> Result<(), Fault> {
    let object = Object::read(raw, path, "a timeline object")?;
    let id = object.need_text("id", "the moment's id")?.into_owned();
    let kind = object.need_text("type", "the moment's type, such as score_change")?.into_owned();
    let context = context(&object, event)?;
    if let Some(time_ms) = context.vendor_time_ms {
        run.refuse_future(time_ms, &Path::Key(path, "time"))?;
    }
    let at_ms = context.vendor_time_ms.or(event.starts_at_ms).unwrap_or(observed_at_ms);
    let vendor_id = format!("timeline:{id}");
    let period_type = text_of(&object, "period_type")?.unwrap_or_default();
    let subject = event.subject.clone();
    match kind.as_str() {
        "score_change" => goal(&object, event, (at_ms, &vendor_id, &period_type), context, run)?,
        "yellow_card" => run.event(subject, at_ms, &vendor_id, card(&object, "yellow")?, context),
        "red_card" => run.event(subject, at_ms, &vendor_id, card(&object, "red")?, context),
        "yellow_red_card" => run.event(subject, at_ms, &vendor_id, card(&object, "second_yellow")?, context),
        "substitution" => run.event(subject, at_ms, &vendor_id, substitution(&object)?, context),
        "shot_on_target" | "shot_off_target" | "shot_blocked" => {
            let shot = shot(&object, &kind)?;
            run.event(subject, at_ms, &vendor_id, shot, context);
        }
        "period_start" | "break_start" | "match_ended" => {
            let change = PeriodChange { status: status_of(&kind, &period_type, &object)?, status_detail: kind };
            run.event(subject, at_ms, &vendor_id, change, context);
        }
        _ => run.other(subject, at_ms, (&kind, &vendor_id), raw, context),
    }
    Ok(())
}

fn status_of(kind: &str, period_type: &str, object: &Object<'_, '_>) -> Result<GameStatus, Fault> {
    Ok(match (kind, period_type) {
        ("match_ended", _) => GameStatus::Final,
        ("period_start", "overtime" | "extra_time") => GameStatus::Overtime,
        ("period_start", "penalties") => GameStatus::Shootout,
        ("period_start", _) => GameStatus::InProgress,
        // Between the halves the vendor says only that there is a pause.
        _ => match text_of(object, "break_name")? {
            Some(name) if name != "pause" => GameStatus::EndOfPeriod,
            _ => GameStatus::Halftime,
        },
    })
}

fn context(object: &Object<'_, '_>, event: &SportEvent) -> Result<Context, Fault> {
    let side = match text_of(object, "competitor")? {
        Some(side) => Some(side),
        None => text_of(object, "team")?,
    };
    let clock = text_of(object, "match_clock")?;
    let minute = text_of(object, "match_time")?.map(|minute| format!("{minute}'"));
    let stoppage = text_of(object, "stoppage_time")?;
    let period = object.integer("period", "a period's number")?.and_then(|number| u16::try_from(number).ok());
    Ok(Context {
        team_id: side.and_then(|side| event.side(&side).map(|team| team.id.clone())),
        player_id: actions::players(object)?.into_iter().next().and_then(|player| player.id),
        game_clock: clock.or(minute).map(|clock| match stoppage {
            Some(stoppage) => format!("{clock}+{stoppage}"),
            None => clock,
        }),
        period,
        vendor_seq: None,
        vendor_time_ms: object.time_ms("time")?,
    })
}

/// A goal, and the score it makes.
fn goal(
    object: &Object<'_, '_>,
    event: &SportEvent,
    (at_ms, vendor_id, period_type): (i64, &str, &str),
    context: Context,
    run: &mut Run,
) -> Result<(), Fault> {
    let mut method = text_of(object, "method")?;
    for key in ["goal_scorer", "scorer"] {
        method = method.or(inner_text(object, key, "method")?);
    }
    let players = actions::players(object)?;
    let scorer = players.iter().find(|player| player.role.as_deref() == Some("scorer")).or(players.first());
    let is_shootout = period_type == "penalties";
    let goal = Goal {
        scorer: scorer.and_then(|player| player.name.clone()),
        is_own_goal: method.as_deref() == Some("own_goal"),
        is_penalty: method.as_deref() == Some("penalty") || is_shootout,
        is_shootout,
    };
    let (home, away) = (points(object, "home_score")?, points(object, "away_score")?);
    let period = context.period;
    let game_clock = context.game_clock.clone();
    run.event(event.subject.clone(), at_ms, vendor_id, goal, context);
    if let (Some(home_score), Some(away_score), false) = (home, away, is_shootout) {
        let score = ScoreUpdate { home_score, away_score, status: GameStatus::InProgress, periods: Vec::new() };
        let context = Context { period, game_clock, ..Context::default() };
        run.event(event.subject.clone(), at_ms, &format!("{vendor_id}:score"), score, context);
    }
    Ok(())
}

fn card(object: &Object<'_, '_>, color: &str) -> Result<Card, Fault> {
    let player = actions::players(object)?.into_iter().next().and_then(|player| player.name);
    Ok(Card { color: color.to_owned(), player })
}

fn substitution(object: &Object<'_, '_>) -> Result<Substitution, Fault> {
    let players = actions::players(object)?;
    let by_role = |role: &str| players.iter().find(|player| player.role.as_deref() == Some(role))?.name.clone();
    Ok(Substitution { player_in: by_role("substituted_in"), player_out: by_role("substituted_out") })
}

fn shot(object: &Object<'_, '_>, kind: &str) -> Result<Shot, Fault> {
    let outcome = match kind {
        "shot_off_target" => ShotOutcome::OffTarget,
        "shot_blocked" => ShotOutcome::Blocked,
        _ => ShotOutcome::Unknown,
    };
    let player = actions::players(object)?.into_iter().next().and_then(|player| player.name);
    Ok(Shot {
        player,
        outcome,
        from: location(object)?,
        to: None,
        to_z_cm: None,
        xg_e6: None,
        body_part: None,
        technique: None,
        situation: Situation::OpenPlay,
        assist_id: None,
        is_under_pressure: false,
        is_first_time: false,
        is_one_on_one: false,
        goalkeeper: None,
        opponents_in_cone: None,
        frame: Vec::new(),
    })
}

/// The place of a moment, its own team attacking to the right.
fn location(object: &Object<'_, '_>) -> Result<Option<Location>, Fault> {
    let axis = |key: &str| object.scaled::<5>(key, "a place from 0 to 100", Precision::Rounded);
    let (Some(x), Some(y)) = (axis("x")?, axis("y")?) else { return Ok(None) };
    let is_away =
        [text_of(object, "competitor")?, text_of(object, "team")?].iter().any(|side| side.as_deref() == Some("away"));
    Ok(PITCH.place(x, y).map(|place| if is_away { place.turned() } else { place }))
}
