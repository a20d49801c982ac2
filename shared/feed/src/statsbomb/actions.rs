//! One StatsBomb event to what it is of ours: most become one event, a goal or a card makes a second one beside it.
//! SB-3: a second event is named after the vendor's id plus what it is, so that both survive a re-poll.
//! SB-4: `team_id` of a goal is the side that gets it, also of an own goal, as with the other vendors.

use std::collections::HashMap;

use serde_json::value::RawValue;
use touchline_event::{
    Card, Carry, Foul, FramePlayer, GameStatus, Goal, Lineup, LineupPlayer, Location, Pass, Payload, PeriodChange,
    Pressure, Shot, ShotOutcome, Situation, Substitution, Tackle, Team,
};

use super::payload::{Game, Named, duration_ms, inner, location, small};
use super::table::{self, Becomes, PITCH};
use crate::pitch::yards_to_cm;
use crate::raw::{Fault, Object, Path, Precision, list};
use crate::run::Run;

/// What an event of ours is, and how it is told from others of the same vendor id.
pub(super) struct Made {
    pub(super) payload: Payload,
    /// Empty for the event itself, `:goal` or `:card` for what stands beside it.
    pub(super) suffix: &'static str,
}

/// The event as the vendor sends it, with what all types share already read.
pub(super) struct Action<'a, 'p> {
    pub(super) object: Object<'a, 'p>,
    pub(super) becomes: Becomes,
    pub(super) team: Named,
    pub(super) player: Named,
    pub(super) period: Option<u16>,
}

/// Who scored an own goal, by the id of the vendor's event that says so.
pub(super) type OwnGoals = HashMap<String, Option<String>>;

impl Action<'_, '_> {
    /// What the event becomes; nothing where the vendor's object is kept as `other`.
    pub(super) fn made(&self, game: &Game, own_goals: &OwnGoals, run: &mut Run) -> Result<Vec<Made>, Fault> {
        let only = |payload: Payload| vec![Made { payload, suffix: "" }];
        Ok(match self.becomes {
            Becomes::Pass => only(self.pass()?.into()),
            Becomes::Shot => self.shot()?,
            Becomes::Duel => self.tackle()?.map(|tackle| only(tackle.into())).unwrap_or_default(),
            Becomes::Carry => only(self.carry()?.into()),
            Becomes::Pressure => only(self.pressure()?.into()),
            Becomes::Foul => self.foul()?,
            Becomes::BadBehaviour => self.card("bad_behaviour")?.map(|card| only(card.into())).unwrap_or_default(),
            Becomes::Substitution => only(self.substitution()?.into()),
            Becomes::OwnGoal => only(self.own_goal(own_goals, run)?.into()),
            Becomes::Lineup => self.lineup(game)?.map(|lineup| only(lineup.into())).unwrap_or_default(),
            Becomes::HalfStart | Becomes::HalfEnd => only(self.period_change().into()),
            Becomes::Other => Vec::new(),
        })
    }

    fn flag(&self, key: &str) -> Result<bool, Fault> {
        Ok(self.object.flag(key)?.unwrap_or(false))
    }

    /// The member named after the type, with its path; absent where the vendor has nothing to add.
    fn detail<T>(&self, key: &str, read: impl FnOnce(Option<&Object<'_, '_>>) -> Result<T, Fault>) -> Result<T, Fault> {
        let path = Path::Key(self.object.path(), key);
        match inner(&self.object, key)? {
            Some(raw) => read(Some(&Object::read(raw, &path, "an object")?)),
            None => read(None),
        }
    }

    fn pass(&self) -> Result<Pass, Fault> {
        let path = Path::Key(self.object.path(), "pass");
        let raw = self.object.need("pass", "what the vendor says of the pass")?;
        let pass = Object::read(raw, &path, "an object")?;
        let is = |key: &str| Ok::<_, Fault>(pass.flag(key)?.unwrap_or(false));
        let (outcome, kind, technique) =
            (Named::read(&pass, "outcome")?, Named::read(&pass, "type")?, Named::read(&pass, "technique")?);
        let recipient = Named::read(&pass, "recipient")?;
        let body_part = Named::read(&pass, "body_part")?;
        Ok(Pass {
            player: self.player.name.clone(),
            recipient: recipient.name,
            recipient_id: recipient.id,
            outcome: table::pass_outcome(outcome.name.as_deref()),
            from: location(&self.object, "location")?,
            to: location(&pass, "end_location")?,
            length_cm: pass.scaled::<5>("length", "yards", Precision::Rounded)?.map(yards_to_cm),
            // The vendor's y grows to the right of the attack, and so does its angle.
            angle_e4: pass.scaled::<4>("angle", "radians", Precision::Rounded)?.map(|angle| angle.saturating_neg()),
            duration_ms: duration_ms(&self.object)?,
            height: table::pass_height(Named::read(&pass, "height")?.name()),
            body_part: body_part.name.as_deref().map(table::body_part),
            situation: table::situation(kind.name.as_deref()),
            is_under_pressure: self.flag("under_pressure")?,
            is_cross: is("cross")?,
            is_switch: is("switch")?,
            is_through_ball: is("through_ball")? || technique.name() == "Through Ball",
            is_shot_assist: is("shot_assist")?,
            is_goal_assist: is("goal_assist")?,
        })
    }

