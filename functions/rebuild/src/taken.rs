//! What a pane may count: every delivery that the lake or the after-seal ledger holds and the aggregation would admit (P7).
//! TKN-1 (P12): what a ledger holds as refused or late is not taken from the lake: it is a redrive's to bring back.

use std::collections::BTreeMap;

use touchline_event::{Event, Position, Sequence, ShardId};
use touchline_metric::{Admission, admit_on_own_lane};
use touchline_store::{LateLedger, Ledger, late, quarantine, redriven};
use touchline_window::PaneKey;

use crate::{RebuildContext, RebuildError, RebuildRequest};

/// Records of the stream whose vendor could not be read.
const UNKNOWN_SOURCE: &str = "unknown";

/// One delivery of an event.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Delivery {
    pub shard: ShardId,
    pub position: Position,
    pub event: Event,
    /// The after-seal entry that this delivery is noted under.
    pub after_seal: Option<String>,
    /// The pane may have counted it: it is in the lake, or an earlier rebuild settled its entry.
    pub is_known: bool,
}

pub(crate) async fn deliveries(
    context: &RebuildContext,
    request: &RebuildRequest,
) -> Result<Vec<(PaneKey, Delivery)>, RebuildError> {
    let source = source_of(&request.entity);
    let mut found: BTreeMap<(ShardId, Position), Delivery> = BTreeMap::new();
    // Odds panes are of one market of an entity; the lake knows the entity.
    let entity = request.entity.split('|').next().unwrap_or_default();
    let to_ms = request.to_ms.saturating_add(context.policy.pane_ms);
    for archived in context.lake.events(entity, &request.family.kinds(), request.from_ms, to_ms).await? {
        let (shard, position) = (ShardId(archived.shard.to_string()), archived.position);
        let delivery =
            Delivery { shard: shard.clone(), position, event: archived.event, after_seal: None, is_known: true };
        found.insert((shard, position), delivery);
    }
    let marks = redriven::list(&*context.store, Ledger::Late, source).await?;
    for (name, entry) in late::list(&*context.store, source).await? {
        let Some((shard, position)) = position_of(&name) else { continue };
        let was_republished = marks.get(&name).is_some_and(|mark| mark.republished > 0);
        match serde_json::from_str::<Event>(&entry.event_json) {
            // The ledger may be ahead of the lake, and says which entries a rebuild settles.
            Ok(event) if entry.ledger == LateLedger::AfterSeal && !was_republished => {
                let is_known = marks.contains_key(&name) || found.contains_key(&(shard.clone(), position));
                let delivery = Delivery { shard: shard.clone(), position, event, after_seal: Some(name), is_known };
                found.insert((shard, position), delivery);
            }
            _ => drop(found.remove(&(shard, position))),
        }
    }
    for source in [source, UNKNOWN_SOURCE] {
        for (name, _) in quarantine::list(&*context.store, source).await? {
            if let Some(at) = name.strip_prefix("stream#").and_then(position_of) {
                found.remove(&at);
            }
        }
    }
    Ok(found
        .into_values()
        .filter_map(|delivery| Some((pane_of(context, request, &delivery.event)?, delivery)))
        .collect())
}

/// The pane of the request that would take the event.
fn pane_of(context: &RebuildContext, request: &RebuildRequest, event: &Event) -> Option<PaneKey> {
    match admit_on_own_lane(event, context.lanes, &context.policy) {
        Admission::Pane(family, key) if family == request.family && key.entity == request.entity => {
            (request.from_ms..request.to_ms).contains(&key.start_ms).then_some(key)
        }
        _ => None,
    }
}

/// The vendor in front of an entity.
pub(crate) fn source_of(entity: &str) -> &str {
    entity.split(':').next().unwrap_or_default()
}

/// The position that a ledger entry is named by.
fn position_of(name: &str) -> Option<(ShardId, Position)> {
    let mut parts = name.rsplitn(3, '#');
    let sub = parts.next()?.parse().ok()?;
    let sequence = Sequence::parse(parts.next()?)?;
    Some((ShardId(parts.next()?.to_owned()), Position { sequence, sub }))
}
