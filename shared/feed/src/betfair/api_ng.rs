//! API-NG answers, polled over HTTP: market books and catalogues; scores and event timelines are kept as they are.
//! BET-7: a book polled again unchanged says nothing; its mark is what Betfair says of the market, never the poll's time.
//! API-NG gives no event time: it is the time of receipt, or the vendor's nearest time where a file has none.

use serde_json::value::RawValue;
use touchline_event::{Other, stable_hash};

use super::parse::{Moment, Run, draft, wrong_vendor};
use super::payload::{ONE_E6, Rung, runner_key};
use super::table;
use crate::RejectReason;
use crate::raw::{Fault, Object, Path, Precision};

/// A JSON-RPC envelope, a REST fault, or one element of an answer.
pub(super) fn answer(run: &mut Run<'_>, object: &Object<'_, '_>, raw: &RawValue) -> Result<(), Fault> {
    let path = object.path();
    if object.has("faultcode") || (object.has("error") && object.has("jsonrpc")) {
        let key = if object.has("faultcode") { "faultstring" } else { "error" };
        let text = object.get(key)?.map_or("no message", RawValue::get);
        let path = Path::Key(path, key);
        return Err(Fault::new(RejectReason::VendorError, &path, format!("Betfair answered: {text}")));
    }
    if object.has("result") {
        let list_path = Path::Key(path, "result");
        let elements = object.list("result")?.ok_or_else(|| object.missing("result", "a list of markets"))?;
        for (index, raw) in elements.into_iter().enumerate() {
            let path = Path::Index(&list_path, index);
            let result = Object::read(raw, &path, "a market object").and_then(|object| element(run, &object, raw));
            if let Err(fault) = result {
                run.reject(fault, raw, &path);
            }
        }
        return Ok(());
    }
    element(run, object, raw)
}

fn element(run: &mut Run<'_>, object: &Object<'_, '_>, raw: &RawValue) -> Result<(), Fault> {
    if object.has("marketName") {
        catalogue(run, object)
    } else if object.has("marketId") {
        book(run, object)
    } else if object.has("eventId") {
        other(run, object, raw)
    } else {
        Err(wrong_vendor(object.path()))
    }
}

/// `listMarketCatalogue`: what the market is and who runs.
fn catalogue(run: &mut Run<'_>, object: &Object<'_, '_>) -> Result<(), Fault> {
    let id = object.need_text("marketId", "a market id such as 1.200806927")?;
    let path = object.path();
    let starts_at_ms = object.time_ms("marketStartTime")?;
    let market_type = nested_text(object, "description", "marketType")?;
    let event_type = nested_text(object, "eventType", "id")?;
    let market = run.books.market(&id);
    market.market_time_ms = starts_at_ms.or(market.market_time_ms);
    if let Some(market_type) = &market_type {
        market.market = table::market(market_type);
    }
    if let Some(event_type) = &event_type {
        market.sport = table::sport(event_type);
    }
    let list_path = Path::Key(path, "runners");
    let mut runners = Vec::new();
    for (index, raw) in object.list("runners")?.unwrap_or_default().into_iter().enumerate() {
        let path = Path::Index(&list_path, index);
        let runner = Object::read(raw, &path, "a runner object")?;
        let key = runner_key(&runner, "selectionId", "handicap")?;
        if let Some(name) = runner.text("runnerName")? {
            run.books.market(&id).names.insert(key, name.into_owned());
        }
        runners.push((key, None));
    }
    let timestamp_ms = run.received_at_ms.or(starts_at_ms).unwrap_or_default();
    let moment = Moment {
        timestamp_ms,
        received_at_ms: timestamp_ms,
        revision: format!("catalogue:{}", starts_at_ms.unwrap_or_default()),
    };
    // A catalogue lists markets and knows no status.
    run.say_status(&id, "listed", false, &runners, &moment);
    Ok(())
}

fn nested_text(object: &Object<'_, '_>, key: &str, inner: &str) -> Result<Option<String>, Fault> {
    let Some(raw) = object.get(key)? else { return Ok(None) };
    let path = Path::Key(object.path(), key);
    let text = Object::read(raw, &path, "an object")?.text(inner)?.map(|text| text.into_owned());
    Ok(text)
}

