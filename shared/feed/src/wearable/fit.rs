//! FIT, the binary format of ANT+ devices: the `record` messages of a file, of any device, of chained files too.
//! FIT-1: a file describes its own messages; fields of any size and byte order are walked, six of them are read.
//! FIT-2: what was read before a damage stays; the damage is one reject with its offset.
//! FIT-3: a wrong checksum is a reject beside the readings: the readings may be whole all the same.
//! Written here because the crates for it carry three megabytes of generated tables of every message there is, into
//! every function that parses anything.

use touchline_event::WearableSample;

use super::payload::Reading;
use crate::RejectReason;
use crate::raw::Fault;

/// Midnight of 1989-12-31 in unix seconds: where FIT's time begins.
const EPOCH_S: i64 = 631_065_600;
/// The global number of `record` messages.
const RECORD: u16 = 20;
const TIMESTAMP: u8 = 253;
/// Timestamps below this count from the device's start, not from 1989.
const TIMESTAMP_MIN: i64 = 0x1000_0000;

/// One field of a message as its definition has it.
#[derive(Debug, Clone, Copy)]
struct Field {
    number: u8,
    size: usize,
    base_type: u8,
    is_developers: bool,
}

#[derive(Debug, Clone)]
struct Definition {
    message: u16,
    is_big_endian: bool,
    fields: Vec<Field>,
}

/// Whether bytes are a FIT file.
pub(super) fn is_fit(bytes: &[u8]) -> bool {
    bytes.get(8..12) == Some(b".FIT")
}

/// Every reading, and what went wrong on the way.
pub(super) fn readings(bytes: &[u8]) -> (Vec<Reading>, Vec<Fault>) {
    let mut walk =
        Walk { bytes, at: 0, definitions: vec![None; 16], time_s: None, readings: Vec::new(), faults: Vec::new() };
    while is_fit(&bytes[walk.at.min(bytes.len())..]) {
        if walk.file().is_none() {
            walk.faults.push(walk.fault(RejectReason::Truncated, "the file ends inside a message"));
            break;
        }
    }
    (walk.readings, walk.faults)
}

struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    definitions: Vec<Option<Definition>>,
    /// The last full timestamp, which compressed ones build on.
    time_s: Option<i64>,
    readings: Vec<Reading>,
    faults: Vec<Fault>,
}

