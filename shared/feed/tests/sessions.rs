//! Files that belong together: what one says of a game dates, names and turns what the next one has of it.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::{fs, path::PathBuf};

use touchline_event::{Event, Payload, Squad, TrackingFrame, format_utc_ms};
use touchline_feed::{Document, Session, Source, parse};

/// A fixture under the name that it has beside the others of its game.
fn read(vendor: &str, fixture: &str, origin: &str, session: &mut Session) -> Vec<Event> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(vendor).join(fixture);
    let bytes = fs::read(path).unwrap();
    session.renew();
    let document = Document { bytes: &bytes, received_at_ms: None, origin };
    let parsed = parse(Source::from_name(vendor).unwrap(), document, session);
    assert!(parsed.rejects.is_empty(), "{fixture}: {:?}", parsed.rejects);
    parsed.events
}

fn frames(events: &[Event]) -> Vec<&TrackingFrame> {
    let mut frames = Vec::new();
    for event in events {
        if let Payload::TrackingFrame(frame) = &event.payload {
            frames.push(frame);
        }
    }
    frames
}

#[test]
fn the_list_of_matches_dates_the_events_of_its_matches() {
    let mut session = Session::default();
    read("statsbomb", "matches_final_and_scheduled.json", "matches.json", &mut session);
    let events = read("statsbomb", "events_own_goal.json", "69161.json", &mut session);
    // Kick-off at 18:00, second half nominally 65 minutes later.
    assert_eq!(&format_utc_ms(events[0].timestamp_ms)[..13], "2019-06-24T19");
    assert_eq!(events[0].league.as_deref(), Some("Women's World Cup"));
    let alone = read("statsbomb", "events_own_goal.json", "69161.json", &mut Session::default());
    assert_eq!(alone[0].event_id, events[0].event_id, "what is known of a game enters no id");
    assert_eq!(&format_utc_ms(alone[0].timestamp_ms)[..10], "1970-01-01");
}

#[test]
fn a_skillcorner_match_names_and_turns_its_frames() {
    let mut session = Session::default();
    read("skillcorner", "match_2011166.json", "2011166_match.json", &mut session);
    let events = read("skillcorner", "frames_v3.jsonl", "2011166_tracking.jsonl", &mut session);
    let alone = read("skillcorner", "frames_v3.jsonl", "2011166_tracking.jsonl", &mut Session::default());
    // The home team of this match begins right to left.
    let (known, unknown) = (frames(&events)[2].clone(), frames(&alone)[2].clone());
    assert!(known.is_oriented && !unknown.is_oriented);
    assert_ne!(unknown.ball.unwrap().x_cm, 5_250, "a ball on the halfway line would hide the turn");
    assert_eq!(known.ball.unwrap().x_cm, 10_500 - unknown.ball.unwrap().x_cm);
    assert_eq!(&format_utc_ms(events[1].timestamp_ms)[..10], "2025-04-12");
}

#[test]
fn epts_metadata_explains_its_frames() {
    let mut session = Session::default();
    read("metrica", "excerpt_metadata.xml", "game_metadata.xml", &mut session);
    let events = read("metrica", "epts_frames_without_metadata.txt", "game_tracking.txt", &mut session);
    let frame = frames(&events)[0];
    assert!(frame.is_oriented);
    assert_eq!((frame.players[0].squad, frame.players[0].id.as_deref()), (Squad::Home, Some("Track_1")));
    assert_eq!((events[0].period, &format_utc_ms(events[0].timestamp_ms)[..10]), (Some(1), "2021-09-14"));
}

#[test]
fn tracab_xml_dates_its_frames() {
    let mut session = Session::default();
    read("tracab", "12346_metadata.xml", "12346_metadata.xml", &mut session);
    let events = read("tracab", "12345.dat", "12346.dat", &mut session);
    assert_eq!(events[0].game_id.as_deref(), Some("12346"));
    assert_eq!((events[0].period, frames(&events)[1].clock_ms), (Some(1), Some(40)));
    assert_eq!(format_utc_ms(events[1].timestamp_ms), "2016-03-03T16:00:00.040Z");
}
