//! A team game's own events: `fixture`, `score_update`, `period_change`, `weather_observation`.
//! ESPN-7: one `fixture` a game; one `score_update` and one `period_change` a game that has started.
//! Draws no conclusion from one state to the next: that is the work of windows and metrics.

use serde_json::value::RawValue;
use touchline_event::{Fixture, PeriodChange, ScoreUpdate, WeatherObservation};

use super::payload::{Competitor, Identity, Sides, Status};
use crate::RejectReason;
use crate::raw::{Fault, Object, Path, Precision};
use crate::run::{Context, Run};

/// 1 mile per hour is 0.44704 m/s exactly.
const MPH_IN_MPS_E5: i64 = 44_704;
/// Degrees Fahrenheit that no place on Earth has had, either way.
const FAHRENHEIT_MAX: i64 = 200;
/// Stronger than the strongest gust ever measured.
const WIND_MPH_MAX: i64 = 500;

/// A game of two teams, read and trusted.
pub(super) struct Game {
    pub(super) identity: Identity,
    pub(super) home: Competitor,
    pub(super) away: Competitor,
    status: Status,
    venue: Option<String>,
    is_indoor: Option<bool>,
    is_neutral_site: Option<bool>,
}

/// When what a payload says was so: on receipt; for a file, the latest moment it knows of, else the game's start.
pub(super) fn observed_at_ms(run: &Run, identity: &Identity, last_known_ms: Option<i64>) -> i64 {
    run.received_at_ms.or(last_known_ms).unwrap_or(identity.starts_at_ms)
}

/// A game without home and away, kept as sent.
pub(super) fn other_game(identity: &Identity, raw: &RawValue, at_ms: i64, run: &mut Run) {
    run.other(identity, at_ms, ("competition", "competition"), raw, Context::default());
}

impl Game {
    /// `outer` is the scoreboard event or the summary header. `None` for an individual sport.
    pub(super) fn read(
        competition: &Object<'_, '_>,
        outer: &Object<'_, '_>,
        identity: Identity,
        venue: Option<&RawValue>,
    ) -> Result<Option<Self>, Fault> {
        const WHAT: &str = "an object with type, period and clock";
        let holder =
            if competition.get("status")?.is_none() && outer.get("status")?.is_some() { outer } else { competition };
        let status_path = Path::Key(holder.path(), "status");
        let read_status = || Status::read(&Object::read(holder.need("status", WHAT)?, &status_path, WHAT)?, &identity);
        let status = match read_status() {
            Ok(status) => status,
            // An individual sport is kept as sent whatever its status looks like.
            Err(fault) => return if is_individual(competition) { Ok(None) } else { Err(fault) },
        };
        let [home, away] = match Sides::read(competition, &status)? {
            Sides::Teams(sides) => *sides,
            Sides::Individual => return Ok(None),
        };
        let venue_path = Path::Key(competition.path(), "venue");
        let venue = venue.and_then(|raw| Object::read(raw, &venue_path, "a venue").ok());
        let venue_text = |key: &str| venue.as_ref().and_then(|venue| venue.text(key).ok().flatten());
        Ok(Some(Self {
            home,
            away,
            status,
            venue: venue_text("fullName").or_else(|| venue_text("displayName")).map(std::borrow::Cow::into_owned),
            is_indoor: venue.as_ref().and_then(|venue| venue.flag("indoor").ok().flatten()),
            is_neutral_site: competition.flag("neutralSite")?,
            identity,
        }))
    }

    /// The teams alone of a game whose state could not be read: its odds still have outcomes.
    pub(super) fn teams_only(competition: &Object<'_, '_>, identity: &Identity) -> Option<Self> {
        let status = Status::not_read();
        let Ok(Sides::Teams(sides)) = Sides::read(competition, &status) else { return None };
        let [home, away] = *sides;
        let identity = identity.clone();
        Some(Self { identity, home, away, status, venue: None, is_indoor: None, is_neutral_site: None })
    }

    /// The fixture, and of a game that has started its score and period.
    pub(super) fn state(&self, at_ms: i64, run: &mut Run) {
        let fixture = Fixture {
            home: self.home.team.clone(),
            away: self.away.team.clone(),
            starts_at_ms: Some(self.identity.starts_at_ms),
            status: self.status.status,
            status_detail: Some(self.status.name.clone()),
            venue: self.venue.clone(),
            is_neutral_site: self.is_neutral_site,
        };
        run.event(&self.identity, at_ms, "fixture", fixture, Context::default());
        if !self.status.has_started {
            return;
        }
        if let (Some(home_score), Some(away_score)) = (self.home.score, self.away.score) {
            let score = ScoreUpdate {
                home_score,
                away_score,
                status: self.status.status,
                periods: periods(&self.home.linescores, &self.away.linescores),
            };
            let context = Context {
                game_clock: self.status.display_clock.clone(),
                period: self.status.period,
                ..Context::default()
            };
            run.event(&self.identity, at_ms, "score", score, context);
        }
        let change = PeriodChange { status: self.status.status, status_detail: self.status.name.clone() };
        let context = Context { period: self.status.period, ..Context::default() };
        run.event(&self.identity, at_ms, "period", change, context);
    }
}

