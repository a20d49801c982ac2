//! F13 from the ledgers: what was refused or late comes back once, however often and wherever a redrive is cut short.
//! RED-1, RED-2, RED-3, P12.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use support::{ENTITY, LANES, Mishap, START_MS, World, shard, trade};
use touchline_event::{Changes, Event, Position, Sequence, encode_frame};
use touchline_feed::{Document, SessionReader, Source};
use touchline_lake::{RawPayload, land};
use touchline_redrive::RedriveRequest;
use touchline_store::{Fault, PaneLayout, QuarantineEntry, pages, put_if_absent, quarantine};
use touchline_window::WindowPolicy;

const HOUR_MS: i64 = 3_600_000;
/// Refuses what the default would take: the mistake that is repaired before the redrive.
const STRICT: WindowPolicy = WindowPolicy { future_ms: HOUR_MS, horizon_ms: HOUR_MS, ..WindowPolicy::DEFAULT };

fn everything() -> RedriveRequest {
    RedriveRequest { sources: vec!["finnhub".into(), "unknown".into()], at_ms: START_MS, ..RedriveRequest::default() }
}

fn own_lane(event: &Event) -> String {
    event.lane(LANES).partition_key()
}

/// One entry of every kind that a consumer makes, and one event that was counted.
async fn world_of_refusals(layout: PaneLayout) -> World {
    let world = World::of(layout);
    let send = |key: &str, events: &[Event]| world.log.push(key, encode_frame(events).unwrap());
    let lane = own_lane(&trade(1, START_MS));
    send(&lane, &[trade(1, START_MS), trade(2, START_MS + 2 * HOUR_MS)]);
    send(&lane, &[trade(3, START_MS - 2 * HOUR_MS)]);
    send("lane-00099", &[trade(4, START_MS)]);
    send(&lane, &[trade(5, START_MS + 1000 * HOUR_MS)]);
    world.deliver(STRICT).await;
    // A frame that the release of that time could not read: two events that are taken now, and one that is still refused.
    let bytes = encode_frame(&[trade(6, START_MS), trade(7, START_MS + 1000 * HOUR_MS), trade(8, START_MS)]).unwrap();
    let sequence = world.log.push("lane-unread", Vec::new());
    note(&world, sequence, "bad_frame", bytes, 3).await;
    world
}

/// Puts an entry as an earlier release would have; the record itself is one of which nothing can be read.
async fn note(world: &World, sequence: Sequence, reason: &str, raw: Vec<u8>, event_count: u64) {
    let entry = QuarantineEntry {
        stage: "stream".into(),
        source: "unknown".into(),
        reason: reason.into(),
        pointer: String::new(),
        message: "an earlier release could not read it".into(),
        raw,
        object_key: None,
        event_count,
        at_ms: 0,
    };
    let item = quarantine::stream_entry(&shard(), Position { sequence, sub: 0 }, &entry).unwrap();
    put_if_absent(&*world.store, vec![item]).await.unwrap();
}

#[tokio::test]
async fn what_would_be_taken_now_is_counted_once_and_leaves_quarantine_visibly() {
    let world = world_of_refusals(PaneLayout::Lane).await;
    let (_, before) = world.account().await;
    assert_eq!((before.applied, before.quarantined, before.late), (1, 6, 1));
    let policy = WindowPolicy::DEFAULT;

    let dry = RedriveRequest { is_dry_run: true, ..everything() };
    let (told, records) = (world.redrive(policy, &dry, &Mishap::none()).await.unwrap(), world.log.records());
    assert_eq!((told.redriven(), told.refused(), told.event_count), (4, 1, 5));
    assert_eq!(world.account().await.1, before, "a dry run changes nothing");

    assert_eq!(world.redrive(policy, &everything(), &Mishap::none()).await.unwrap(), told);
    assert!(world.log.records().len() > records.len());
    world.deliver(policy).await;
    let (offered, after) = world.account().await;
    // The record that cannot be read says of itself one event, its entry three.
    assert_eq!(offered + 2, after.total(), "P12");
    // Two are of no possible time still: one alone, one out of the frame, now under its own name.
    assert_eq!((after.applied, after.duplicate, after.quarantined, after.late), (6, 0, 2, 0));
    assert_eq!((after.redriven, after.republished), (6, 5));

    let again = world.redrive(policy, &everything(), &Mishap::none()).await.unwrap();
    assert_eq!((again.redriven(), again.refused()), (0, 2), "the second run changes nothing");
    world.deliver(policy).await;
    assert_eq!(world.account().await.1, after);
}