    fn shot(&self) -> Result<Vec<Made>, Fault> {
        let path = Path::Key(self.object.path(), "shot");
        let raw = self.object.need("shot", "what the vendor says of the shot")?;
        let detail = Object::read(raw, &path, "an object")?;
        let from = location(&self.object, "location")?;
        let (frame, goalkeeper) = freeze_frame(&detail)?;
        let kind = Named::read(&detail, "type")?;
        let outcome = Named::read(&detail, "outcome")?;
        let shot = Shot {
            player: self.player.name.clone(),
            outcome: table::shot_outcome(outcome.name()),
            from,
            to: location(&detail, "end_location")?,
            to_z_cm: end_height_cm(&detail)?,
            xg_e6: detail.scaled::<6>("statsbomb_xg", "expected goals", Precision::Rounded)?,
            body_part: Named::read(&detail, "body_part")?.name.as_deref().map(table::body_part),
            technique: Named::read(&detail, "technique")?.name,
            situation: table::situation(kind.name.as_deref()),
            assist_id: detail.text("key_pass_id")?.map(Into::into),
            is_under_pressure: self.flag("under_pressure")?,
            is_first_time: detail.flag("first_time")?.unwrap_or(false),
            is_one_on_one: detail.flag("one_on_one")?.unwrap_or(false),
            goalkeeper,
            opponents_in_cone: from.filter(|_| !frame.is_empty()).map(|from| opponents_in_cone(from, &frame)),
            frame,
        };
        let goal = (shot.outcome == ShotOutcome::Goal).then(|| Goal {
            scorer: self.player.name.clone(),
            is_own_goal: false,
            is_penalty: shot.situation == Situation::Penalty,
            is_shootout: self.period == Some(5),
        });
        let mut made = vec![Made { payload: shot.into(), suffix: "" }];
        made.extend(goal.map(|goal| Made { payload: goal.into(), suffix: ":goal" }));
        Ok(made)
    }

    /// Aerial duels are not tackles: they stay `other`.
    fn tackle(&self) -> Result<Option<Tackle>, Fault> {
        let (kind, outcome) = self.detail("duel", |duel| {
            Ok(match duel {
                Some(duel) => (Named::read(duel, "type")?, Named::read(duel, "outcome")?),
                None => Default::default(),
            })
        })?;
        if kind.name() != "Tackle" {
            return Ok(None);
        }
        Ok(Some(Tackle {
            player: self.player.name.clone(),
            is_won: table::is_duel_won(outcome.name()),
            outcome: outcome.name,
            at: location(&self.object, "location")?,
            is_under_pressure: self.flag("under_pressure")?,
        }))
    }

    fn carry(&self) -> Result<Carry, Fault> {
        let to = self.detail("carry", |carry| carry.map_or(Ok(None), |carry| location(carry, "end_location")))?;
        Ok(Carry {
            player: self.player.name.clone(),
            from: location(&self.object, "location")?,
            to,
            duration_ms: duration_ms(&self.object)?,
            is_under_pressure: self.flag("under_pressure")?,
        })
    }

    fn pressure(&self) -> Result<Pressure, Fault> {
        Ok(Pressure {
            player: self.player.name.clone(),
            at: location(&self.object, "location")?,
            duration_ms: duration_ms(&self.object)?,
            is_counterpress: self.flag("counterpress")?,
        })
    }

    fn foul(&self) -> Result<Vec<Made>, Fault> {
        let at = location(&self.object, "location")?;
        let foul = self.detail("foul_committed", |detail| {
            let Some(detail) = detail else { return Ok((None, false, false)) };
            let is = |key: &str| Ok::<_, Fault>(detail.flag(key)?.unwrap_or(false));
            Ok((Named::read(detail, "type")?.name, is("penalty")?, is("advantage")?))
        })?;
        let (foul_type, is_penalty, is_advantage) = foul;
        let payload = Foul { player: self.player.name.clone(), at, foul_type, is_penalty, is_advantage }.into();
        let mut made = vec![Made { payload, suffix: "" }];
        made.extend(self.card("foul_committed")?.map(|card| Made { payload: card.into(), suffix: ":card" }));
        Ok(made)
    }

    fn card(&self, key: &str) -> Result<Option<Card>, Fault> {
        self.detail(key, |detail| {
            let Some(detail) = detail else { return Ok(None) };
            let card = Named::read(detail, "card")?;
            let color = table::card_color(card.name()).map(str::to_owned);
            Ok(color.map(|color| Card { color, player: self.player.name.clone() }))
        })
    }

