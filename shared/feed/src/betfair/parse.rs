//! Betfair's messages to market statuses, quotes and traded volumes: each line against the session's order books.
//! BET-4: a line ends as events, as a line that changes nothing, or as rejects.
//! BET-5: an id is made of market, runner, what it is, publish time and clock: the same line read again is the same facts.
//! BET-6: a broken rung, runner or definition is rejected alone; the rest of its line is applied.
//! Places no bets: order messages (`ocm`) are accounted for and left alone.

use serde_json::{json, value::RawValue};
use touchline_event::{EventDraft, MarketStatus, OddsQuote, Other, Payload, Side, TradedVolume, decimal_string};

use super::books::{Books, Change, Market, RunnerKey};
use super::payload::{ChangeMessage, LADDERS, MarketChange, MarketDefinition, Rung, RunnerChange, RunnerDefinition};
use super::{api_ng, table};
use crate::messages::{Messages, messages};
use crate::raw::{Fault, Object, Path, Text, list};
use crate::{Document, MAX_FUTURE_MS, Parsed, RejectReason, Session};

pub(super) const SOURCE: &str = "betfair";
const BOOK: &str = "betfair_ex";
/// 1973 in ms: anything before it is unix seconds or a blank.
const TIME_MS_MIN: i64 = 100_000_000_000;

/// One message, an array of messages, or one a line; or one answer of API-NG.
pub fn parse(document: Document<'_>, session: &mut Session) -> Parsed {
    let mut run =
        Run { received_at_ms: document.received_at_ms, books: &mut session.betfair_books, parsed: Parsed::default() };
    match messages(document.bytes, "\"op\"") {
        Messages::Whole(bytes) => {
            let text = Text::new(bytes);
            run.whole(&text, &Path::Root(&text));
        }
        Messages::Lines(lines) => {
            for (index, line) in lines {
                let text = Text::new(line);
                run.whole(&text, &Path::Line(&text, index));
            }
        }
    }
    run.parsed
}

pub(super) struct Run<'s> {
    pub received_at_ms: Option<i64>,
    pub books: &'s mut Books,
    pub parsed: Parsed,
}

/// When a message was published, and the mark that tells its facts from earlier ones of the same name.
pub(super) struct Moment {
    pub timestamp_ms: i64,
    pub received_at_ms: i64,
    pub revision: String,
}

