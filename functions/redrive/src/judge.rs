//! Whether what a consumer refused, or noted as late, would be taken now; and what is then to be published.
//! JDG-1 (RED-1): asks the aggregation's own admission; an entry's raw bytes are read as the stream's would be.

use touchline_event::{Event, FrameError, Kind, decode_frame};
use touchline_metric::{Admission, Refusal, admit_on_own_lane};
use touchline_store::{LateEntry, QuarantineEntry};
use touchline_window::{PaneKey, WindowPolicy};

/// What to do with an entry.
#[derive(Debug)]
pub(crate) enum Verdict {
    Publish(Vec<Event>, Vec<Leftover>),
    Refuse(String),
}

/// An event of a frame that can be read now and is refused by itself.
#[derive(Debug)]
pub(crate) struct Leftover {
    pub sub: u32,
    pub entry: QuarantineEntry,
}

/// Judges an entry of the stream stage.
pub(crate) fn judge(entry: &QuarantineEntry, lanes: u16, policy: &WindowPolicy) -> Verdict {
    if entry.reason == "bad_frame" {
        return judge_frame(entry, lanes, policy);
    }
    match serde_json::from_slice::<Event>(&entry.raw) {
        Err(error) => Verdict::Refuse(error.to_string()),
        Ok(event) => match admission(&event, lanes, policy) {
            Ok(_) => Verdict::Publish(vec![event], Vec::new()),
            Err(refusal) => Verdict::Refuse(refusal.message),
        },
    }
}

/// Judges an entry of a late ledger: the event, and the pane that has to take it.
pub(crate) fn judge_late(entry: &LateEntry, lanes: u16, policy: &WindowPolicy) -> Result<(Event, PaneKey), String> {
    let event: Event = serde_json::from_str(&entry.event_json).map_err(|error| error.to_string())?;
    let key = admission(&event, lanes, policy).map_err(|refusal| refusal.message)?;
    Ok((event, key))
}

/// The events of a frame that nobody could read when it came. What is still refused gets an entry of its own.
fn judge_frame(entry: &QuarantineEntry, lanes: u16, policy: &WindowPolicy) -> Verdict {
    let frame = match decode_frame(&entry.raw) {
        Ok(frame) => frame,
        Err(error) => return Verdict::Refuse(error.to_string()),
    };
    let (mut events, mut leftovers) = (Vec::new(), Vec::new());
    let mut leave = |sub: usize, refusal: Refusal, raw: Vec<u8>| {
        let entry = QuarantineEntry {
            source: refusal.source,
            reason: refusal.reason.to_owned(),
            message: refusal.message,
            raw,
            event_count: 1,
            ..entry.clone()
        };
        leftovers.push(Leftover { sub: sub as u32, entry });
    };
    for (sub, event) in frame.events.into_iter().enumerate() {
        match event {
            Ok(event) if event.kind == Kind::Heartbeat => {}
            Ok(event) => match admission(&event, lanes, policy) {
                Ok(_) => events.push(event),
                Err(refusal) => leave(sub, refusal, serde_json::to_vec(&event).unwrap_or_default()),
            },
            Err(error) => {
                let message = error.to_string();
                let FrameError::Event { line, .. } = error else { continue };
                leave(sub, Refusal { source: entry.source.clone(), reason: "undecodable", message }, line);
            }
        }
    }
    match (events.is_empty(), leftovers.first()) {
        (true, Some(left)) => Verdict::Refuse(left.entry.message.clone()),
        _ => Verdict::Publish(events, leftovers),
    }
}

fn admission(event: &Event, lanes: u16, policy: &WindowPolicy) -> Result<PaneKey, Refusal> {
    let refusal = |reason, message| Refusal { source: event.source.clone(), reason, message };
    match admit_on_own_lane(event, lanes, policy) {
        Admission::Pane(_, key) => Ok(key),
        Admission::Late { message } => Err(refusal("late", message)),
        Admission::Heartbeat => Err(refusal("heartbeat", "a heartbeat vouches for a moment that is over".to_owned())),
        Admission::Refused(refused) => Err(refused),
    }
}
