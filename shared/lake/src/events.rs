//! Archived events read again: of one entity, some kinds and a stretch of event time, every delivery of them.
//! EVR-1: reads one snapshot of each table; what is archived and not yet committed is not in it.

use std::collections::BTreeSet;

use futures::TryStreamExt;
use iceberg::expr::Reference;
use iceberg::spec::Datum;
use touchline_event::Kind;

use crate::error::{Context, LakeError};
use crate::lake::{Lake, table_ident};
use crate::tables::{ArchivedEvent, event_table, events_of};

impl Lake {
    /// Every delivery of the entity's events with `from_ms <= event time < to_ms`.
    pub async fn events(
        &self,
        entity: &str,
        kinds: &[Kind],
        from_ms: i64,
        to_ms: i64,
    ) -> Result<Vec<ArchivedEvent>, LakeError> {
        let names: BTreeSet<&str> =
            kinds.iter().filter_map(|kind| event_table(*kind)).map(|table| table.name).collect();
        let mut events = Vec::new();
        for name in names {
            let table = self.load(&table_ident(name)?).await?;
            let time = || Reference::new("event_time");
            let at = |ms: i64| Datum::timestamptz_micros(ms.saturating_mul(1000));
            let wanted = Reference::new("entity")
                .equal_to(Datum::string(entity))
                .and(time().greater_than_or_equal_to(at(from_ms)))
                .and(time().less_than(at(to_ms)));
            let scan = table.scan().with_filter(wanted).select_all().build().context("read", name)?;
            let mut batches = scan.to_arrow().await.context("read", name)?;
            while let Some(batch) = batches.try_next().await.context("read", name)? {
                let read = events_of(&batch).map_err(|message| LakeError::Row { table: name.to_owned(), message })?;
                events.extend(read.into_iter().filter(|archived| kinds.contains(&archived.event.kind)));
            }
        }
        Ok(events)
    }
}
