//! Messages of the Unified Odds Feed: prices, states of markets, settlements; probabilities and rollbacks as sent.
//! SR-10: one `odds_quote` an active outcome with a price; one `market_status` a market, with each outcome's state.
//! SR-11: a fact's time is the message's `timestamp`; the feed repeats messages in recovery, which makes the same facts.

use serde_json::value::RawValue;
use touchline_event::{MarketStatus, OddsQuote, Side};

use super::payload::{Status, text_of};
use super::table;
use crate::RejectReason;
use crate::raw::{Fault, Object, Path, Precision, decimal, scaled};
use crate::run::{Context, Run, Subject};

/// Whose prices these are.
const BOOK: &str = "betradar";
/// The feed's `product` of prices during the game.
const LIVE_PRODUCT: &str = "1";
const ONE_E6: i64 = 1_000_000;
const PRICE_E6_MAX: i64 = 1_000_000 * ONE_E6;

/// What a message is about.
struct Message<'m> {
    name: &'m str,
    subject: Subject,
    at_ms: i64,
    is_in_play: bool,
}

/// Whether the root element is one of the feed's messages.
pub(super) fn is_message(name: &str) -> bool {
    matches!(
        name,
        "odds_change"
            | "bet_stop"
            | "bet_settlement"
            | "bet_cancel"
            | "rollback_bet_settlement"
            | "rollback_bet_cancel"
            | "fixture_change"
            | "cashout"
    )
}

/// One message about one event.
pub(super) fn message(name: &str, raw: &RawValue, path: &Path<'_>, run: &mut Run) -> Result<(), Fault> {
    let object = Object::read(raw, path, "a message")?;
    let game_id = object.need_text("event_id", "the event's id, such as sr:match:31604309")?.into_owned();
    let at_ms = object.integer("timestamp", "milliseconds since 1970")?;
    let at_ms = at_ms.or(run.received_at_ms).ok_or_else(|| object.missing("timestamp", "milliseconds since 1970"))?;
    run.refuse_future(at_ms, &Path::Key(path, "timestamp"))?;
    let is_in_play = text_of(&object, "product")?.as_deref() == Some(LIVE_PRODUCT);
    let subject = Subject { game_id: Some(game_id), ..Subject::default() };
    let message = Message { name, subject, at_ms, is_in_play };
    match name {
        "odds_change" | "bet_settlement" | "bet_cancel" => {
            state(&object, raw, &message, run);
            markets(&object, raw, &message, run);
        }
        "bet_stop" => {
            let market = text_of(&object, "groups")?.unwrap_or_else(|| "all".to_owned());
            let status =
                text_of(&object, "market_status")?.map_or("suspended".to_owned(), |word| table::market_status(&word));
            let stop = MarketStatus { market, status, is_in_play, market_time_ms: None, outcomes: Vec::new() };
            emit(&message, "bet_stop", stop, run);
        }
        _ => {
            let context = Context { vendor_time_ms: Some(at_ms), ..Context::default() };
            run.other(message.subject, at_ms, (name, name), raw, context);
        }
    }
    Ok(())
}

/// The game's state that stands in a price message.
fn state(object: &Object<'_, '_>, record: &RawValue, message: &Message<'_>, run: &mut Run) {
    let path = Path::Key(object.path(), "sport_event_status");
    let Some(raw) = run.member(object, "sport_event_status", record) else { return };
    run.record(raw, &path, |run| {
        let status = Object::read(raw, &path, "an object with status")?;
        let Some(status) = Status::read(Some(&status), None)?.filter(Status::has_started) else { return Ok(()) };
        let context =
            || Context { game_clock: status.clock.clone(), vendor_time_ms: Some(message.at_ms), ..Context::default() };
        if let Some(score) = status.score.clone() {
            run.event(message.subject.clone(), message.at_ms, "score", score, context());
        }
        let change = touchline_event::PeriodChange { status: status.status, status_detail: status.detail.clone() };
        run.event(message.subject.clone(), message.at_ms, "period", change, Context { game_clock: None, ..context() });
        Ok(())
    });
}

/// `odds/market`, `outcomes/market` or `market`, as the message has it.
fn markets(object: &Object<'_, '_>, record: &RawValue, message: &Message<'_>, run: &mut Run) {
    for holder in ["odds", "outcomes"] {
        let path = Path::Key(object.path(), holder);
        let Some(raw) = run.member(object, holder, record).filter(|raw| raw.get().starts_with('{')) else { continue };
        match Object::read(raw, &path, "an object with markets") {
            Ok(inner) => market_list(&inner, record, message, run),
            Err(fault) => run.reject(fault, raw, &path),
        }
    }
    market_list(object, record, message, run);
}

fn market_list(holder: &Object<'_, '_>, record: &RawValue, message: &Message<'_>, run: &mut Run) {
    let path = Path::Key(holder.path(), "market");
    for (index, raw) in run.list(holder, "market", record).into_iter().enumerate() {
        let path = Path::Index(&path, index);
        run.record(raw, &path, |run| market(raw, &path, message, run));
    }
}