    fn substitution(&self) -> Result<Substitution, Fault> {
        let player_in = self.detail("substitution", |detail| {
            detail.map_or(Ok(None), |detail| Ok(Named::read(detail, "replacement")?.name))
        })?;
        Ok(Substitution { player_in, player_out: self.player.name.clone() })
    }

    /// The scorer is named by the event of the side that conceded, which this one is related to.
    fn own_goal(&self, own_goals: &OwnGoals, run: &mut Run) -> Result<Goal, Fault> {
        let related = run.list(&self.object, "related_events", RawValue::NULL);
        let ids = related.iter().filter_map(|raw| serde_json::from_str::<String>(raw.get()).ok());
        let scorer = ids.filter_map(|id| own_goals.get(&id).cloned()).next().flatten();
        Ok(Goal {
            scorer: scorer.or_else(|| self.player.name.clone()),
            is_own_goal: true,
            is_penalty: false,
            is_shootout: false,
        })
    }

    fn lineup(&self, game: &Game) -> Result<Option<Lineup>, Fault> {
        self.detail("tactics", |tactics| {
            let Some(tactics) = tactics else { return Ok(None) };
            let path = Path::Key(tactics.path(), "lineup");
            let mut players = Vec::new();
            for (index, raw) in tactics.list("lineup")?.unwrap_or_default().into_iter().enumerate() {
                let path = Path::Index(&path, index);
                let entry = Object::read(raw, &path, "a player of the line-up")?;
                let player = Named::read(&entry, "player")?;
                players.push(LineupPlayer {
                    name: player.name.or_else(|| player.id.clone()).unwrap_or_default(),
                    id: player.id.unwrap_or_default(),
                    number: small(&entry, "jersey_number", "a shirt number")?,
                    position: Named::read(&entry, "position")?.name,
                    is_starter: Some(true),
                });
            }
            Ok(Some(Lineup {
                is_home: game.home_id.as_ref().map(|home| self.team.id.as_ref() == Some(home)),
                team: Team {
                    id: self.team.id.clone().unwrap_or_default(),
                    name: self.team.label(),
                    abbreviation: None,
                },
                formation: tactics.text("formation")?.map(|digits| table::formation(&digits)),
                players,
            }))
        })
    }

    fn period_change(&self) -> PeriodChange {
        let is_start = self.becomes == Becomes::HalfStart;
        let status = match (self.period, is_start) {
            (Some(5), true) => GameStatus::Shootout,
            (Some(3 | 4), true) => GameStatus::Overtime,
            (_, true) => GameStatus::InProgress,
            (Some(1), false) => GameStatus::Halftime,
            (_, false) => GameStatus::EndOfPeriod,
        };
        let status_detail = if is_start { "Half Start" } else { "Half End" }.to_owned();
        PeriodChange { status, status_detail }
    }
}

/// Everybody in the vendor's picture of the shot, and the opposing goalkeeper among them.
fn freeze_frame(shot: &Object<'_, '_>) -> Result<(Vec<FramePlayer>, Option<Location>), Fault> {
    let path = Path::Key(shot.path(), "freeze_frame");
    let mut frame = Vec::new();
    let mut goalkeeper = None;
    for (index, raw) in shot.list("freeze_frame")?.unwrap_or_default().into_iter().enumerate() {
        let path = Path::Index(&path, index);
        let entry = Object::read(raw, &path, "a player of the frame")?;
        let raw_place = entry.need("location", "where the player stood")?;
        let place = PITCH.location(raw_place, &Path::Key(&path, "location"))?;
        let is_teammate = entry.flag("teammate")?.unwrap_or(false);
        let is_keeper =
            Named::read(&entry, "position")?.name() == "Goalkeeper" || entry.flag("keeper")?.unwrap_or(false);
        if is_keeper && !is_teammate {
            goalkeeper = Some(place);
        }
        frame.push(FramePlayer { x_cm: place.x_cm, y_cm: place.y_cm, is_teammate, is_keeper });
    }
    Ok((frame, goalkeeper))
}

fn opponents_in_cone(from: Location, frame: &[FramePlayer]) -> u16 {
    let is_between = |player: &&FramePlayer| {
        !player.is_teammate && from.has_in_cone(Location { x_cm: player.x_cm, y_cm: player.y_cm })
    };
    // A frame of more than 65,535 players is no football.
    u16::try_from(frame.iter().filter(is_between).count()).unwrap_or(u16::MAX)
}

/// The third number of `end_location`, yards above the ground.
fn end_height_cm(shot: &Object<'_, '_>) -> Result<Option<i32>, Fault> {
    let Some(raw) = shot.get("end_location")? else { return Ok(None) };
    let path = Path::Key(shot.path(), "end_location");
    let Some(z) = list(raw, &path)?.get(2).copied() else { return Ok(None) };
    let yards = crate::raw::scaled::<5>(z, &Path::Index(&path, 2), "a height in yards", Precision::Rounded)?.0;
    Ok(i32::try_from(yards_to_cm(yards)).ok())
}
