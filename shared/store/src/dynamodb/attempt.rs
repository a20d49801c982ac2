//! One compare-and-swap over several tries, and what the table's answers mean for it.
//! TRY-1: a try without an answer may have been written. What is met after it is told apart by the token that each
//! write leaves in its item: its own is a success, another's at the very next version is a lost race, and anything else
//! is unknown. So a lost answer is never taken for a lost race, which would disown a write that happened.
//! Sends nothing.

use uuid::Uuid;

use super::versions::Versions;
use crate::{Item, ItemWrite, PutOutcome, StoreError};

/// Names one write; stored with what it wrote.
pub(super) type Token = [u8; 16];

/// An item with the token of its last write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stored {
    pub item: Item,
    pub token: Option<Token>,
}

/// What one try came to.
#[derive(Debug)]
pub(super) enum Answer {
    Done,
    /// The condition did not hold; the item as it is.
    Refused(Option<Stored>),
    /// Certainly not written; may be tried again.
    Throttled,
    /// Perhaps written; may be tried again.
    Unclear(String),
    /// Certainly not written, and trying again would not help.
    Unusable(String),
}

/// A write under way. Every try sends the same version and token.
pub(super) struct Attempt<'w> {
    pub write: &'w ItemWrite,
    /// The version that the item will have; 0 for a deletion.
    pub version: u64,
    pub token: Token,
    /// Why a try before this one is in doubt.
    doubt: Option<String>,
}

impl<'w> Attempt<'w> {
    pub(super) fn new(write: &'w ItemWrite, versions: &Versions) -> Self {
        let version = match (&write.value, write.expected) {
            (None, _) => 0,
            (Some(_), Some(expected)) => expected + 1,
            (Some(_), None) => versions.start(),
        };
        Self { write, version, token: Uuid::new_v4().into_bytes(), doubt: None }
    }

    /// The outcome, once there is one. `None`: try again.
    pub(super) fn settle(&mut self, answer: Answer) -> Option<Result<PutOutcome, StoreError>> {
        match answer {
            Answer::Done => Some(Ok(PutOutcome::Written(self.version))),
            Answer::Refused(current) => Some(self.refused(current)),
            Answer::Throttled => None,
            Answer::Unclear(message) => {
                self.doubt = Some(message);
                None
            }
            Answer::Unusable(message) => Some(Err(match self.doubt.take() {
                None => StoreError::Unavailable(message),
                Some(doubt) => self.unknown(doubt),
            })),
        }
    }

    /// The error after the last try.
    pub(super) fn given_up(mut self) -> StoreError {
        match self.doubt.take() {
            None => StoreError::Throttled { key: self.write.key.sk.clone() },
            Some(doubt) => self.unknown(doubt),
        }
    }

    fn refused(&mut self, current: Option<Stored>) -> Result<PutOutcome, StoreError> {
        let is_own = current.as_ref().is_some_and(|stored| stored.token == Some(self.token));
        if is_own {
            return Ok(PutOutcome::Written(self.version));
        }
        // Versions grow by one: whoever wrote the next one kept this write out of it.
        let is_next = current.as_ref().zip(self.write.expected).is_some_and(|(now, seen)| now.item.version == seen + 1);
        match self.doubt.take() {
            Some(doubt) if !is_next => Err(self.unknown(doubt)),
            _ => Ok(PutOutcome::Conflict(current.map(|stored| stored.item))),
        }
    }

    fn unknown(&self, message: String) -> StoreError {
        StoreError::Unknown { key: self.write.key.sk.clone(), message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ItemKey;

    fn write(expected: Option<u64>, value: Option<&str>) -> ItemWrite {
        ItemWrite { key: ItemKey::new("p", "s"), expected, value: value.map(Into::into), expires_at_ms: None }
    }

    fn stored(version: u64, token: Token) -> Option<Stored> {
        Some(Stored { item: Item { version, value: vec![] }, token: Some(token) })
    }

    fn unclear() -> Answer {
        Answer::Unclear("time-out".into())
    }

    fn is_unknown(outcome: Option<Result<PutOutcome, StoreError>>) -> bool {
        matches!(outcome, Some(Err(StoreError::Unknown { .. })))
    }

    #[test]
    fn a_refusal_without_doubt_is_a_lost_race() {
        let (write, versions) = (write(Some(7), Some("x")), Versions::new(|| 0));
        let mut attempt = Attempt::new(&write, &versions);
        assert_eq!(attempt.version, 8);
        let current = stored(12, [1; 16]);
        let outcome = attempt.settle(Answer::Refused(current.clone()));
        assert_eq!(outcome, Some(Ok(PutOutcome::Conflict(current.map(|stored| stored.item)))));
    }

    #[test]
    fn a_write_whose_answer_was_lost_knows_itself_again() {
        for write in [write(Some(7), Some("x")), write(None, Some("x"))] {
            let versions = Versions::new(|| 0);
            let mut attempt = Attempt::new(&write, &versions);
            assert_eq!(attempt.settle(unclear()), None);
            let own = stored(attempt.version, attempt.token);
            assert_eq!(attempt.settle(Answer::Refused(own)), Some(Ok(PutOutcome::Written(attempt.version))));
        }
    }

    #[test]
    fn after_doubt_only_the_next_version_in_other_hands_is_a_lost_race() {
        let versions = Versions::new(|| 0);
        let in_doubt = |write: &ItemWrite, current: Option<Stored>| {
            let mut attempt = Attempt::new(write, &versions);
            assert_eq!(attempt.settle(unclear()), None);
            assert_eq!(attempt.settle(Answer::Throttled), None);
            attempt.settle(Answer::Refused(current))
        };
        let (update, creation, deletion) = (write(Some(7), Some("x")), write(None, Some("x")), write(Some(7), None));
        assert!(matches!(in_doubt(&update, stored(8, [1; 16])), Some(Ok(PutOutcome::Conflict(Some(_))))));
        assert!(matches!(in_doubt(&deletion, stored(8, [1; 16])), Some(Ok(PutOutcome::Conflict(Some(_))))));
        // It may have been written, and overwritten or deleted since.
        assert!(is_unknown(in_doubt(&update, stored(9, [1; 16]))));
        assert!(is_unknown(in_doubt(&update, None)));
        assert!(is_unknown(in_doubt(&creation, stored(9, [1; 16]))));
        assert!(is_unknown(in_doubt(&deletion, None)));
    }

    #[test]
    fn the_last_error_says_whether_the_write_may_have_happened() {
        let (write, versions) = (write(Some(7), Some("x")), Versions::new(|| 0));
        let mut attempt = Attempt::new(&write, &versions);
        assert_eq!(attempt.settle(Answer::Throttled), None);
        assert!(matches!(attempt.given_up(), StoreError::Throttled { .. }));
        let mut attempt = Attempt::new(&write, &versions);
        assert_eq!(attempt.settle(unclear()), None);
        assert_eq!(attempt.settle(Answer::Throttled), None);
        assert!(matches!(attempt.given_up(), StoreError::Unknown { .. }));
        let mut attempt = Attempt::new(&write, &versions);
        assert_eq!(attempt.settle(unclear()), None);
        assert!(is_unknown(attempt.settle(Answer::Unusable("no such table".into()))));
    }
}
