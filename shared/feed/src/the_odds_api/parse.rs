//! The Odds API's JSON to fixtures, quotes and scores: the shape is told from the payload itself.
//! ODA-4: an event, a book, a market or an outcome that is broken is rejected alone.
//! ODA-5: a quote's time is its market's, else its book's, else the envelope's, else when it was received.
//! Fetches nothing and counts no credits.

use std::borrow::Cow;

use serde_json::value::RawValue;
use touchline_event::{EventDraft, Fixture, GameStatus, Other, Payload, ScoreUpdate, Team, stable_hash};

use super::payload::{Bookmaker, Event, Market, Outcome, Score};
use super::quote::{OddsFormat, QuoteFrame, check_not_future, point_e2};
use super::{csv_rows, table, v3};
use crate::raw::{Fault, Object, Path, Text, list};
use crate::{Document, Parsed, RejectReason, Session};

pub(super) const SOURCE: &str = "the-odds-api";

/// One response body of v4 or v3, or a flattened odds table.
pub fn parse(document: Document<'_>, _session: &mut Session) -> Parsed {
    let text = Text::new(document.bytes);
    if csv_rows::is_table(text.as_str()) {
        return csv_rows::parse(document.bytes, text.as_str(), document.received_at_ms);
    }
    let root = Path::Root(&text);
    let mut run = Run {
        received_at_ms: document.received_at_ms,
        envelope_ms: None,
        format: OddsFormat::of_json(text.as_str()),
        parsed: Parsed::default(),
    };
    match text.json(&root) {
        Ok(raw) => run.root(raw, &root),
        Err(fault) if fault.reason == RejectReason::NotJson && !text.as_str().trim_start().starts_with(['[', '{']) => {
            let message = "expected JSON of The Odds API, or an odds table whose header has event_id, sport_key, \
                           bookmaker_key, market, outcome_name and price";
            let fault = Fault { message: message.to_owned(), ..fault };
            run.parsed.rejects.push(fault.reject(text.original(text.as_str())));
        }
        Err(fault) => run.parsed.rejects.push(fault.reject(text.original(text.as_str()))),
    }
    if !text.is_sound() && run.parsed.rejects.is_empty() {
        run.parsed.rejects.push(text.unread_bad_bytes(&root));
    }
    run.parsed
}

pub(super) struct Run {
    pub received_at_ms: Option<i64>,
    /// When a historical snapshot was taken.
    pub envelope_ms: Option<i64>,
    pub format: OddsFormat,
    pub parsed: Parsed,
}

impl Run {
    fn root(&mut self, raw: &RawValue, path: &Path<'_>) {
        let result = match raw.get().as_bytes().first() {
            Some(b'[') => list(raw, path).map(|elements| self.elements(elements, raw, path)),
            Some(b'{') => Object::read(raw, path, "a response object").and_then(|root| self.envelope(&root, raw)),
            _ => Err(wrong_vendor(path)),
        };
        if let Err(fault) = result {
            self.parsed.rejects.push(path.reject(fault, raw));
        }
    }

    fn envelope(&mut self, root: &Object<'_, '_>, raw: &RawValue) -> Result<(), Fault> {
        let path = root.path();
        if let Some(fault) = vendor_error(root)? {
            return Err(fault);
        }
        if root.has("sport_key") {
            self.element(raw, path);
            return Ok(());
        }
        if !root.has("data") || !(root.has("timestamp") || root.has("success")) {
            return Err(wrong_vendor(path));
        }
        self.envelope_ms = root.time_ms("timestamp")?;
        let content = root.need("data", "the events of the snapshot")?;
        let path = Path::Key(path, "data");
        if content.get().starts_with('{') {
            self.element(content, &path);
        } else {
            let elements = list(content, &path)?;
            self.elements(elements, content, &path);
        }
        Ok(())
    }

    fn elements(&mut self, elements: Vec<&RawValue>, raw: &RawValue, path: &Path<'_>) {
        // Another vendor's array is one mistake, not a thousand.
        let is_ours =
            |element: &&RawValue| element.get().contains("\"sport_key\"") || element.get().contains("\"key\"");
        if !elements.is_empty() && !elements.iter().any(is_ours) {
            return self.parsed.rejects.push(path.reject(wrong_vendor(path), raw));
        }
        for (index, element) in elements.into_iter().enumerate() {
            self.element(element, &Path::Index(path, index));
        }
    }

