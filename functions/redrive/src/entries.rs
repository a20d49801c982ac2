//! Open entries, and the way back of those that a stream consumer made: published in groups, then marked.
//! ENT-1 (RED-2): a group is published, what is left of it is put under its own names, and only then the group is marked.

use touchline_event::{Event, Position, Sequence, ShardId};
use touchline_store::{
    LateEntry, LateLedger, Ledger, QuarantineEntry, Redriven, late, put_if_absent, quarantine, redriven,
};
use touchline_stream::{frames_of, publish_all};

use crate::counted::CountedPanes;
use crate::judge::{Leftover, Verdict, judge, judge_late};
use crate::outcome::Growing;
use crate::{RedriveContext, RedriveError, RedriveRequest};

/// Entries that are published before they are marked.
const GROUP_ENTRIES: usize = 256;

/// A vendor's entries that were not redriven yet.
pub(crate) struct Open {
    pub source: String,
    stream: Vec<(String, QuarantineEntry)>,
    pub parse: Vec<(String, QuarantineEntry)>,
    late: Vec<(String, LateEntry)>,
}

impl Open {
    pub(crate) fn len(&self) -> u64 {
        (self.stream.len() + self.parse.len() + self.late.len()) as u64
    }
}

pub(crate) async fn open(
    context: &RedriveContext,
    request: &RedriveRequest,
    source: &str,
) -> Result<Open, RedriveError> {
    let marked = redriven::list(&*context.store, Ledger::Quarantine, source).await?;
    let mut quarantined = quarantine::list(&*context.store, source).await?;
    quarantined.retain(|(name, entry)| request.wants(&entry.reason) && !marked.contains_key(name));
    let (parse, stream) = quarantined.into_iter().partition(|(_, entry)| entry.stage == "parse");
    let marked = redriven::list(&*context.store, Ledger::Late, source).await?;
    let mut late = late::list(&*context.store, source).await?;
    late.retain(|(name, entry)| request.wants(reason_of(entry)) && !marked.contains_key(name));
    Ok(Open { source: source.to_owned(), stream, parse, late })
}

fn reason_of(entry: &LateEntry) -> &'static str {
    match entry.ledger {
        LateLedger::Late => "late",
        LateLedger::AfterSeal => "after_seal",
    }
}

/// Entries on their way: what is published together and marked together.
#[derive(Default)]
struct Group {
    events: Vec<Event>,
    leftovers: Vec<(String, Leftover)>,
    marks: Vec<(String, Redriven)>,
}

pub(crate) async fn redrive(
    context: &RedriveContext,
    request: &RedriveRequest,
    open: &Open,
    outcome: &mut Growing<'_>,
) -> Result<(), RedriveError> {
    for entries in open.stream.chunks(GROUP_ENTRIES) {
        let mut group = Group::default();
        for (name, entry) in entries {
            match judge(entry, context.lanes, &context.policy) {
                Verdict::Refuse(why) => outcome.refused(&open.source, &entry.reason, why),
                Verdict::Publish(events, leftovers) => {
                    let republished = entry.event_count.saturating_sub(leftovers.len() as u64);
                    group.marks.push((name.clone(), Redriven { republished, at_ms: request.at_ms }));
                    group.events.extend(events);
                    group.leftovers.extend(leftovers.into_iter().map(|left| (name.clone(), left)));
                    outcome.redriven(&open.source, &entry.reason);
                }
            }
        }
        send(context, request, Ledger::Quarantine, &open.source, group, outcome).await?;
    }
    let mut panes = CountedPanes::default();
    for entries in open.late.chunks(GROUP_ENTRIES) {
        let mut group = Group::default();
        for (name, entry) in entries {
            let reason = reason_of(entry);
            match judge_late(entry, context.lanes, &context.policy) {
                Err(why) => outcome.refused(&open.source, reason, why),
                Ok((_, key)) if panes.is_sealed(context, &key).await? => {
                    let start = touchline_event::format_utc_ms(key.start_ms);
                    let pane = format!("{}/{}/{start}", key.family, key.entity);
                    outcome.refused(
                        &open.source,
                        reason,
                        format!("its pane is sealed: touchline rebuild --pane '{pane}'"),
                    );
                }
                Ok((event, _)) => {
                    group.events.push(event);
                    group.marks.push((name.clone(), Redriven { republished: 1, at_ms: request.at_ms }));
                    outcome.redriven(&open.source, reason);
                }
            }
        }
        send(context, request, Ledger::Late, &open.source, group, outcome).await?;
    }
    Ok(())
}

async fn send(
    context: &RedriveContext,
    request: &RedriveRequest,
    ledger: Ledger,
    source: &str,
    group: Group,
    outcome: &mut Growing<'_>,
) -> Result<(), RedriveError> {
    outcome.published(group.events.len() as u64);
    if request.is_dry_run {
        return Ok(());
    }
    publish(context, group.events).await?;
    let mut items = Vec::with_capacity(group.leftovers.len());
    for (name, Leftover { sub, entry }) in group.leftovers {
        if let Some((shard, sequence)) = record_of(&name) {
            items.push(quarantine::stream_entry(&shard, Position { sequence, sub }, &entry)?);
        }
    }
    if !items.is_empty() {
        put_if_absent(&*context.store, items).await?;
    }
    Ok(redriven::mark(&*context.store, ledger, source, &group.marks).await?)
}

/// The record that an entry of the stream stage is named by.
fn record_of(name: &str) -> Option<(ShardId, Sequence)> {
    let mut parts = name.strip_prefix("stream#")?.split('#');
    Some((ShardId(parts.next()?.to_owned()), Sequence::parse(parts.next()?)?))
}

/// Publishes events of any vendors on their own lanes.
pub(crate) async fn publish(context: &RedriveContext, events: Vec<Event>) -> Result<(), RedriveError> {
    let mut by_source: std::collections::BTreeMap<String, Vec<Event>> = Default::default();
    for event in events {
        by_source.entry(event.source.clone()).or_default().push(event);
    }
    for (source, events) in by_source {
        publish_all(&*context.stream, frames_of(&source, events, context.lanes, context.frames)?).await?;
    }
    Ok(())
}