impl Run<'_> {
    fn whole(&mut self, text: &Text<'_>, path: &Path<'_>) {
        let reject_count = self.parsed.rejects.len();
        self.text(text, path);
        if !text.is_sound() && self.parsed.rejects.len() == reject_count {
            self.parsed.rejects.push(text.unread_bad_bytes(path));
        }
    }

    fn text(&mut self, text: &Text<'_>, path: &Path<'_>) {
        match text.json(path) {
            Ok(raw) if raw.get().starts_with('[') => match list(raw, path) {
                // Another vendor's array is one mistake, not a thousand.
                Ok(elements) if !elements.is_empty() && !elements.iter().any(|element| is_ours(element)) => {
                    self.reject(wrong_vendor(path), raw, path);
                }
                Ok(elements) => {
                    for (index, element) in elements.into_iter().enumerate() {
                        self.message(element, &Path::Index(path, index));
                    }
                }
                Err(fault) => self.reject(fault, raw, path),
            },
            Ok(raw) => self.message(raw, path),
            Err(fault) => self.parsed.rejects.push(fault.reject(text.original(text.as_str()))),
        }
    }

    fn message(&mut self, raw: &RawValue, path: &Path<'_>) {
        let result = Object::read(raw, path, "a Betfair message object").and_then(|message| {
            // Recorders mark API-NG answers with an op of their own, `marketCatalogue`: the market id tells.
            let is_stream = message.has("op") && !message.has("marketId");
            if is_stream { self.stream(&message) } else { api_ng::answer(self, &message, raw) }
        });
        if let Err(fault) = result {
            self.reject(fault, raw, path);
        }
    }

    fn stream(&mut self, message: &Object<'_, '_>) -> Result<(), Fault> {
        let path = message.path();
        match message.need_text("op", "mcm, ocm, status or connection")?.as_ref() {
            "mcm" => self.changes(message),
            // Bets of the account, not facts of the market.
            "ocm" | "connection" => Ok(()),
            "status" => match message.text("statusCode")?.as_deref() {
                Some("FAILURE") => {
                    let code = message.text("errorCode")?.unwrap_or_default();
                    let text = message.text("errorMessage")?.unwrap_or_default();
                    let text = format!("Betfair answered: {code} {text}");
                    Err(Fault::new(RejectReason::VendorError, &Path::Key(path, "errorCode"), text))
                }
                _ => Ok(()),
            },
            op @ ("rcm" | "ccm") => self.sport_stream(op, message),
            op => {
                let text = format!("found op {op:?}; expected mcm, ocm, rcm, ccm, status or connection");
                Err(Fault::new(RejectReason::WrongVendor, &Path::Key(path, "op"), text))
            }
        }
    }

    fn changes(&mut self, message: &Object<'_, '_>) -> Result<(), Fault> {
        let message_path = message.path();
        let message = ChangeMessage::read(message)?;
        self.check_time(message.pt, &Path::Key(message_path, "pt"))?;
        let list_path = Path::Key(message_path, "mc");
        let mut ids: Vec<String> = Vec::new();
        for (index, raw) in message.mc.iter().enumerate() {
            let path = Path::Index(&list_path, index);
            let change = Object::read(raw, &path, "a market change object")
                .and_then(|object| MarketChange::read(&object).map(|change| (object, change)));
            match change {
                Ok((object, change)) => {
                    // The same market twice in one message: the second change needs a mark of its own.
                    let earlier = ids.iter().filter(|id| **id == change.id).count();
                    let mark = if earlier > 0 { format!(":{earlier}") } else { String::new() };
                    let moment = Moment {
                        timestamp_ms: message.pt,
                        received_at_ms: self.received_at_ms.unwrap_or(message.pt),
                        revision: format!("{}:{}{mark}", message.pt, message.clk),
                    };
                    self.market(&object, &change, raw, &moment);
                    ids.push(change.id.into_owned());
                }
                Err(fault) => self.reject(fault, raw, &path),
            }
        }
        Ok(())
    }

    fn market(&mut self, object: &Object<'_, '_>, change: &MarketChange<'_>, raw: &RawValue, moment: &Moment) {
        let path = object.path();
        let id = change.id.as_ref();
        if change.img {
            self.books.market(id).begin_image();
        }
        match object.get("marketDefinition") {
            Ok(Some(raw)) => {
                let path = Path::Key(path, "marketDefinition");
                match MarketDefinition::read(raw, &path) {
                    Ok(definition) => self.define(id, &definition, moment, &path),
                    Err(fault) => self.reject(fault, raw, &path),
                }
            }
            Ok(None) => {}
            Err(fault) => self.reject(fault, raw, path),
        }
        if self.books.market(id).is_line {
            return;
        }
        let list_path = Path::Key(path, "rc");
        for (index, raw) in change.rc.iter().enumerate() {
            let path = Path::Index(&list_path, index);
            let runner = Object::read(raw, &path, "a runner change object").and_then(|rc| RunnerChange::read(&rc));
            match runner {
                Ok(runner) => self.runner(id, &runner, &path),
                Err(fault) => self.reject(fault, raw, &path),
            }
        }
        self.say_changes(id, moment);
    }

    fn define(&mut self, id: &str, definition: &MarketDefinition<'_>, moment: &Moment, path: &Path<'_>) {
        let list_path = Path::Key(path, "runners");
        let mut runners = Vec::with_capacity(definition.runners.len());
        for (index, raw) in definition.runners.iter().enumerate() {
            let path = Path::Index(&list_path, index);
            match RunnerDefinition::read(raw, &path) {
                Ok(runner) => runners.push(runner),
                Err(fault) => self.reject(fault, raw, &path),
            }
        }
        let market = self.books.market(id);
        if let Some(event_type_id) = &definition.event_type_id {
            market.sport = table::sport(event_type_id);
        }
        if let Some(market_type) = &definition.market_type {
            market.market = table::market(market_type);
        }
        market.is_line = definition.betting_type.as_deref() == Some("LINE");
        market.market_time_ms = definition.market_time.or(market.market_time_ms);
        for runner in &runners {
            if let Some(name) = &runner.name {
                market.names.insert(runner.key, name.to_string());
            }
        }
        let runners: Vec<_> = runners.iter().map(|runner| (runner.key, runner.status.as_deref())).collect();
        self.say_status(id, &definition.status, definition.in_play, &runners, moment);
    }

    /// A status event where anything of it differs from the last one.
    pub(super) fn say_status(
        &mut self,
        id: &str,
        status: &str,
        is_in_play: bool,
        runners: &[(RunnerKey, Option<&str>)],
        moment: &Moment,
    ) {
        let market = self.books.market(id);
        let outcomes = runners.iter().map(|(key, status)| (key.id(), label(market, *key, *status))).collect();
        let payload = MarketStatus {
            market: market.market.clone(),
            status: status.to_lowercase(),
            is_in_play,
            market_time_ms: market.market_time_ms,
            outcomes,
        };
        if market.status_said.as_ref() == Some(&payload) {
            return;
        }
        market.status_said = Some(payload.clone());
        let draft = draft(id, market.sport, moment, payload);
        self.parsed.events.push(draft.with_vendor_id(&format!("{id}:status"), &moment.revision));
    }

    fn runner(&mut self, id: &str, runner: &RunnerChange<'_>, path: &Path<'_>) {
        for (ladder, (key, rungs)) in LADDERS.iter().zip(&runner.ladders).enumerate() {
            let list_path = Path::Key(path, key);
            for (index, raw) in rungs.iter().enumerate() {
                let path = Path::Index(&list_path, index);
                match Rung::read(raw, &path) {
                    Ok(rung) => self.books.market(id).set_rung(runner.key, ladder, rung),
                    Err(fault) => self.reject(fault, raw, &path),
                }
            }
        }
        if let Some(ltp_e6) = runner.ltp_e6 {
            self.books.market(id).set_last_traded(runner.key, ltp_e6);
        }
    }

    /// Events for whatever the books of a market have to say.
    pub(super) fn say_changes(&mut self, id: &str, moment: &Moment) {
        let market = self.books.market(id);
        for (runner, change) in market.take_changes() {
            let outcome = market.outcome(runner);
            let market_word = market.market.clone();
            let (what, payload): (String, Payload) = match change {
                Change::Price { side, price_e6, size_e2 } => {
                    let what = if side == Side::LastTraded { "ltp" } else { side.as_str() };
                    let point_e2 = Some(runner.handicap_e2).filter(|handicap| *handicap != 0);
                    let book = BOOK.to_owned();
                    let quote = OddsQuote { book, market: market_word, outcome, point_e2, price_e6, side, size_e2 };
                    (what.to_owned(), quote.into())
                }
                Change::Traded { price_e6, size_e2 } => {
                    let what = format!("trd:{}", decimal_string(i128::from(price_e6), 6));
                    (what, TradedVolume { market: market_word, outcome, price_e6, size_e2 }.into())
                }
            };
            let vendor_id = format!("{id}:{}:{what}", runner.id());
            let event = draft(id, market.sport, moment, payload).with_vendor_id(&vendor_id, &moment.revision);
            self.parsed.events.push(event);
        }
    }

    /// Race and cricket streams: which market moved and how much was sent, without the positions.
    fn sport_stream(&mut self, op: &str, message: &Object<'_, '_>) -> Result<(), Fault> {
        const PT: &str = "the publish time in unix ms";
        let path = message.path();
        let pt = message.integer("pt", PT)?.ok_or_else(|| message.missing("pt", PT))?;
        self.check_time(pt, &Path::Key(path, "pt"))?;
        let clk = message.text("clk")?.unwrap_or_default();
        let key = if op == "rcm" { "rc" } else { "cc" };
        let list_path = Path::Key(path, key);
        let changes = message.list(key)?.unwrap_or_default();
        let (mut market_id, mut id, mut runner_count) = (None, None, 0);
        for (index, raw) in changes.iter().enumerate() {
            let path = Path::Index(&list_path, index);
            let change = Object::read(raw, &path, "a race or match change object")?;
            market_id = market_id.or(change.text("mid")?).or(change.text("marketId")?);
            id = id.or(change.text("id")?).or(change.text("eventId")?);
            runner_count += change.list("rrc")?.map_or(0, |runners| runners.len());
        }
        let content =
            json!({ "id": id, "market_id": market_id, "change_count": changes.len(), "runner_count": runner_count });
        let moment = Moment {
            timestamp_ms: pt,
            received_at_ms: self.received_at_ms.unwrap_or(pt),
            revision: format!("{pt}:{clk}"),
        };
        let game_id = market_id.or(id).unwrap_or_default();
        let sport = if op == "ccm" { Some("cricket") } else { self.books.market(&game_id).sport };
        let draft = draft(&game_id, sport, &moment, Other { vendor_kind: op.to_owned(), content });
        self.parsed.events.push(draft.with_vendor_id(&format!("{op}:{game_id}"), &moment.revision));
        Ok(())
    }

    fn check_time(&self, time_ms: i64, path: &Path<'_>) -> Result<(), Fault> {
        if time_ms < TIME_MS_MIN {
            let message = format!("found {time_ms}; expected unix ms such as 1657018212979");
            return Err(Fault::new(RejectReason::OutOfRange, path, message));
        }
        if self.received_at_ms.is_some_and(|received| time_ms > received.saturating_add(MAX_FUTURE_MS)) {
            let message = format!("found {time_ms}, more than {MAX_FUTURE_MS} ms after it was received");
            return Err(Fault::new(RejectReason::FutureTime, path, message));
        }
        Ok(())
    }

    pub(super) fn reject(&mut self, fault: Fault, raw: &RawValue, path: &Path<'_>) {
        self.parsed.rejects.push(path.reject(fault, raw));
    }
}

/// A draft about a market.
pub(super) fn draft(id: &str, sport: Option<&str>, moment: &Moment, payload: impl Into<Payload>) -> EventDraft {
    let mut draft = EventDraft::new(SOURCE, moment.timestamp_ms, moment.received_at_ms, payload);
    draft.sport = sport.map(str::to_owned);
    draft.game_id = Some(id.to_owned()).filter(|id| !id.is_empty());
    draft
}

/// What a runner is called while it runs, and what became of it once it does not: `winner`, `removed`.
fn label(market: &Market, key: RunnerKey, status: Option<&str>) -> String {
    match status {
        Some(status) if status != "ACTIVE" => status.to_lowercase(),
        status => market.names.get(&key).cloned().or(status.map(str::to_lowercase)).unwrap_or_default(),
    }
}

fn is_ours(element: &RawValue) -> bool {
    ["\"op\"", "\"marketId\"", "\"eventTypeId\"", "\"eventId\""].iter().any(|key| element.get().contains(key))
}

pub(super) fn wrong_vendor(path: &Path<'_>) -> Fault {
    let message = "found no \"op\", \"marketId\" or \"eventId\"; expected stream messages or API-NG answers of Betfair";
    Fault::new(RejectReason::WrongVendor, path, message)
}