    fn element(&mut self, raw: &RawValue, path: &Path<'_>) {
        let result = Object::read(raw, path, "an event or sport object").and_then(|object| {
            if object.has("sites") {
                v3::event(self, &object, raw)
            } else if object.has("key") && !object.has("sport_key") {
                self.sport(&object, raw)
            } else if object.has("completed") || object.has("scores") {
                self.score(&object, raw)
            } else {
                self.event(&object, raw)
            }
        });
        if let Err(fault) = result {
            self.parsed.rejects.push(path.reject(fault, raw));
        }
    }

    fn event(&mut self, object: &Object<'_, '_>, raw: &RawValue) -> Result<(), Fault> {
        let event = Event::read(object)?;
        let books = object.list("bookmakers")?.unwrap_or_default();
        let at = self.parsed.events.len();
        let list_path = Path::Key(object.path(), "bookmakers");
        let mut newest_ms = None;
        for (index, book) in books.into_iter().enumerate() {
            let path = Path::Index(&list_path, index);
            match Object::read(book, &path, "a bookmaker object").and_then(|book| self.book(&event, &book)) {
                Ok(time_ms) => newest_ms = newest_ms.max(time_ms),
                Err(fault) => self.parsed.rejects.push(path.reject(fault, book)),
            }
        }
        let status = inferred_status(event.commence_time, newest_ms);
        let fixture = self.fixture(&event, status, newest_ms, raw, object.path())?;
        self.parsed.events.insert(at, fixture);
        Ok(())
    }

    fn book(&mut self, event: &Event<'_>, object: &Object<'_, '_>) -> Result<Option<i64>, Fault> {
        let book = Bookmaker::read(object)?;
        let list_path = Path::Key(object.path(), "markets");
        let mut newest_ms = book.last_update;
        for (index, market) in book.markets.iter().enumerate() {
            let path = Path::Index(&list_path, index);
            match Object::read(market, &path, "a market object").and_then(|market| self.market(event, &book, &market)) {
                Ok(time_ms) => newest_ms = newest_ms.max(time_ms),
                Err(fault) => self.parsed.rejects.push(path.reject(fault, market)),
            }
        }
        Ok(newest_ms)
    }

    fn market(
        &mut self,
        event: &Event<'_>,
        book: &Bookmaker<'_>,
        object: &Object<'_, '_>,
    ) -> Result<Option<i64>, Fault> {
        let market = Market::read(object)?;
        let updated_ms = market.last_update.or(book.last_update);
        let timestamp_ms = self.timestamp_ms(updated_ms, &Path::Key(object.path(), "last_update"))?;
        let frame = QuoteFrame {
            game_id: &event.id,
            sport_key: &event.sport_key,
            book: &book.key,
            market_key: &market.key,
            timestamp_ms,
            received_at_ms: self.received_at_ms.or(self.envelope_ms).unwrap_or(timestamp_ms),
        };
        let list_path = Path::Key(object.path(), "outcomes");
        for (index, raw) in market.outcomes.into_iter().enumerate() {
            let path = Path::Index(&list_path, index);
            match self.outcome(frame, raw, &path) {
                Ok(event) => self.parsed.events.push(event),
                Err(fault) => self.parsed.rejects.push(path.reject(fault, raw)),
            }
        }
        Ok(updated_ms)
    }

    fn outcome(&self, frame: QuoteFrame<'_>, raw: &RawValue, path: &Path<'_>) -> Result<touchline_event::Event, Fault> {
        let outcome = Outcome::read(&Object::read(raw, path, "an outcome such as {\"name\":..,\"price\":..}")?)?;
        let price_e6 = self.format.price_e6(outcome.price, &Path::Key(path, "price"))?;
        let point_e2 = point_e2(outcome.point, &Path::Key(path, "point"))?;
        // A prop's outcome is only told apart by whom it is about: "LeBron James Over".
        let name = match outcome.description {
            Some(about) if !about.is_empty() => format!("{about} {}", outcome.name),
            _ => outcome.name.into_owned(),
        };
        Ok(frame.quote(name, point_e2, price_e6))
    }