fn market(raw: &RawValue, path: &Path<'_>, message: &Message<'_>, run: &mut Run) -> Result<(), Fault> {
    let object = Object::read(raw, path, "a market")?;
    let id = object.need_text("id", "the market's id")?.into_owned();
    let specifiers = text_of(&object, "specifiers")?.unwrap_or_default();
    let named = table::market(&id);
    let point_e2 = named.and_then(|_| point_e2(&specifiers));
    // Of a market that we name, the point says what its specifiers say; of any other they are part of its name.
    let market = match named {
        Some(name) => name.to_owned(),
        None if specifiers.is_empty() => id.clone(),
        None => format!("{id}|{specifiers}"),
    };
    let status = match (message.name, text_of(&object, "status")?) {
        ("bet_settlement", _) => "settled".to_owned(),
        ("bet_cancel", _) => "cancelled".to_owned(),
        (_, Some(status)) => table::market_status(&status),
        // A market without a status is open: so the feed's documentation says.
        (_, None) => "open".to_owned(),
    };
    let mut outcomes = Vec::new();
    let list_path = Path::Key(path, "outcome");
    for (index, raw) in object.list("outcome")?.unwrap_or_default().into_iter().enumerate() {
        let path = Path::Index(&list_path, index);
        run.record(raw, &path, |run| {
            let frame = (id.as_str(), specifiers.as_str(), market.as_str(), named.is_some(), point_e2);
            outcomes.push(outcome(raw, &path, frame, message, run)?);
            Ok(())
        });
    }
    let key = format!("market:{id}:{specifiers}");
    let market = match named {
        Some(name) if !specifiers.is_empty() => format!("{name}|{specifiers}"),
        _ => market,
    };
    let payload = MarketStatus { market, status, is_in_play: message.is_in_play, market_time_ms: None, outcomes };
    emit(message, &key, payload, run);
    Ok(())
}

/// The price of an outcome, where it is offered; its id and state for the market.
fn outcome(
    raw: &RawValue,
    path: &Path<'_>,
    (market_id, specifiers, market, is_named, point_e2): (&str, &str, &str, bool, Option<i64>),
    message: &Message<'_>,
    run: &mut Run,
) -> Result<(String, String), Fault> {
    const WHAT: &str = "decimal odds above 1";
    let object = Object::read(raw, path, "an outcome")?;
    let id = object.need_text("id", "the outcome's id")?.into_owned();
    let is_active = text_of(&object, "active")?.is_none_or(|active| active == "1");
    let result = match (text_of(&object, "result")?.as_deref(), text_of(&object, "void_factor")?) {
        (_, Some(factor)) if factor.trim_end_matches('0').trim_end_matches('.') == "1" => Some("void"),
        (Some("1"), _) => Some("won"),
        (Some("0"), _) => Some("lost"),
        (Some(_), _) => Some("undecided"),
        (None, _) => None,
    };
    let state = result.unwrap_or(if is_active { "active" } else { "inactive" }).to_owned();
    let price = object.get("odds")?.filter(|_| is_active && message.name == "odds_change");
    if let Some(raw) = price {
        let odds_path = Path::Key(path, "odds");
        let price_e6 = scaled::<6>(raw, &odds_path, WHAT, Precision::Rounded)?.0;
        if price_e6 <= ONE_E6 || price_e6 > PRICE_E6_MAX {
            let message = format!("found {}; expected {WHAT}", raw.get());
            return Err(Fault::new(RejectReason::OutOfRange, &odds_path, message));
        }
        let word = Some(id.as_str()).filter(|_| is_named).and_then(table::outcome);
        // A handicap is the home side's: the away side has its negative.
        let point_e2 = point_e2.map(|point| if market == "spreads" && word == Some("away") { -point } else { point });
        let quote = OddsQuote {
            book: BOOK.to_owned(),
            market: market.to_owned(),
            outcome: word.map_or_else(|| id.clone(), str::to_owned),
            point_e2,
            price_e6,
            side: Side::Back,
            size_e2: None,
        };
        let context = Context { vendor_time_ms: Some(message.at_ms), ..Context::default() };
        run.event(
            message.subject.clone(),
            message.at_ms,
            &format!("odds:{market_id}:{specifiers}:{id}"),
            quote,
            context,
        );
    }
    Ok((id, state))
}

fn emit(message: &Message<'_>, vendor_id: &str, payload: MarketStatus, run: &mut Run) {
    let context = Context { vendor_time_ms: Some(message.at_ms), ..Context::default() };
    run.event(message.subject.clone(), message.at_ms, vendor_id, payload, context);
}

/// `hcp=-0.75` or `total=2.5`; a handicap in goals (`1:0`) is no number.
fn point_e2(specifiers: &str) -> Option<i64> {
    let value = specifiers.split('|').find_map(|pair| pair.strip_prefix("hcp=").or(pair.strip_prefix("total=")))?;
    decimal::<2>(value, Precision::Rounded).ok().map(|point| point.0)
}