#[tokio::test]
async fn source_and_reason_choose() {
    let world = world_of_refusals(PaneLayout::Pane).await;
    let only = |sources: &[&str], reason: &str| RedriveRequest {
        sources: sources.iter().map(|name| (*name).to_owned()).collect(),
        reason: Some(reason.to_owned()),
        ..everything()
    };
    for (request, count) in [
        (only(&["espn"], "wrong_lane"), 0),
        (only(&["unknown"], "wrong_lane"), 0),
        (only(&["finnhub"], "late"), 1),
        (only(&["finnhub"], "wrong_lane"), 1),
        (only(&["finnhub"], "wrong_lane"), 0),
    ] {
        let told = world.redrive(WindowPolicy::DEFAULT, &request, &Mishap::none()).await.unwrap();
        assert_eq!(told.redriven(), count, "{request:?}");
    }
}

#[tokio::test]
async fn a_redrive_that_is_cut_short_at_any_operation_is_finished_by_the_next() {
    let policy = WindowPolicy::DEFAULT;
    let faults = [Fault::LostRequest, Fault::LostResponse];
    for (layout, fault) in PaneLayout::ALL.into_iter().flat_map(|layout| faults.map(|fault| (layout, fault))) {
        let mut operation = 0;
        loop {
            let world = world_of_refusals(layout).await;
            let mishap = Mishap::at(operation, fault);
            let cut = world.redrive(policy, &everything(), &mishap).await;
            if !mishap.struck() {
                break;
            }
            assert!(cut.is_err(), "{fault:?} at {operation}");
            // A consumer may come in between.
            world.deliver(policy).await;
            world.redrive(policy, &everything(), &Mishap::none()).await.unwrap();
            world.deliver(policy).await;
            let (_, account) = world.account().await;
            assert_eq!((account.applied, account.quarantined, account.late), (6, 2, 0), "{fault:?} at {operation}");
            let counted: u64 = world.panes().await.iter().map(|pane| pane.applied_count).sum();
            assert_eq!(counted, 6, "{fault:?} at {operation}");
            operation += 1;
        }
        assert!(operation >= 6, "{operation}");
    }
}

const MESSAGES: [&str; 3] = [
    r#"{"type":"trade","data":[{"s":"S","p":1.5,"v":1,"t":1698598800000}]}"#,
    r#"{"type":"trade","data":[{"s":"S","p":2.5,"v":1,"t":1698598801000},{"s":"S","p":3.5,"v":1,"t":1698598802000}]}"#,
    r#"{"type":"trade","data":[{"s":"S","p":2.5,"v":1,"t":1698598801000},{"s":"S","p":2.5,"v":0,"t":1698598801000}]}"#,
];

/// A session of three payloads, read by a parser that did not take the first print of the second one.
async fn world_of_rejects() -> World {
    let world = World::default();
    let mut reader = SessionReader::default();
    let refused = r#"{"s":"S","p":2.5,"v":1,"t":1698598801000}"#;
    for (index, message) in (0..).zip(MESSAGES) {
        let raw = RawPayload {
            source: "finnhub",
            origin: "ws",
            session: "socket 7",
            index,
            received_at_ms: Some(START_MS + 3_000),
            shift_ms: 0,
            exchange: None,
            bytes: message.as_bytes(),
        };
        let landing = land(&*world.objects, raw).await.unwrap();
        let read = if index == 1 { message.replacen(&format!("{refused},"), "", 1) } else { message.to_owned() };
        let document = Document { bytes: read.as_bytes(), received_at_ms: Some(START_MS + 3_000), origin: "ws" };
        let events = reader.read(Source::Finnhub, document, 0).events;
        world.log.push(&own_lane(&events[0]), encode_frame(&events).unwrap());
        if index == 1 {
            let entry = QuarantineEntry {
                stage: "parse".into(),
                source: "finnhub".into(),
                reason: "bad_field".into(),
                pointer: "/data/0/p".into(),
                message: "an earlier release did not take it".into(),
                raw: refused.as_bytes().to_vec(),
                object_key: Some(landing.object_key.clone()),
                event_count: 1,
                at_ms: START_MS,
            };
            put_if_absent(&*world.store, vec![quarantine::parse_entry(&landing.object_key, 0, &entry).unwrap()])
                .await
                .unwrap();
        }
    }
    world.deliver(WindowPolicy::DEFAULT).await;
    world
}