    /// A quote's time: the vendor's, else the snapshot's, else when it was received.
    pub(super) fn timestamp_ms(&self, updated_ms: Option<i64>, path: &Path<'_>) -> Result<i64, Fault> {
        let Some(timestamp_ms) = updated_ms.or(self.envelope_ms).or(self.received_at_ms) else {
            let message = "last_update is missing, and so are the snapshot's time and the time of receipt";
            return Err(Fault::new(RejectReason::MissingField, path, message));
        };
        check_not_future(timestamp_ms, self.received_at_ms, path)?;
        Ok(timestamp_ms)
    }

    /// The game behind an event. An outright has no two sides: it is kept as `other`.
    pub(super) fn fixture(
        &self,
        event: &Event<'_>,
        status: GameStatus,
        newest_ms: Option<i64>,
        raw: &RawValue,
        path: &Path<'_>,
    ) -> Result<touchline_event::Event, Fault> {
        // Neither a start in the future nor a book's update is when the fixture became known: the snapshot is.
        let seen_ms = self.envelope_ms.or(self.received_at_ms).or(newest_ms).or(event.commence_time);
        let seen_ms = seen_ms.unwrap_or_default();
        if let (None, None) = (&event.home_team, &event.away_team) {
            return self.other("outright", &event.id, event, raw, path);
        }
        let team = |name: &Option<Cow<'_, str>>, key: &str| match name {
            Some(name) if !name.trim().is_empty() => {
                Ok(Team { id: String::new(), name: name.to_string(), abbreviation: None })
            }
            _ => {
                let message = format!("{key} is missing, null or empty; expected a team's name");
                Err(Fault::new(RejectReason::MissingField, &Path::Key(path, key), message))
            }
        };
        let fixture = Fixture {
            home: team(&event.home_team, "home_team")?,
            away: team(&event.away_team, "away_team")?,
            starts_at_ms: event.commence_time,
            status,
            status_detail: None,
            venue: None,
            is_neutral_site: None,
        };
        let starts = event.commence_time.map(|ms| ms.to_string()).unwrap_or_default();
        let revision = format!("{}|{}|{starts}|{}", fixture.home.name, fixture.away.name, status.as_str());
        Ok(self.draft(event, seen_ms, fixture).with_vendor_id("fixture", &revision))
    }

    fn score(&mut self, object: &Object<'_, '_>, raw: &RawValue) -> Result<(), Fault> {
        let event = Event::read(object)?;
        let scores = object.list("scores")?;
        let status = table::status(object.flag("completed")?, scores.as_ref().is_some_and(|scores| !scores.is_empty()));
        let updated_ms = super::payload::epoch_or_time_ms(object, "last_update")?;
        let fixture = self.fixture(&event, status, updated_ms, raw, object.path())?;
        self.parsed.events.push(fixture);
        let Some(scores) = scores.filter(|scores| !scores.is_empty()) else { return Ok(()) };
        let list_path = Path::Key(object.path(), "scores");
        let mut sides = [None, None];
        for (index, raw) in scores.into_iter().enumerate() {
            let path = Path::Index(&list_path, index);
            let score = Score::read(raw, &path)?;
            for (side, team) in sides.iter_mut().zip([&event.home_team, &event.away_team]) {
                if team.as_deref() == Some(score.name.as_ref()) {
                    *side = Some(whole_score(score.score, &path)?);
                }
            }
        }
        let [Some(home_score), Some(away_score)] = sides else {
            let message = "the names of the scores are not those of home_team and away_team; expected one score each";
            return Err(Fault::new(RejectReason::BadField, &list_path, message));
        };
        let timestamp_ms = self.timestamp_ms(updated_ms, &Path::Key(object.path(), "last_update"))?;
        let payload = ScoreUpdate { home_score, away_score, status, periods: Vec::new() };
        let revision = format!("{timestamp_ms}:{home_score}:{away_score}:{}", status.as_str());
        let update = self.draft(&event, timestamp_ms, payload).with_vendor_id("score", &revision);
        self.parsed.events.push(update);
        Ok(())
    }

    fn sport(&mut self, object: &Object<'_, '_>, raw: &RawValue) -> Result<(), Fault> {
        let key = object.need_text("key", "a sport key such as soccer_epl")?;
        let sport = Event {
            id: Cow::Borrowed(""),
            sport_key: key.clone(),
            home_team: None,
            away_team: None,
            commence_time: None,
        };
        let event = self.other("sport", &format!("sport:{key}"), &sport, raw, object.path())?;
        self.parsed.events.push(event);
        Ok(())
    }

    fn other(
        &self,
        vendor_kind: &str,
        vendor_id: &str,
        event: &Event<'_>,
        raw: &RawValue,
        path: &Path<'_>,
    ) -> Result<touchline_event::Event, Fault> {
        let content = serde_json::from_str::<serde_json::Value>(raw.get()).map_err(|error| {
            let message = format!("expected an object nested less deeply: {error}");
            Fault::new(RejectReason::TooDeep, path, message)
        })?;
        let content = match content {
            // The books of an outright are quotes of their own.
            serde_json::Value::Object(mut members) => {
                members.remove("bookmakers");
                serde_json::Value::Object(members)
            }
            content => content,
        };
        let revision = format!("{:016x}", stable_hash(content.to_string().as_bytes()));
        let seen_ms = self.envelope_ms.or(self.received_at_ms).or(event.commence_time).unwrap_or_default();
        let payload = Other { vendor_kind: vendor_kind.to_owned(), content };
        Ok(self.draft(event, seen_ms, payload).with_vendor_id(vendor_id, &revision))
    }

    fn draft(&self, event: &Event<'_>, timestamp_ms: i64, payload: impl Into<Payload>) -> EventDraft {
        let received = self.received_at_ms.or(self.envelope_ms).unwrap_or(timestamp_ms);
        let mut draft = EventDraft::new(SOURCE, timestamp_ms, received, payload);
        draft.sport = table::sport(&event.sport_key).map(str::to_owned);
        draft.league = Some(event.sport_key.to_string());
        draft.game_id = Some(event.id.to_string()).filter(|id| !id.is_empty());
        draft
    }
}

