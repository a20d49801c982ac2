//! Finnhub messages to `trade` events: one a print, named by content and its count inside the session.
//! FIN-2: a ping is accounted for and gives nothing; a message type nobody reads becomes `other`.
//! FIN-3: prices and volumes are exact in units of 10^-8, or the print is a reject.
//! Reads the WebSocket only, not the REST shapes.

use std::io::Write as _;

use serde_json::value::RawValue;
use touchline_event::{Event, EventDraft, Other, Trade, stable_hash};

use super::{payload, table::is_vwap_eligible};
use crate::messages::{Messages, messages};
use crate::raw::{Fault, Object, Path, Precision, Text, list, scaled};
use crate::{Document, MAX_FUTURE_MS, Parsed, RejectReason, Session};

const SOURCE: &str = "finnhub";
/// 1973 in ms: anything before it is unix seconds or a blank.
const TIME_MS_MIN: i64 = 100_000_000_000;
/// The year 10000 in ms.
const TIME_MS_END: i64 = 253_402_300_800_000;

/// One message, an array of messages, or one a line.
pub fn parse(document: Document<'_>, session: &mut Session) -> Parsed {
    let mut run =
        Run { received_at_ms: document.received_at_ms, session, parsed: Parsed::default(), content: Vec::new() };
    match messages(document.bytes, "\"type\"") {
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

struct Run<'s> {
    received_at_ms: Option<i64>,
    session: &'s mut Session,
    parsed: Parsed,
    /// The canonical content of a print; kept to save an allocation a trade.
    content: Vec<u8>,
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
        if text.is_sound()
            && let Ok(message) = serde_json::from_str::<payload::TradeMessage<'_>>(text.as_str())
            && message.r#type == "trade"
        {
            return self.trades(message, text, path);
        }
        match text.json(path) {
            Ok(raw) if raw.get().starts_with('[') => match list(raw, path) {
                // Another vendor's array is one mistake, not a thousand.
                Ok(elements) if elements.iter().all(|element| !element.get().contains("\"type\"")) => {
                    if !elements.is_empty() {
                        self.reject(wrong_vendor(path), raw, path);
                    }
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

    fn trades(&mut self, message: payload::TradeMessage<'_>, text: &Text<'_>, path: &Path<'_>) {
        let data = Path::Key(path, "data");
        for (index, print) in message.data.into_iter().enumerate() {
            let path = Path::Index(&data, index);
            match self.event(print, &path) {
                Ok(event) => self.parsed.events.push(event),
                // The typed reading does not keep the bytes of a print: they are looked up again for the rare reject.
                Err(fault) => match nth_print(text, index) {
                    Some(raw) => self.reject(fault, raw, &path),
                    None => self.parsed.rejects.push(fault.reject(text.original(text.as_str()))),
                },
            }
        }
    }

    fn message(&mut self, raw: &RawValue, path: &Path<'_>) {
        if let Err(fault) = self.members(raw, path) {
            self.reject(fault, raw, path);
        }
    }

    fn members(&mut self, raw: &RawValue, path: &Path<'_>) -> Result<(), Fault> {
        let message = Object::read(raw, path, "a Finnhub message object")?;
        if !message.has("type") {
            return Err(wrong_vendor(path));
        }
        match message.need_text("type", "trade, ping or error")?.as_ref() {
            "trade" => {
                let prints = message.list("data")?.ok_or_else(|| message.missing("data", "a list of trades"))?;
                let data = Path::Key(path, "data");
                for (index, print) in prints.into_iter().enumerate() {
                    let path = Path::Index(&data, index);
                    match payload::Trade::read(print, &path).and_then(|print| self.event(print, &path)) {
                        Ok(event) => self.parsed.events.push(event),
                        Err(fault) => self.reject(fault, print, &path),
                    }
                }
            }
            "ping" => {}
            "error" => {
                let text = message.text("msg")?.unwrap_or_else(|| "no message".into());
                let path = Path::Key(path, "msg");
                return Err(Fault::new(RejectReason::VendorError, &path, format!("Finnhub answered: {text}")));
            }
            kind => self.other(kind, raw, path)?,
        }
        Ok(())
    }

    fn event(&mut self, print: payload::Trade<'_>, path: &Path<'_>) -> Result<Event, Fault> {
        let price_e8 = number(print.p, &Path::Key(path, "p"), "a price above 0", 1)?;
        let volume_e8 = number(print.v, &Path::Key(path, "v"), "a volume of 0 or more", 0)?;
        let timestamp_ms = self.time_ms(print.t, &Path::Key(path, "t"))?;
        if print.s.trim().is_empty() {
            return Err(Fault::new(RejectReason::BadField, &Path::Key(path, "s"), "s is empty; expected a symbol"));
        }
        let conditions = print.c.0;
        self.content.clear();
        write!(self.content, "{price_e8}|{volume_e8}|").expect("a vector takes every byte");
        for (index, code) in conditions.iter().enumerate() {
            if index > 0 {
                self.content.push(b',');
            }
            self.content.extend_from_slice(code.as_bytes());
        }
        let is_vwap_eligible = is_vwap_eligible(&conditions);
        let payload = Trade { price_e8, volume_e8, conditions, is_vwap_eligible };
        let mut draft = EventDraft::new(SOURCE, timestamp_ms, self.received_at_ms.unwrap_or(timestamp_ms), payload);
        draft.symbol = Some(print.s.into_owned());
        Ok(self.session.name_by_content(draft, &self.content))
    }

    fn time_ms(&self, raw: &RawValue, path: &Path<'_>) -> Result<i64, Fault> {
        let time_ms = scaled::<0>(raw, path, "unix ms", Precision::Exact)?.0;
        if !(TIME_MS_MIN..TIME_MS_END).contains(&time_ms) {
            let message =
                format!("found {time_ms}; expected unix ms such as 1680286537580, not seconds or microseconds");
            return Err(Fault::new(RejectReason::OutOfRange, path, message));
        }
        if self.received_at_ms.is_some_and(|received| time_ms > received.saturating_add(MAX_FUTURE_MS)) {
            let message = format!("found {time_ms}, more than {MAX_FUTURE_MS} ms after it was received");
            return Err(Fault::new(RejectReason::FutureTime, path, message));
        }
        Ok(time_ms)
    }

    fn other(&mut self, kind: &str, raw: &RawValue, path: &Path<'_>) -> Result<(), Fault> {
        let content = serde_json::from_str(raw.get()).map_err(|error| {
            let message = format!("expected a message nested less deeply: {error}");
            Fault::new(RejectReason::TooDeep, path, message)
        })?;
        let received = self.received_at_ms.unwrap_or_default();
        let draft = EventDraft::new(SOURCE, received, received, Other { vendor_kind: kind.to_owned(), content });
        let revision = format!("{:016x}", stable_hash(raw.get().as_bytes()));
        self.parsed.events.push(draft.with_vendor_id(kind, &revision));
        Ok(())
    }

    fn reject(&mut self, fault: Fault, raw: &RawValue, path: &Path<'_>) {
        self.parsed.rejects.push(path.reject(fault, raw));
    }
}

fn number(raw: &RawValue, path: &Path<'_>, what: &str, units_min: i64) -> Result<i64, Fault> {
    let units = scaled::<8>(raw, path, what, Precision::Exact)?.0;
    if units < units_min {
        let message = format!("found {}; expected {what}", raw.get());
        return Err(Fault::new(RejectReason::OutOfRange, path, message));
    }
    Ok(units)
}

fn wrong_vendor(path: &Path<'_>) -> Fault {
    let message = "found no \"type\"; expected Finnhub WebSocket messages such as {\"type\":\"trade\",\"data\":[..]}";
    Fault::new(RejectReason::WrongVendor, path, message)
}

fn nth_print<'a>(text: &'a Text<'_>, index: usize) -> Option<&'a RawValue> {
    let root = Path::Root(text);
    let message = Object::read(text.json(&root).ok()?, &root, "a message").ok()?;
    message.list("data").ok()??.get(index).copied()
}
