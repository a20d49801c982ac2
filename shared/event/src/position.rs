//! Where an event lies in the stream: shard, sequence, and its index inside the record.
//! POS-1 (P16): the 32-byte form sorts as the decimal number does, for 1 to 77 digits.
//! Positions of different shards are never compared.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A Kinesis shard id, or `topic-partition` for Kafka.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ShardId(pub String);

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The greatest power of ten in 64 bits: decimal digits are made 19 at a time.
const CHUNK: u128 = 10_u128.pow(19);

/// A stream sequence number. Kinesis has 56 decimal digits and more, beyond every number type at hand:
/// held as a 256-bit big-endian integer (24 bytes would end at 57 digits; see docs/decisions).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Sequence([u8; Sequence::BYTES]);

impl Sequence {
    /// Bytes of the stored form. 256 bits hold every number of 77 digits.
    pub const BYTES: usize = 32;
    /// Before every real sequence number.
    pub const ZERO: Sequence = Sequence([0; Self::BYTES]);

    /// From decimal digits. `None` when it is not a number or needs more than 256 bits.
    pub fn parse(decimal: &str) -> Option<Self> {
        if decimal.is_empty() {
            return None;
        }
        let mut limbs = [0_u64; 4];
        for byte in decimal.bytes() {
            if !byte.is_ascii_digit() {
                return None;
            }
            let mut carry = u128::from(byte - b'0');
            for limb in limbs.iter_mut().rev() {
                let product = u128::from(*limb) * 10 + carry;
                *limb = product as u64;
                carry = product >> 64;
            }
            if carry != 0 {
                return None;
            }
        }
        let mut bytes = [0; Self::BYTES];
        for (chunk, limb) in bytes.chunks_exact_mut(8).zip(limbs) {
            chunk.copy_from_slice(&limb.to_be_bytes());
        }
        Some(Self(bytes))
    }

    /// From a plain counter, as the embedded log and Kafka offsets have.
    pub fn from_u64(value: u64) -> Self {
        let mut bytes = [0; Self::BYTES];
        bytes[24..].copy_from_slice(&value.to_be_bytes());
        Self(bytes)
    }

    /// The counter, where it fits one.
    pub fn to_u64(self) -> Option<u64> {
        let (head, tail) = self.0.split_at(24);
        if head.iter().any(|byte| *byte != 0) {
            return None;
        }
        tail.try_into().ok().map(u64::from_be_bytes)
    }

    fn limbs(self) -> [u64; 4] {
        let mut limbs = [0; 4];
        for (limb, chunk) in limbs.iter_mut().zip(self.0.as_chunks::<8>().0) {
            *limb = u64::from_be_bytes(*chunk);
        }
        limbs
    }

    /// The stored form.
    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// From the stored form.
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut limbs = self.limbs();
        // 77 digits are five chunks of 19; the last one found comes first.
        let mut chunks = [0_u64; 5];
        let mut length = 0;
        while limbs != [0; 4] {
            let mut remainder = 0_u128;
            for limb in &mut limbs {
                let value = (remainder << 64) | u128::from(*limb);
                *limb = (value / CHUNK) as u64;
                remainder = value % CHUNK;
            }
            chunks[length] = remainder as u64;
            length += 1;
        }
        let Some((first, rest)) = chunks[..length].split_last() else { return f.write_str("0") };
        write!(f, "{first}")?;
        rest.iter().rev().try_for_each(|chunk| write!(f, "{chunk:019}"))
    }
}

impl fmt::Debug for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sequence({self})")
    }
}

impl Serialize for Sequence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sequence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("sequence number must be decimal digits of at most 256 bits"))
    }
}

/// Sequence and sub-index inside one shard. Sub-records share their record's sequence, so ties are cut by `sub`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Position {
    pub sequence: Sequence,
    pub sub: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn p16_stored_order_is_numeric_order(a in "[1-9][0-9]{0,76}", b in "[1-9][0-9]{0,76}") {
            let numeric = a.len().cmp(&b.len()).then_with(|| a.cmp(&b));
            let (x, y) = (Sequence::parse(&a).unwrap(), Sequence::parse(&b).unwrap());
            prop_assert_eq!(x.as_bytes().cmp(y.as_bytes()), numeric);
            prop_assert_eq!(x.to_string(), a);
        }
    }

    #[test]
    fn numbers_beyond_256_bits_and_text_are_refused() {
        assert_eq!(Sequence::parse(&"9".repeat(78)), None);
        assert_eq!(Sequence::parse("12a"), None);
        assert_eq!(Sequence::parse(""), None);
        assert_eq!(Sequence::from_u64(7).to_u64(), Some(7));
    }
}