/// The odds endpoints name no status: a book that moved after the start makes the game live.
pub(super) fn inferred_status(commence_ms: Option<i64>, newest_ms: Option<i64>) -> GameStatus {
    match (commence_ms, newest_ms) {
        (Some(commence), Some(newest)) if newest > commence => GameStatus::InProgress,
        (Some(_), _) => GameStatus::Scheduled,
        (None, _) => GameStatus::Unknown,
    }
}

fn whole_score(score: i64, path: &Path<'_>) -> Result<i32, Fault> {
    i32::try_from(score).ok().filter(|score| *score >= 0).ok_or_else(|| {
        let message = format!("found {score}; expected a score of 0 or more");
        Fault::new(RejectReason::OutOfRange, &Path::Key(path, "score"), message)
    })
}

/// v4 answers `{"message":..,"error_code":..}`, v3 `{"success":false,"msg":..}`.
fn vendor_error(root: &Object<'_, '_>) -> Result<Option<Fault>, Fault> {
    let key = if root.has("success") && root.flag("success")? == Some(false) {
        "msg"
    } else if root.has("message") && !root.has("data") && !root.has("sport_key") {
        "message"
    } else {
        return Ok(None);
    };
    let text = root.text(key)?.unwrap_or_else(|| "no message".into());
    let code = root.text("error_code")?.map(|code| format!(" ({code})")).unwrap_or_default();
    let path = Path::Key(root.path(), key);
    Ok(Some(Fault::new(RejectReason::VendorError, &path, format!("The Odds API answered: {text}{code}"))))
}

fn wrong_vendor(path: &Path<'_>) -> Fault {
    let message = "found no \"sport_key\" or \"key\"; expected odds, scores, events or sports of The Odds API";
    Fault::new(RejectReason::WrongVendor, path, message)
}