#[tokio::test]
async fn a_record_read_at_last_moves_the_numbers_of_its_twins_and_every_print_counts_once() {
    let policy = WindowPolicy::DEFAULT;
    let undisturbed = {
        let world = World::default();
        let mut reader = SessionReader::default();
        for message in MESSAGES {
            let document = Document { bytes: message.as_bytes(), received_at_ms: Some(START_MS + 3_000), origin: "ws" };
            let events = reader.read(Source::Finnhub, document, 0).events;
            world.log.push(&own_lane(&events[0]), encode_frame(&events).unwrap());
        }
        world.deliver(policy).await;
        world.panes().await.remove(0).state
    };
    for fault in [Fault::LostRequest, Fault::LostResponse] {
        for operation in 0..3 {
            let world = world_of_rejects().await;
            let before = world.assert_adds_up("before").await;
            assert_eq!((before.applied, before.rejected), (4, 1));
            let mishap = Mishap::at(operation, fault);
            let cut = world.redrive(policy, &everything(), &mishap).await;
            assert_eq!(cut.is_err(), mishap.struck());
            world.deliver(policy).await;
            world.assert_adds_up("cut short").await;
            world.redrive(policy, &everything(), &Mishap::none()).await.unwrap();
            world.deliver(policy).await;
            let account = world.assert_adds_up("redriven").await;
            assert_eq!((account.applied, account.rejected, account.redriven), (5, 0, 1), "{fault:?} at {operation}");
            let panes = world.panes().await;
            assert_eq!((panes.len(), &panes[0].state), (1, &undisturbed), "{ENTITY}");
        }
    }
}

#[tokio::test]
async fn a_record_that_the_parser_still_refuses_stays_and_so_does_one_whose_payload_is_gone() {
    let world = World::default();
    let message = r#"{"type":"trade","data":[{"s":"S","p":"x","v":1,"t":1698598800000}]}"#;
    let raw = RawPayload {
        source: "finnhub",
        origin: "ws",
        session: "s",
        index: 0,
        received_at_ms: None,
        shift_ms: 0,
        exchange: None,
        bytes: message.as_bytes(),
    };
    let landing = land(&*world.objects, raw).await.unwrap();
    let document = Document { bytes: message.as_bytes(), received_at_ms: None, origin: "ws" };
    let reject = SessionReader::default().read(Source::Finnhub, document, 0).rejects.remove(0);
    for object_key in [landing.object_key.clone(), "raw/finnhub/1970/01/01/gone/00000000-0000000000000000.zst".into()] {
        let entry = QuarantineEntry {
            stage: "parse".into(),
            source: "finnhub".into(),
            reason: "bad_field".into(),
            pointer: reject.pointer.clone(),
            message: reject.message.clone(),
            raw: reject.raw.clone(),
            object_key: Some(object_key.clone()),
            event_count: 1,
            at_ms: 0,
        };
        put_if_absent(&*world.store, vec![quarantine::parse_entry(&object_key, 0, &entry).unwrap()]).await.unwrap();
    }
    let told = world.redrive(WindowPolicy::DEFAULT, &everything(), &Mishap::none()).await.unwrap();
    assert_eq!((told.redriven(), told.refused(), told.event_count), (0, 2, 0));
    assert!(world.log.records().is_empty());
    let tally = &told.tallies[&("finnhub".to_owned(), "bad_field".to_owned())];
    assert!(tally.refusal.is_some());
}

const SCOREBOARD: &[u8] = include_bytes!("../../../shared/feed/fixtures/espn/nhl_scoreboard_scheduled.json");

#[tokio::test]
async fn of_a_session_of_polls_only_what_an_answer_changed_comes_back() {
    let world = World::default();
    let document = Document { bytes: SCOREBOARD, received_at_ms: Some(START_MS), origin: "/scoreboard" };
    let events = SessionReader::default().read(Source::Espn, document, 0).events;
    let game = events.iter().find_map(|event| event.game_id.clone()).unwrap();
    let (of_game, others): (Vec<_>, Vec<_>) =
        events.into_iter().partition(|event| event.game_id.as_ref() == Some(&game));
    assert!(!of_game.is_empty() && !others.is_empty());
    // The day before, everything but one game was told.
    let mut told = Changes::default();
    told.take(others, START_MS - 24 * HOUR_MS);
    pages::begin(&*world.store, "espn", "poll:/scoreboard:today", &told).await.unwrap();
    let raw = RawPayload {
        source: "espn",
        origin: "/scoreboard",
        session: "poll:/scoreboard:today",
        index: 0,
        received_at_ms: Some(START_MS),
        shift_ms: 0,
        exchange: None,
        bytes: SCOREBOARD,
    };
    let landing = land(&*world.objects, raw).await.unwrap();
    let entry = QuarantineEntry {
        stage: "parse".into(),
        source: "espn".into(),
        reason: "bad_field".into(),
        pointer: "/events/0".into(),
        message: "an earlier release did not take it".into(),
        raw: b"{\"id\":1}".to_vec(),
        object_key: Some(landing.object_key.clone()),
        event_count: 1,
        at_ms: START_MS,
    };
    put_if_absent(&*world.store, vec![quarantine::parse_entry(&landing.object_key, 0, &entry).unwrap()]).await.unwrap();
    let request = RedriveRequest { sources: vec!["espn".into()], at_ms: START_MS, ..RedriveRequest::default() };
    let outcome = world.redrive(WindowPolicy::DEFAULT, &request, &Mishap::none()).await.unwrap();
    assert_eq!((outcome.redriven(), outcome.event_count), (1, of_game.len() as u64));
}
