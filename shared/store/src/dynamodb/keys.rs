//! Names as the table takes them: its limits are 2,048 bytes for a partition key and 1,024 for a sort key.
//! KEY-1: a name within the limit is stored as it is; a longer one as its beginning and a hash of the whole, and it is
//! known by that form from then on: queries give it back, and it stands for the same item when it is used as a key.
//! KEY-2: the smallest name after a stored sort key is a bound the table takes, so that a partition can be walked.
//! Long names sort by their stored form: beginnings keep their order, what differs only behind them does not.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

const PARTITION_BYTES_MAX: usize = 2_048;
const SORT_BYTES_MAX: usize = 1_024;

/// The partition key of a name.
pub(super) fn partition(name: &str) -> Cow<'_, str> {
    stored(name, PARTITION_BYTES_MAX)
}

/// The sort key of a name: one byte short of the limit, for KEY-2.
pub(super) fn sort(name: &str) -> Cow<'_, str> {
    stored(name, SORT_BYTES_MAX - 1)
}

/// Where a range of sort keys begins or ends.
pub(super) fn bound(name: &str) -> Cow<'_, str> {
    if name.len() <= SORT_BYTES_MAX { Cow::Borrowed(name) } else { sort(name) }
}

fn stored(name: &str, bytes_max: usize) -> Cow<'_, str> {
    if name.len() <= bytes_max {
        return Cow::Borrowed(name);
    }
    let digest: String = Sha256::digest(name.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let mut end = bytes_max - digest.len() - 1;
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    Cow::Owned(format!("{}~{digest}", &name[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn long_names_fit_and_stand_for_themselves(name in "[a-zé~#\u{10000}]{0,1200}", other in "[a-z]{1,8}") {
            let key = sort(&name);
            prop_assert!(key.len() < SORT_BYTES_MAX);
            prop_assert_eq!(sort(&key), key.clone());
            prop_assert_eq!(key.len() == name.len(), *key == *name);
            let after = format!("{key}\0");
            prop_assert_eq!(bound(&after), after.as_str());
            let longer = format!("{name}{other}");
            prop_assert_ne!(sort(&longer), key);
        }
    }

    #[test]
    fn names_within_the_limits_are_stored_as_they_are() {
        let name = "x".repeat(SORT_BYTES_MAX - 1);
        assert_eq!(sort(&name), name);
        let name = "x".repeat(PARTITION_BYTES_MAX);
        assert_eq!(partition(&name), name);
        let longer = partition("x".repeat(PARTITION_BYTES_MAX + 1).as_str()).into_owned();
        assert!(longer.len() == PARTITION_BYTES_MAX && longer.starts_with("xxx"));
    }
}
