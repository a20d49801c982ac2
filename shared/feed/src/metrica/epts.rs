//! EPTS, the FIFA format: the metadata that names teams, players and registers, and the frames that it explains.
//! MET-2: a frame is `frame:players;:ball`; the first two numbers of a player or the ball are its place, `NaN` is nobody.
//! Further registers (speed, mappings) are read only where the metadata calls the fourth one speed.

use touchline_event::{
    Fixture, GameStatus, Lineup, LineupPlayer, ScoreUpdate, Squad, Team, TrackedBall, TrackedPlayer, TrackingFrame,
    parse_utc_ms,
};

use super::payload::{Known, Note, Notes, place};
use super::table::RIGHT_TO_LEFT;
use crate::RejectReason;
use crate::origin::time_ms;
use crate::raw::{Fault, Precision, Text, decimal, quote};
use crate::run::{Context, Run};
use crate::xml::{self, Element};

/// Periods by the vendor's parameters.
const PERIODS: [&str; 4] =
    ["first_half_start", "second_half_start", "first_extra_half_start", "second_extra_half_start"];

/// The metadata: a `fixture`, a score where it has one, a `lineup` a team.
pub(super) fn metadata(text: &str, stem: &str, notes: &mut Notes, run: &mut Run) -> Result<(), Fault> {
    let fault = |(reason, message)| Fault { reason, pointer: String::new(), message };
    let root = xml::element(text).map_err(fault)?;
    let (Some(score), true) = (root.find("Score"), root.find("Players").is_some()) else {
        let message = "found no Score and Players; expected EPTS metadata of a match".to_owned();
        return Err(fault((RejectReason::WrongVendor, message)));
    };
    let home_id = score.attribute("idLocalTeam").unwrap_or_default().to_owned();
    let note = note(&root, stem, &home_id);
    let team = |is_home: bool| {
        let teams = root.find("Teams").map(|teams| teams.all("Team")).unwrap_or_default();
        let found = teams.into_iter().find(|team| (team.attribute("id") == Some(home_id.as_str())) == is_home);
        let id = found.and_then(|team| team.attribute("id")).unwrap_or_default().to_owned();
        let name = found.and_then(|team| team.text_of("Name")).unwrap_or(&id).to_owned();
        Team { id, name, abbreviation: None }
    };
    let goals = |name: &str| score.text_of(name).and_then(|goals| goals.parse::<i32>().ok());
    let goals = goals("LocalTeamScore").zip(goals("VisitingTeamScore"));
    let status = if goals.is_some() { GameStatus::Final } else { GameStatus::Unknown };
    let at_ms = time_ms(None, run.received_at_ms, note.starts_at_ms.unwrap_or_default());
    let fixture = Fixture {
        home: team(true),
        away: team(false),
        starts_at_ms: note.starts_at_ms,
        status,
        status_detail: None,
        venue: None,
        is_neutral_site: None,
    };
    run.event(note.subject(), at_ms, "match", fixture, Context::default());
    if let Some((home_score, away_score)) = goals {
        let score = ScoreUpdate { home_score, away_score, status, periods: Vec::new() };
        run.event(note.subject(), at_ms, "score", score, Context::default());
    }
    for is_home in [true, false] {
        let team = team(is_home);
        let players = players(&root, &team.id);
        let context = Context { team_id: Some(team.id.clone()), ..Context::default() };
        let name = format!("lineup:{}", team.id);
        let lineup = Lineup { team, is_home: Some(is_home), formation: None, players };
        run.event(note.subject(), at_ms, &name, lineup, context);
    }
    notes.remember(stem, note);
    Ok(())
}

fn note(root: &Element, stem: &str, home_id: &str) -> Note {
    let parameter = |parent: &Element, name: &str| -> Option<String> {
        let found = parent.all("ProviderParameter").into_iter().find(|one| one.text_of("Name") == Some(name))?;
        found.text_of("Value").map(str::to_owned)
    };
    let start = |(number, name): (usize, &&str)| {
        Some((u16::try_from(number + 1).ok()?, parameter(root, name)?.parse::<i64>().ok()?))
    };
    let mut note = Note {
        game: stem.to_owned(),
        starts_at_ms: root.text_of("Start").and_then(parse_utc_ms),
        frame_rate_e3: root
            .text_of("FrameRate")
            .and_then(|rate| decimal::<3>(rate, Precision::Rounded).ok())
            .map(|rate| rate.0)
            .filter(|rate| *rate > 0),
        period_starts: PERIODS.iter().enumerate().filter_map(start).collect(),
        home: Some(home_id.to_owned()),
        ..Note::default()
    };
    for team in root.find("Teams").map(|teams| teams.all("Team")).unwrap_or_default() {
        if let Some(direction) = parameter(team, "attack_direction_first_half") {
            for name in [team.attribute("id"), team.text_of("Name")].into_iter().flatten() {
                note.is_turned.insert(name.to_owned(), direction == RIGHT_TO_LEFT);
            }
        }
    }
    note.registers = registers(root, home_id);
    note
}

/// Players in the order in which the channels of x name them.
fn registers(root: &Element, home_id: &str) -> Vec<Known> {
    let players = root.all("Player");
    let channels = root.all("PlayerChannel").into_iter().filter(|channel| channel.attribute("channelId") == Some("x"));
    let known = |channel: &Element| {
        let id = channel.attribute("playerId")?;
        let player = players.iter().find(|player| player.attribute("id") == Some(id))?;
        let is_home = player.attribute("teamId") == Some(home_id);
        Some(Known {
            id: id.to_owned(),
            squad: if is_home { Squad::Home } else { Squad::Away },
            number: player.text_of("ShirtNumber").and_then(|number| number.parse().ok()),
        })
    };
    channels.filter_map(known).collect()
}