impl Walk<'_> {
    fn fault(&self, reason: RejectReason, message: &str) -> Fault {
        Fault { reason, pointer: format!("/{}", self.at), message: format!("at byte {}: {message}", self.at) }
    }

    fn take(&mut self, count: usize) -> Option<&[u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    /// One file of the chain; `None` where the bytes end before it does.
    fn file(&mut self) -> Option<()> {
        let start = self.at;
        let header_size = usize::from(self.byte()?);
        let header = self.take(header_size.max(12) - 1)?;
        let data_size = u32::from_le_bytes([header[3], header[4], header[5], header[6]]) as usize;
        let end = self.at.checked_add(data_size)?;
        self.definitions.fill(None);
        while self.at < end {
            if let Err(fault) = self.message()? {
                self.faults.push(fault);
                // Without a definition nobody knows where the next message begins.
                self.at = end;
            }
        }
        let wanted = u16::from_le_bytes(self.take(2)?.try_into().ok()?);
        if crc(&self.bytes[start..self.at - 2]) != wanted {
            let message = "the checksum does not fit the bytes before it";
            self.faults.push(self.fault(RejectReason::BadField, message));
        }
        Some(())
    }

    fn message(&mut self) -> Option<Result<(), Fault>> {
        let header = self.byte()?;
        if header & 0x80 != 0 {
            // Compressed: five bits of seconds after the last full timestamp.
            let offset = i64::from(header & 0x1f);
            self.time_s = self.time_s.map(|time| time + ((offset - (time & 0x1f)) & 0x1f));
            return self.values(usize::from(header >> 5 & 0x3));
        }
        let local = usize::from(header & 0x0f);
        if header & 0x40 == 0 {
            return self.values(local);
        }
        let has_developers = header & 0x20 != 0;
        self.definition(local, has_developers)?;
        Some(Ok(()))
    }

    fn definition(&mut self, local: usize, has_developers: bool) -> Option<()> {
        let head: [u8; 5] = self.take(5)?.try_into().ok()?;
        let is_big_endian = head[1] == 1;
        let number = [head[2], head[3]];
        let message = if is_big_endian { u16::from_be_bytes(number) } else { u16::from_le_bytes(number) };
        let mut fields = Vec::new();
        for is_developers in [false, true].into_iter().take(1 + usize::from(has_developers)) {
            let count = if is_developers { self.byte()? } else { head[4] };
            for _ in 0..count {
                let [number, size, base_type]: [u8; 3] = self.take(3)?.try_into().ok()?;
                fields.push(Field { number, size: usize::from(size), base_type, is_developers });
            }
        }
        self.definitions[local] = Some(Definition { message, is_big_endian, fields });
        Some(())
    }

    fn values(&mut self, local: usize) -> Option<Result<(), Fault>> {
        let start = self.at;
        let Some(definition) = self.definitions[local].clone() else {
            return Some(Err(self.fault(RejectReason::BadField, "a message comes before its definition")));
        };
        let mut sample = WearableSample::default();
        for field in &definition.fields {
            let bytes = self.take(field.size)?;
            if field.is_developers {
                continue;
            }
            let Some(value) = value(bytes, field.base_type, definition.is_big_endian) else { continue };
            if field.number == TIMESTAMP {
                self.time_s = Some(value);
            } else if definition.message == RECORD {
                put(&mut sample, field.number, value);
            }
        }
        if definition.message != RECORD {
            return Some(Ok(()));
        }
        let Some(time_s) = self.time_s.filter(|time| *time >= TIMESTAMP_MIN) else {
            let message = "a record has no timestamp".to_owned();
            self.faults.push(Fault { reason: RejectReason::MissingField, pointer: format!("/{start}"), message });
            return Some(Ok(()));
        };
        let reading = Reading { at_ms: (EPOCH_S + time_s) * 1000, sample };
        match reading.checked(&format!("/{start}")) {
            Ok(reading) => self.readings.push(reading),
            Err(fault) => self.faults.push(fault),
        }
        Some(Ok(()))
    }
}

/// Fields of `record` by their numbers in the FIT profile, in the units of its scales.
fn put(sample: &mut WearableSample, number: u8, value: i64) {
    match number {
        2 => {
            sample.altitude_cm.get_or_insert(value * 20 - 50_000);
        }
        // The enhanced fields say the same with more room.
        78 => sample.altitude_cm = Some(value * 20 - 50_000),
        3 => sample.heart_rate_bpm = Some(value),
        4 => sample.cadence_rpm = Some(value),
        5 => sample.distance_cm = Some(value),
        6 => {
            sample.speed_mmps.get_or_insert(value);
        }
        73 => sample.speed_mmps = Some(value),
        7 => sample.power_w = Some(value),
        13 => sample.temperature_c_e2 = Some(value * 100),
        _ => {}
    }
}

/// A whole number of a base type; `None` for FIT's "invalid" and for what is no whole number.
fn value(bytes: &[u8], base_type: u8, is_big_endian: bool) -> Option<i64> {
    let width = match base_type {
        0x00..=0x02 | 0x0a => 1,
        0x83 | 0x84 | 0x8b => 2,
        0x85 | 0x86 | 0x8c => 4,
        _ => return None,
    };
    // An array is read by its first element.
    let bytes = bytes.get(..width)?;
    let unsigned = bytes.iter().enumerate().fold(0_u32, |value, (index, byte)| {
        let place = if is_big_endian { width - 1 - index } else { index };
        value | u32::from(*byte) << (8 * place)
    });
    let all = u32::MAX >> (32 - 8 * width);
    match base_type {
        0x01 | 0x83 | 0x85 => {
            let shift = 32 - 8 * width as u32;
            let signed = ((unsigned << shift) as i32) >> shift;
            (unsigned != all >> 1).then_some(i64::from(signed))
        }
        0x0a | 0x8b | 0x8c => (unsigned != 0).then_some(i64::from(unsigned)),
        _ => (unsigned != all).then_some(i64::from(unsigned)),
    }
}

