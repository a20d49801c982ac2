//! What a parser refused: its whole vendor session is read again from the landed payloads, because sessions number
//! identical prints and keep order books: only the same payloads from the start give the same ids.
//! SSN-1: from the first payload with an accepted entry on, every event whose pane has not counted it is published; a
//! record read at last may have moved the numbers of its twins in later payloads.
//! SSN-2 (RED-2): entries are marked when the session is through.
//! SSN-3: of a session of polls only what its answers changed is published, as the poller did: what stood before it is read
//! from the session's beginning.

use std::collections::BTreeMap;

use touchline_event::{Changes, Event};
use touchline_feed::{Document, Reject, SessionReader, Source};
use touchline_lake::{read_back, session_keys};
use touchline_store::{Ledger, QuarantineEntry, Redriven, pages, quarantine, redriven};

use crate::counted::CountedPanes;
use crate::entries::{Open, publish};
use crate::outcome::Growing;
use crate::{RedriveContext, RedriveError, RedriveRequest};

type Named<'a> = (&'a str, &'a QuarantineEntry);

pub(crate) async fn redrive(
    context: &RedriveContext,
    request: &RedriveRequest,
    open: &Open,
    outcome: &mut Growing<'_>,
) -> Result<(), RedriveError> {
    let mut by_object: BTreeMap<&str, Vec<Named<'_>>> = BTreeMap::new();
    for (name, entry) in &open.parse {
        match &entry.object_key {
            Some(key) => by_object.entry(key).or_default().push((name, entry)),
            None => outcome.refused(&open.source, &entry.reason, "its raw object is not known".to_owned()),
        }
    }
    while let Some((first, _)) = by_object.first_key_value() {
        let keys = session_keys(&*context.objects, first).await?;
        let (first, mut entries) = (first.to_owned(), BTreeMap::new());
        for key in keys.iter().map(String::as_str).chain([first]) {
            if let Some(of_object) = by_object.remove(key) {
                entries.insert(key.to_owned(), of_object);
            }
        }
        redrive_session(context, request, &open.source, &keys, entries, outcome).await?;
    }
    Ok(())
}

async fn redrive_session(
    context: &RedriveContext,
    request: &RedriveRequest,
    source_name: &str,
    keys: &[String],
    mut entries: BTreeMap<String, Vec<Named<'_>>>,
    outcome: &mut Growing<'_>,
) -> Result<(), RedriveError> {
    let refuse_all = |entries: BTreeMap<String, Vec<Named<'_>>>, why: &str, outcome: &mut Growing<'_>| {
        for (_, entry) in entries.into_values().flatten() {
            outcome.refused(source_name, &entry.reason, why.to_owned());
        }
    };
    let Some(source) = Source::from_name(source_name) else {
        refuse_all(entries, "no parser has this name", outcome);
        return Ok(());
    };
    let mut reader = SessionReader::default();
    let mut changes: Option<Option<Changes>> = None;
    let mut panes = CountedPanes::default();
    let mut marks = Vec::new();
    let mut missing = "its payload is not in the object store".to_owned();
    for key in keys {
        let landed = match read_back(&*context.objects, key).await {
            Ok(Some(landed)) => landed,
            Ok(None) => continue,
            // Without this payload the ids after it cannot be known.
            Err(error) => {
                missing = error.to_string();
                break;
            }
        };
        let label = &landed.label;
        let document = Document { bytes: &landed.bytes, received_at_ms: label.received_at_ms, origin: &label.origin };
        if changes.is_none() {
            changes = Some(pages::beginning(&*context.store, source_name, &label.session).await?);
        }
        let mut parsed = reader.read(source, document, label.shift_ms);
        if let Some(Some(changes)) = &mut changes {
            // Answers stand for themselves; the changes carry the first times.
            reader = SessionReader::default();
            parsed.events = changes.take(parsed.events, label.received_at_ms.unwrap_or(0)).0;
        }
        for (name, entry) in accepted(entries.remove(key).unwrap_or_default(), &parsed.rejects, source_name, outcome) {
            marks.push((name.to_owned(), Redriven { republished: 0, at_ms: request.at_ms }));
            outcome.redriven(source_name, &entry.reason);
        }
        if !marks.is_empty() {
            let events = uncounted(context, &mut panes, parsed.events, outcome).await?;
            outcome.published(events.len() as u64);
            if !request.is_dry_run {
                publish(context, events).await?;
            }
        }
        if entries.is_empty() && marks.is_empty() {
            return Ok(());
        }
    }
    refuse_all(entries, &missing, outcome);
    if !request.is_dry_run {
        redriven::mark(&*context.store, Ledger::Quarantine, source_name, &marks).await?;
    }
    Ok(())
}

/// The entries whose records the parser no longer refuses. Records of the same bytes in one payload fare alike.
fn accepted<'a>(
    entries: Vec<Named<'a>>,
    rejects: &[Reject],
    source: &str,
    outcome: &mut Growing<'_>,
) -> Vec<Named<'a>> {
    let mut accepted = Vec::with_capacity(entries.len());
    for (name, entry) in entries {
        let refused = rejects.iter().find(|reject| quarantine::kept(&reject.raw) == entry.raw);
        match refused {
            Some(reject) => outcome.refused(source, &entry.reason, reject.message.clone()),
            None => accepted.push((name, entry)),
        }
    }
    accepted
}

async fn uncounted(
    context: &RedriveContext,
    panes: &mut CountedPanes,
    events: Vec<Event>,
    outcome: &mut Growing<'_>,
) -> Result<Vec<Event>, RedriveError> {
    let mut left = Vec::new();
    for event in events {
        if panes.has_counted(context, &event).await? {
            outcome.left_out(1);
        } else {
            left.push(event);
        }
    }
    Ok(left)
}
