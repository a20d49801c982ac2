//! SportMonks' answers: one entity or a list of them under `data`, with or without the envelope; schedules are trees.
//! SM-8: fixtures are found wherever they stand: alone, in lists, in rounds of stages, under teams.

use serde_json::value::RawValue;

use super::entities::entity;
use super::fixture::fixture;
use super::includes::text_of;
use super::odds;
use crate::raw::{Fault, Object, Path, list};
use crate::run::Run;
use crate::{Document, Parsed, RejectReason, Session};

const SOURCE: &str = "sportmonks";
/// The members of stages, rounds, teams and groups under which fixtures stand.
const BRANCHES: [&str; 9] =
    ["stages", "rounds", "fixtures", "aggregates", "groups", "latest", "upcoming", "inplay", "results"];
/// Members of which a fixture always has one.
const FIXTURE_MEMBERS: [&str; 5] = ["starting_at", "starting_at_timestamp", "localteam_id", "state_id", "result_info"];
/// Members of which an entity of SportMonks always has one.
const SPORTMONKS_MEMBERS: [&str; 10] = [
    "sport_id",
    "league_id",
    "fixture_id",
    "season_id",
    "type_id",
    "developer_name",
    "localteam_id",
    "starting_at",
    "country_id",
    "team_id",
];

/// One answer. The session is not needed: SportMonks' facts have ids.
pub fn parse(document: Document<'_>, _session: &mut Session) -> Parsed {
    let mut run = Run::new(SOURCE, document.received_at_ms);
    run.document(document, root);
    run.parsed
}

fn root(raw: &RawValue, path: &Path<'_>, run: &mut Run) -> Result<(), Fault> {
    if raw.get().starts_with('[') {
        return elements(raw, path, None, run);
    }
    let Ok(object) = Object::read(raw, path, "an answer of SportMonks") else { return Err(wrong_vendor(path)) };
    if object.has("id") {
        return branch(raw, path, None, run);
    }
    if let Some(fault) = vendor_error(&object)? {
        return Err(fault);
    }
    let Some(data) = object.get("data")? else {
        // No more results on a page that was asked for is an envelope without data.
        let is_envelope = object.has("subscription") || object.has("pagination") || object.has("meta");
        return if is_envelope { Ok(()) } else { Err(wrong_vendor(path)) };
    };
    let zone = text_of(&object, "timezone")?;
    let path = Path::Key(path, "data");
    if data.get().starts_with('[') {
        elements(data, &path, zone.as_deref(), run)
    } else {
        branch(data, &path, zone.as_deref(), run)
    }
}

fn elements(raw: &RawValue, path: &Path<'_>, zone: Option<&str>, run: &mut Run) -> Result<(), Fault> {
    let elements = list(raw, path)?;
    // Another vendor's list is one mistake, not a thousand.
    if !elements.is_empty() && !elements.iter().any(|raw| is_sportmonks(raw)) {
        return Err(wrong_vendor(path));
    }
    for (index, raw) in elements.into_iter().enumerate() {
        let path = Path::Index(path, index);
        run.record(raw, &path, |run| branch(raw, &path, zone, run));
    }
    Ok(())
}

/// An entity, and the fixtures under it.
fn branch(raw: &RawValue, path: &Path<'_>, zone: Option<&str>, run: &mut Run) -> Result<(), Fault> {
    let object = Object::read(raw, path, "an entity of SportMonks")?;
    // A stage or a round has a start too; a fixture alone has sides, a state or a result.
    let is_branch = BRANCHES.iter().any(|key| object.has(key));
    let is_dated = object.has("ending_at") || object.has("is_current");
    if !is_branch && !is_dated && FIXTURE_MEMBERS.iter().any(|key| object.has(key)) {
        return fixture(raw, path, zone, run);
    }
    if object.has("bookmaker_id") && object.has("market_id") && !object.has("fair_odds") {
        return odds::entry(raw, path, None, run);
    }
    if !is_branch {
        return if is_sportmonks(raw) { entity(raw, path, run) } else { Err(wrong_vendor(path)) };
    }
    if object.has("gender") || object.has("sub_type") {
        entity(raw, path, run)?;
    }
    for key in BRANCHES {
        let path = Path::Key(path, key);
        match run.member(&object, key, raw) {
            Some(raw) if raw.get().starts_with('[') => {
                for (index, raw) in list(raw, &path)?.into_iter().enumerate() {
                    let path = Path::Index(&path, index);
                    run.record(raw, &path, |run| branch(raw, &path, zone, run));
                }
            }
            Some(raw) => run.record(raw, &path, |run| {
                let path = Path::Key(&path, "data");
                let object = Object::read(raw, &path, "a list, or an object with data")?;
                elements(object.need("data", "a list")?, &path, zone, run)
            }),
            None => {}
        }
    }
    Ok(())
}

fn is_sportmonks(raw: &RawValue) -> bool {
    SPORTMONKS_MEMBERS.iter().any(|member| raw.get().contains(&format!("\"{member}\"")))
}

/// `{"message": "...", "code": ...}` of version 3, `{"error": {"message": "...", "code": ...}}` of version 2.
fn vendor_error(object: &Object<'_, '_>) -> Result<Option<Fault>, Fault> {
    let path = Path::Key(object.path(), "error");
    if let Some(raw) = object.get("error")?.filter(|raw| raw.get().starts_with('{')) {
        let message = Object::read(raw, &path, "an error object")?.text("message")?.unwrap_or_default();
        return Ok(Some(Fault::new(RejectReason::VendorError, &path, format!("SportMonks answered: {message}"))));
    }
    if object.has("data") {
        return Ok(None);
    }
    let Some(message) = text_of(object, "message")? else { return Ok(None) };
    // A search without results is an answer, not an error.
    if message.starts_with("No result") {
        return Ok(None);
    }
    let path = Path::Key(object.path(), "message");
    Ok(Some(Fault::new(RejectReason::VendorError, &path, format!("SportMonks answered: {message}"))))
}

fn wrong_vendor(path: &Path<'_>) -> Fault {
    let message = "found neither data nor an entity of SportMonks; expected {\"data\": ...} of its football API";
    Fault::new(RejectReason::WrongVendor, path, message)
}