fn players(root: &Element, team_id: &str) -> Vec<LineupPlayer> {
    let of_team = root.all("Player").into_iter().filter(|player| player.attribute("teamId") == Some(team_id));
    let player = |player: &Element| {
        let id = player.attribute("id").unwrap_or_default().to_owned();
        LineupPlayer {
            name: player.text_of("Name").unwrap_or(&id).to_owned(),
            id,
            number: player.text_of("ShirtNumber").and_then(|number| number.parse().ok()),
            position: None,
            is_starter: None,
        }
    };
    of_team.map(player).collect()
}

/// Whether a line is a frame of this format.
pub(super) fn is_frame(line: &str) -> bool {
    let Some((number, rest)) = line.split_once(':') else { return false };
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) && rest.contains([',', ';'])
}

/// Lines of frames.
pub(super) fn frames(text: &Text<'_>, note: &Note, run: &mut Run) {
    for (index, line) in text.as_str().lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        if let Err((reason, message)) = frame(line.trim(), note, run) {
            let fault = Fault { reason, pointer: format!("/{index}"), message };
            run.parsed.rejects.push(fault.reject(text.original(line)));
        }
    }
}

type LineFault = (RejectReason, String);

fn frame(line: &str, note: &Note, run: &mut Run) -> Result<(), LineFault> {
    let parts: Vec<&str> = line.split(':').collect();
    let [number, players, ball, ..] = parts.as_slice() else {
        return Err((RejectReason::Truncated, "the line ends before the ball; expected frame:players:ball".to_owned()));
    };
    let frame = number
        .parse::<i64>()
        .map_err(|_| (RejectReason::BadField, format!("found {}; expected the frame's number", quote(number))))?;
    let (period, elapsed_ms) = note.clock(frame);
    let turn = note.home.as_deref().and_then(|home| note.turn(home, period));
    let is_turned = turn == Some(true);
    let mut tracked = Vec::new();
    for (index, register) in players.split(';').filter(|register| !register.is_empty()).enumerate() {
        let Some(seen) = seen(register)? else { continue };
        let known = note.registers.get(index);
        let Some(place) = place(Some(seen.x_e5), Some(seen.y_e5), is_turned) else {
            return Err((RejectReason::OutOfRange, format!("found {}, far outside the pitch", quote(register))));
        };
        tracked.push(TrackedPlayer {
            squad: known.map_or(Squad::Unknown, |known| known.squad),
            id: Some(known.map_or_else(|| format!("register {index}"), |known| known.id.clone())),
            number: known.and_then(|known| known.number),
            x_cm: place.x_cm,
            y_cm: place.y_cm,
            speed_cmps: seen.speed_cmps,
            is_detected: None,
        });
    }
    let ball = seen_ball(ball)?.and_then(|ball| place(Some(ball.x_e5), Some(ball.y_e5), is_turned));
    let payload = TrackingFrame {
        frame: Some(frame),
        clock_ms: Some(elapsed_ms),
        event: None,
        is_oriented: turn.is_some(),
        is_alive: None,
        possession: None,
        ball: ball.map(|place| TrackedBall { x_cm: place.x_cm, y_cm: place.y_cm, z_cm: None, speed_cmps: None }),
        players: tracked,
    };
    let at_ms = time_ms(note.starts_at_ms, run.received_at_ms, elapsed_ms);
    let context = Context { period, vendor_seq: Some(frame), ..Context::default() };
    run.event(note.subject(), at_ms, &format!("frame:{frame}"), payload, context);
    Ok(())
}

struct Seen {
    x_e5: i64,
    y_e5: i64,
    speed_cmps: Option<i32>,
}

fn seen(register: &str) -> Result<Option<Seen>, LineFault> {
    /// x, y, mapping and speed.
    const WITH_SPEED: usize = 4;
    let fields: Vec<&str> = register.split(',').collect();
    let [x, y, ..] = fields.as_slice() else {
        return Err((RejectReason::MissingField, format!("found {}; expected x and y", quote(register))));
    };
    if x.eq_ignore_ascii_case("nan") || y.eq_ignore_ascii_case("nan") {
        return Ok(None);
    }
    let speed = fields.get(WITH_SPEED - 1).filter(|speed| !speed.eq_ignore_ascii_case("nan"));
    let speed = speed.and_then(|speed| decimal::<2>(speed, Precision::Rounded).ok());
    Ok(Some(Seen {
        x_e5: coordinate(x)?,
        y_e5: coordinate(y)?,
        speed_cmps: speed.and_then(|speed| i32::try_from(speed.0).ok()),
    }))
}

fn seen_ball(ball: &str) -> Result<Option<Seen>, LineFault> {
    let ball = ball.trim_end_matches(';');
    if ball.is_empty() { Ok(None) } else { seen(ball) }
}

fn coordinate(text: &str) -> Result<i64, LineFault> {
    decimal::<5>(text.trim(), Precision::Rounded).map(|number| number.0).map_err(|error| {
        (RejectReason::BadField, format!("found {} ({error}); expected a coordinate from 0 to 1", quote(text)))
    })
}
