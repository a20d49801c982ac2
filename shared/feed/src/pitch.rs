//! From a vendor's pitch to ours: 105 x 68 m in cm, the acting or home team attacking left to right.
//! PITCH-1: integers only; halves are rounded away from zero.
//! PITCH-2: a place farther outside than the pitch is long is a fault, not a place.

use serde_json::value::RawValue;
use touchline_event::Location;

use crate::RejectReason;
use crate::raw::{Fault, Path, Precision, list, quote, scaled};

/// Decimals of a vendor's unit that are read.
const SCALE: u32 = 5;
/// Units of 10^-5 in one vendor unit.
pub(crate) const ONE_E5: i64 = 100_000;
/// Centimetres in 10^3 yards.
const CM_PER_1000_YARDS: i64 = 91_440;

/// A vendor's pitch: what its coordinates mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pitch {
    /// Where the vendor's x is on the own goal line and on the goal line attacked, in 10^-5 of its unit.
    pub(crate) x_e5: (i64, i64),
    /// Where its y is on the right touchline and on the left one, in 10^-5 of its unit.
    pub(crate) y_e5: (i64, i64),
}

impl Pitch {
    /// The place of a vendor's point.
    pub(crate) fn place(&self, x_e5: i64, y_e5: i64) -> Option<Location> {
        Some(Location {
            x_cm: along(x_e5, self.x_e5, Location::LENGTH_CM)?,
            y_cm: along(y_e5, self.y_e5, Location::WIDTH_CM)?,
        })
    }

    /// A JSON array that begins with x and y.
    pub(crate) fn location(&self, raw: &RawValue, path: &Path<'_>) -> Result<Location, Fault> {
        const WHAT: &str = "a place such as [61.0, 41.0]";
        let coordinates = list(raw, path)?;
        let [x, y, ..] = coordinates.as_slice() else {
            let message = format!("found {}; expected {WHAT}", quote(raw.get()));
            return Err(Fault::new(RejectReason::BadField, path, message));
        };
        let x = scaled::<SCALE>(x, &Path::Index(path, 0), "a coordinate", Precision::Rounded)?.0;
        let y = scaled::<SCALE>(y, &Path::Index(path, 1), "a coordinate", Precision::Rounded)?.0;
        self.place(x, y).ok_or_else(|| {
            let message = format!("found {}, far outside the pitch; expected {WHAT}", quote(raw.get()));
            Fault::new(RejectReason::OutOfRange, path, message)
        })
    }
}

/// `value` between the ends of an axis, in cm of ours.
fn along(value: i64, (from, to): (i64, i64), ours_cm: i32) -> Option<i32> {
    let (span, passed) = (i128::from(to) - i128::from(from), i128::from(value) - i128::from(from));
    if span == 0 || passed.abs() > 2 * span.abs() {
        return None;
    }
    i32::try_from(divide(passed * i128::from(ours_cm), span)).ok()
}

/// Yards in 10^-5 as cm.
pub(crate) fn yards_to_cm(yards_e5: i64) -> i64 {
    divide(i128::from(yards_e5) * i128::from(CM_PER_1000_YARDS), 1000 * i128::from(ONE_E5)) as i64
}

/// Rounded, halves away from zero; `by` is not 0.
pub(crate) fn divide(value: i128, by: i128) -> i128 {
    let (value, by) = if by < 0 { (-value, -by) } else { (value, by) };
    if value < 0 { (value - by / 2) / by } else { (value + by / 2) / by }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_and_spot_land_on_corners_and_spot() {
        // 120 x 80 with y growing to the right of the attack, as StatsBomb has it.
        let pitch = Pitch { x_e5: (0, 120 * ONE_E5), y_e5: (80 * ONE_E5, 0) };
        for ((x, y), (x_cm, y_cm)) in
            [((0, 0), (0, 6_800)), ((120, 80), (10_500, 0)), ((60, 40), (5_250, 3_400)), ((108, 40), (9_450, 3_400))]
        {
            assert_eq!(pitch.place(x * ONE_E5, y * ONE_E5), Some(Location { x_cm, y_cm }));
        }
        assert_eq!(pitch.place(10_000 * ONE_E5, 0), None);
        assert_eq!(pitch.place(i64::MAX, i64::MIN), None);
    }

    #[test]
    fn halves_are_rounded_away_from_zero() {
        for (value, by, expected) in [(5, 2, 3), (-5, 2, -3), (5, -2, -3), (4, 3, 1), (-4, 3, -1)] {
            assert_eq!(divide(value, by), expected, "{value}/{by}");
        }
        assert_eq!(yards_to_cm(ONE_E5), 91);
    }
}