/// `listMarketBook`: the status and the whole book, an image without being called one.
fn book(run: &mut Run<'_>, object: &Object<'_, '_>) -> Result<(), Fault> {
    let id = object.need_text("marketId", "a market id such as 1.200806927")?;
    let status = object.need_text("status", "OPEN, SUSPENDED, CLOSED or INACTIVE")?;
    let is_in_play = object.flag("inplay")?.unwrap_or(false);
    let matched_at_ms = object.time_ms("lastMatchTime")?;
    let timestamp_ms = run.received_at_ms.or(matched_at_ms).unwrap_or_default();
    let moment = Moment {
        timestamp_ms,
        received_at_ms: timestamp_ms,
        revision: format!(
            "{}:{}:{}:{}",
            object.text("version")?.unwrap_or_default(),
            matched_at_ms.unwrap_or_default(),
            object.text("totalMatched")?.unwrap_or_default(),
            object.text("totalAvailable")?.unwrap_or_default(),
        ),
    };
    run.books.market(&id).begin_image();
    let list_path = Path::Key(object.path(), "runners");
    let mut statuses = Vec::new();
    for (index, raw) in object.list("runners")?.unwrap_or_default().into_iter().enumerate() {
        let path = Path::Index(&list_path, index);
        match Object::read(raw, &path, "a runner object").and_then(|runner| book_runner(run, &id, &runner)) {
            Ok(status) => statuses.push(status),
            Err(fault) => run.reject(fault, raw, &path),
        }
    }
    let runners: Vec<_> = statuses.iter().map(|(key, status)| (*key, status.as_deref())).collect();
    run.say_status(&id, &status, is_in_play, &runners, &moment);
    run.say_changes(&id, &moment);
    Ok(())
}

type RunnerStatus = (super::books::RunnerKey, Option<String>);

fn book_runner(run: &mut Run<'_>, id: &str, runner: &Object<'_, '_>) -> Result<RunnerStatus, Fault> {
    /// Keys of `ex` and their ladders in [`super::payload::LADDERS`].
    const EX: [(&str, usize); 3] = [("availableToBack", 0), ("availableToLay", 1), ("tradedVolume", 6)];
    let key = runner_key(runner, "selectionId", "handicap")?;
    if let Some(price) = runner.scaled::<6>("lastPriceTraded", "decimal odds", Precision::Rounded)? {
        if price <= ONE_E6 {
            let path = Path::Key(runner.path(), "lastPriceTraded");
            let message = format!("found odds of {price} millionths; expected decimal odds above 1");
            return Err(Fault::new(RejectReason::OutOfRange, &path, message));
        }
        run.books.market(id).set_last_traded(key, price);
    }
    if let Some(raw) = runner.get("ex")? {
        let ex_path = Path::Key(runner.path(), "ex");
        let ex = Object::read(raw, &ex_path, "the exchange's prices")?;
        for (name, ladder) in EX {
            let list_path = Path::Key(&ex_path, name);
            for (index, raw) in ex.list(name)?.unwrap_or_default().into_iter().enumerate() {
                let path = Path::Index(&list_path, index);
                match Rung::read_object(raw, &path) {
                    Ok(rung) => run.books.market(id).set_rung(key, ladder, rung),
                    Err(fault) => run.reject(fault, raw, &path),
                }
            }
        }
    }
    Ok((key, runner.text("status")?.map(|status| status.into_owned())))
}

/// Scores and event timelines of the in-play service.
fn other(run: &mut Run<'_>, object: &Object<'_, '_>, raw: &RawValue) -> Result<(), Fault> {
    let event_id = object.need_text("eventId", "an event id")?;
    let sport = object.text("eventTypeId")?.and_then(|id| table::sport(&id));
    let vendor_kind = if object.has("updateDetails") { "event_timeline" } else { "scores" };
    let content: serde_json::Value = serde_json::from_str(raw.get()).map_err(|error| {
        let message = format!("expected an object nested less deeply: {error}");
        Fault::new(RejectReason::TooDeep, object.path(), message)
    })?;
    let newest_ms = content["updateDetails"]
        .as_array()
        .and_then(|updates| updates.iter().filter_map(|update| update["updateTime"].as_str()).next_back())
        .and_then(touchline_event::parse_utc_ms);
    let timestamp_ms = newest_ms.or(run.received_at_ms).unwrap_or_default();
    let moment = Moment {
        timestamp_ms,
        received_at_ms: run.received_at_ms.unwrap_or(timestamp_ms),
        revision: format!("{:016x}", stable_hash(raw.get().as_bytes())),
    };
    let draft = draft(&event_id, sport, &moment, Other { vendor_kind: vendor_kind.to_owned(), content });
    run.parsed.events.push(draft.with_vendor_id(&format!("{vendor_kind}:{event_id}"), &moment.revision));
    Ok(())
}