/// FIT's own cyclic redundancy check, nibble by nibble.
fn crc(bytes: &[u8]) -> u16 {
    const TABLE: [u16; 16] = [
        0x0000, 0xcc01, 0xd801, 0x1400, 0xf001, 0x3c00, 0x2800, 0xe401, 0xa001, 0x6c00, 0x7800, 0xb401, 0x5000, 0x9c01,
        0x8801, 0x4400,
    ];
    bytes.iter().fold(0_u16, |mut crc, byte| {
        for nibble in [byte & 0x0f, byte >> 4] {
            let low = TABLE[usize::from(crc & 0x0f)];
            crc = (crc >> 4) ^ low ^ TABLE[usize::from(nibble)];
        }
        crc
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of one definition, a record with a full and one with a compressed timestamp.
    fn file() -> Vec<u8> {
        let mut data = vec![0x40, 0, 0, 20, 0, 3, 253, 4, 0x86, 3, 1, 0x02, 6, 2, 0x84];
        data.extend([0x00]);
        data.extend(1_000_000_005_u32.to_le_bytes());
        data.extend([150, 0x10, 0x0e]);
        data.extend([0x41, 0, 1, 0, 20, 1, 3, 1, 0x02, 0xa0 | 0x0a, 151]);
        let mut bytes = vec![12, 16, 0, 0];
        bytes.extend((data.len() as u32).to_le_bytes());
        bytes.extend(b".FIT");
        bytes.extend(data);
        let sum = crc(&bytes);
        bytes.extend(sum.to_le_bytes());
        bytes
    }

    #[test]
    fn records_with_full_and_compressed_timestamps_are_read() {
        let (readings, faults) = readings(&file());
        assert!(faults.is_empty(), "{faults:?}");
        let first = (EPOCH_S + 1_000_000_005) * 1000;
        assert_eq!(readings[0].at_ms, first);
        assert_eq!((readings[0].sample.heart_rate_bpm, readings[0].sample.speed_mmps), (Some(150), Some(3600)));
        assert_eq!((readings[1].at_ms, readings[1].sample.heart_rate_bpm), (first + 5_000, Some(151)));
    }

    #[test]
    fn damage_keeps_what_came_before_it() {
        let whole = file();
        for end in 12..whole.len() {
            let (readings, faults) = readings(&whole[..end]);
            assert!(!faults.is_empty() && readings.len() <= 2, "cut at {end}");
        }
        let mut broken = whole.clone();
        broken[20] ^= 0xff;
        assert!(!readings(&broken).1.is_empty());
        let chained = [whole.clone(), whole].concat();
        assert_eq!(readings(&chained).0.len(), 4);
    }

    #[test]
    fn invalid_values_of_every_width_are_absent() {
        for (bytes, base_type, expected) in [
            (&[0xff][..], 0x02, None),
            (&[0xfe], 0x02, Some(254)),
            (&[0x7f], 0x01, None),
            (&[0xff], 0x01, Some(-1)),
            (&[0xff, 0xff], 0x84, None),
            (&[0x01, 0x02], 0x84, Some(0x0201)),
            (&[0xff, 0x7f], 0x83, None),
            (&[0, 0, 0, 0], 0x8c, None),
            (&[1, 2], 0x86, None),
            (&[1, 2, 3, 4], 0x88, None),
        ] {
            assert_eq!(value(bytes, base_type, false), expected, "{bytes:?} {base_type:#x}");
        }
        assert_eq!(value(&[0x01, 0x02], 0x84, true), Some(0x0102));
    }
}
