//! Which events need not be published again, because their pane counted them; and which panes take nothing any more.

use std::collections::HashMap;

use touchline_event::Event;
use touchline_metric::{Admission, FamilyState, admit_on_own_lane};
use touchline_store::panes;
use touchline_window::{PaneKey, PaneState};

use crate::{RedriveContext, RedriveError};

/// Panes as read once in a redrive. A pane that counts meanwhile only costs a duplicate.
#[derive(Default)]
pub(crate) struct CountedPanes {
    parts: HashMap<PaneKey, Vec<PaneState<FamilyState>>>,
}

impl CountedPanes {
    /// Whether the event's pane knows its id. A sealed pane has forgotten all ids: then the ledger decides.
    pub(crate) async fn has_counted(&mut self, context: &RedriveContext, event: &Event) -> Result<bool, RedriveError> {
        let Admission::Pane(_, key) = admit_on_own_lane(event, context.lanes, &context.policy) else {
            return Ok(false);
        };
        let parts = self.parts_of(context, &key).await?;
        Ok(parts.iter().any(|part| part.has_counted(event.event_id.0)))
    }

    /// Whether the pane would send the event to the after-seal ledger.
    pub(crate) async fn is_sealed(&mut self, context: &RedriveContext, key: &PaneKey) -> Result<bool, RedriveError> {
        Ok(self.parts_of(context, key).await?.iter().any(|part| part.lifecycle.is_sealed))
    }

    async fn parts_of(
        &mut self,
        context: &RedriveContext,
        key: &PaneKey,
    ) -> Result<&[PaneState<FamilyState>], RedriveError> {
        if !self.parts.contains_key(key) {
            let mut parts = Vec::new();
            for (_, item) in panes::parts(&*context.store, key).await? {
                parts.push(
                    PaneState::decode(&item.value).map_err(|error| RedriveError::Pane {
                        entity: key.entity.clone(),
                        message: error.to_string(),
                    })?,
                );
            }
            self.parts.insert(key.clone(), parts);
        }
        Ok(self.parts.get(key).map_or(&[], Vec::as_slice))
    }
}