fn is_individual(competition: &Object<'_, '_>) -> bool {
    let path = Path::Key(competition.path(), "competitors");
    let competitors = competition.list("competitors").ok().flatten().unwrap_or_default();
    !competitors.is_empty()
        && competitors.iter().enumerate().all(|(index, raw)| {
            Object::read(raw, &Path::Index(&path, index), "a competitor")
                .is_ok_and(|competitor| !competitor.has("team"))
        })
}

/// A side that did not bat last has one period less: it scored nothing in it.
fn periods(home: &[i32], away: &[i32]) -> Vec<[i32; 2]> {
    let at = |side: &[i32], index: usize| side.get(index).copied().unwrap_or(0);
    (0..home.len().max(away.len())).map(|index| [at(home, index), at(away, index)]).collect()
}

/// The `weather` member of `holder`, where there is one with something in it.
pub(super) fn weather(game: &Game, holder: &Object<'_, '_>, at_ms: i64, record: &RawValue, run: &mut Run) {
    let path = Path::Key(holder.path(), "weather");
    let raw = match holder.get("weather") {
        Ok(Some(raw)) => raw,
        Ok(None) => return,
        Err(fault) => return run.reject(fault, record, &path),
    };
    match read_weather(raw, &path, game.is_indoor) {
        Ok(Some(observation)) => run.event(&game.identity, at_ms, "weather", observation, Context::default()),
        Ok(None) => {}
        Err(fault) => run.reject(fault, raw, &path),
    }
}

fn read_weather(raw: &RawValue, path: &Path<'_>, is_indoor: Option<bool>) -> Result<Option<WeatherObservation>, Fault> {
    const DEGREES: &str = "degrees Fahrenheit";
    const SPEED: &str = "miles per hour from 0";
    let weather = Object::read(raw, path, "a weather object")?;
    let mut temperature_f_e2 = None;
    // Before the day of the game ESPN knows the day's high only, and shows that.
    for key in ["temperature", "highTemperature"] {
        if temperature_f_e2.is_none() {
            temperature_f_e2 = weather.scaled::<2>(key, DEGREES, Precision::Rounded)?;
        }
    }
    let wind_mph_e2 = weather.scaled::<2>("windSpeed", SPEED, Precision::Rounded)?;
    let condition = weather.text("displayValue")?.filter(|text| !text.is_empty());
    if let Some(found) = temperature_f_e2.filter(|degrees| degrees.abs() > FAHRENHEIT_MAX * 100) {
        let message = format!("found {} degrees Fahrenheit; expected at most {FAHRENHEIT_MAX}", found / 100);
        return Err(Fault::new(RejectReason::OutOfRange, &Path::Key(path, "temperature"), message));
    }
    if let Some(found) = wind_mph_e2.filter(|speed| !(0..=WIND_MPH_MAX * 100).contains(speed)) {
        let message = format!("found {} miles per hour; expected 0 to {WIND_MPH_MAX}", found / 100);
        return Err(Fault::new(RejectReason::OutOfRange, &Path::Key(path, "windSpeed"), message));
    }
    if temperature_f_e2.is_none() && wind_mph_e2.is_none() && condition.is_none() {
        return Ok(None);
    }
    Ok(Some(WeatherObservation {
        temperature_c_e2: temperature_f_e2.map(|degrees| rounded_quotient((degrees - 3200) * 5, 9)),
        wind_mps_e2: wind_mph_e2.map(|speed| rounded_quotient(speed * MPH_IN_MPS_E5, 100_000)),
        condition: condition.map(std::borrow::Cow::into_owned),
        is_indoor,
        ..WeatherObservation::default()
    }))
}

/// Half away from zero.
fn rounded_quotient(dividend: i64, divisor: i64) -> i64 {
    let half = if dividend < 0 { -divisor / 2 } else { divisor / 2 };
    (dividend + half) / divisor
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fahrenheit_and_miles_become_celsius_and_metres_per_second() {
        for (fahrenheit_e2, celsius_e2) in [(3200, 0), (8100, 2722), (-4000, -4000), (500, -1500), (3250, 28)] {
            assert_eq!(rounded_quotient((fahrenheit_e2 - 3200) * 5, 9), celsius_e2);
        }
        assert_eq!(rounded_quotient(1000 * MPH_IN_MPS_E5, 100_000), 447);
    }

    #[test]
    fn a_half_inning_that_was_not_played_has_no_runs() {
        assert_eq!(periods(&[1, 0], &[0, 2, 3]), [[1, 0], [0, 2], [0, 3]]);
    }
}
