//! Which lane's item a pane's item belongs to, read from its key.
//! ADR-1 (P13): a key names one lane; a partition names one entity, whose panes are all of one lane.

use touchline_event::Lane;
use touchline_metric::Family;

use crate::ItemKey;

const PANE: &str = "pane#";
/// Sort key of a lane's item; its partition says which lane.
const PANES: &str = "panes";

/// Whether the partition holds panes.
pub(super) fn is_pane(pk: &str) -> bool {
    pk.starts_with(PANE)
}

/// The item of the lane that a pane's key names; `None` for what is no pane's key.
pub(super) fn lane_of(key: &ItemKey) -> Option<ItemKey> {
    let (scope, ..) = parse(&key.pk)?;
    let lane = key.sk.split('#').nth(2)?.parse().ok()?;
    Some(lane_item(scope, lane))
}

/// The items of every lane that an entity's panes can be on: one, unless the name of a market has the divider in it.
pub(super) fn lanes_of_partition(pk: &str, lanes: u16) -> Vec<ItemKey> {
    let Some((scope, family, entity)) = parse(pk) else { return Vec::new() };
    let subjects: Vec<&str> = match family == Family::Odds.as_str() {
        // Odds panes are of one market of an entity, and the entity decides the lane.
        true => entity.match_indices('|').map(|(at, _)| &entity[..at]).collect(),
        false => vec![entity],
    };
    let mut found: Vec<u16> = subjects.into_iter().map(|subject| Lane::of(subject, lanes).0).collect();
    found.sort_unstable();
    found.dedup();
    found.into_iter().map(|lane| lane_item(scope, lane)).collect()
}

/// The item of a lane of the live consumer.
pub fn live_lane(lane: u16) -> ItemKey {
    lane_item(&format!("{}#{}", crate::panes::CONSUMER, crate::panes::EPOCH), lane)
}

/// Consumer and epoch together, family, and entity of a pane's partition.
fn parse(pk: &str) -> Option<(&str, &str, &str)> {
    let rest = pk.strip_prefix(PANE)?;
    let (at, _) = rest.match_indices('#').nth(1)?;
    let (family, entity) = rest[at + 1..].split_once('#')?;
    Some((&rest[..at], family, entity))
}

fn lane_item(scope: &str, lane: u16) -> ItemKey {
    ItemKey::new(format!("lane#{scope}#{lane:05}"), PANES)
}

#[cfg(test)]
mod tests {
    use touchline_window::PaneKey;

    use super::*;

    #[test]
    fn a_panes_key_and_its_partition_name_the_same_lane() {
        for (family, entity, subject) in [
            ("trades", "finnhub:A|B#C", "finnhub:A|B#C"),
            ("odds", "espn:401|h2h", "espn:401"),
            ("odds", "betfair:1.2|Over/Under 2|5", "betfair:1.2"),
        ] {
            let lane = Lane::of(subject, 64);
            let pane = PaneKey { family, entity: entity.into(), pane_ms: 60_000, start_ms: -60_000, lane };
            for part in [0, 3] {
                let key = crate::panes::key(&pane, part);
                let item = lane_of(&key).unwrap();
                assert_eq!(item, ItemKey::new(format!("lane#live#0#{:05}", lane.0), "panes"));
                assert!(lanes_of_partition(&key.pk, 64).contains(&item), "{entity}");
            }
        }
        assert_eq!(lane_of(&ItemKey::new("due#final#trades", "a#b#00001")), None);
    }
}
