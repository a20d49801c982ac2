//! Metrica documents to events: which of the five it is, is read off its first bytes.
//! MET-5: of files given together the metadata comes first; what it says of times, names and directions holds for the rest.

use super::payload::{Notes, game_of};
use super::{epts, events, frames};
use crate::origin::origin_stem;
use crate::raw::Text;
use crate::rows::{Table, wrong_vendor};
use crate::run::Run;
use crate::{Document, Parsed, Session};

const SOURCE: &str = "metrica";

/// One document.
pub fn parse(document: Document<'_>, session: &mut Session) -> Parsed {
    let mut run = Run::new(SOURCE, document.received_at_ms);
    let notes: &mut Notes = &mut session.metrica_notes;
    let stem = game_of(origin_stem(document.origin));
    let text = Text::new(document.bytes);
    let head = text.as_str().trim_start();
    if head.starts_with('<') {
        if let Err(fault) = epts::metadata(text.as_str(), stem, notes, &mut run) {
            run.reject_whole(fault, document.bytes);
        }
        return run.parsed;
    }
    let note = notes.of(stem);
    if head.starts_with(['{', '[']) {
        run.document(document, |raw, path, run| events::document(raw, path, &note, run));
    } else if frames::is_table(text.as_str()) {
        frames::frames(&text, &note, &mut run);
    } else if head.lines().any(epts::is_frame) {
        epts::frames(&text, &note, &mut run);
    } else {
        let table = Table::read(document.bytes);
        if table.has_all(&events::COLUMNS) {
            events::table(&table, &note, &mut run);
        } else {
            let expected = "Metrica's tracking (three lines of header), events (Team,Type,Subtype,..) or EPTS frames";
            run.parsed.rejects.push(wrong_vendor(document.bytes, expected));
        }
    }
    run.parsed
}
