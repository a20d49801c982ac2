//! The Exchange Stream API's change messages as sent, spelling and all. Lists stay raw, so that each element fails alone.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::books::RunnerKey;
use crate::RejectReason;
use crate::raw::{Fault, Object, Path, Precision, list, scaled};

/// `op: mcm`.
pub(super) struct ChangeMessage<'a> {
    /// Publish time, unix ms: the only event time of the stream.
    pub pt: i64,
    /// Position token; opaque text.
    pub clk: Cow<'a, str>,
    /// Market changes; absent in heartbeats.
    pub mc: Vec<&'a RawValue>,
}

impl<'a> ChangeMessage<'a> {
    pub(super) fn read(object: &Object<'a, '_>) -> Result<Self, Fault> {
        const PT: &str = "the publish time in unix ms";
        Ok(Self {
            pt: object.integer("pt", PT)?.ok_or_else(|| object.missing("pt", PT))?,
            clk: object.text("clk")?.unwrap_or_default(),
            mc: object.list("mc")?.unwrap_or_default(),
        })
    }
}

/// One element of `mc`.
pub(super) struct MarketChange<'a> {
    pub id: Cow<'a, str>,
    /// True: forget the market and start from this.
    pub img: bool,
    pub rc: Vec<&'a RawValue>,
}

impl<'a> MarketChange<'a> {
    pub(super) fn read(object: &Object<'a, '_>) -> Result<Self, Fault> {
        Ok(Self {
            id: object.need_text("id", "a market id such as 1.200806927")?,
            img: object.flag("img")?.unwrap_or(false),
            rc: object.list("rc")?.unwrap_or_default(),
        })
    }
}

/// The market as it is traded; sent whole whenever any of it changes.
pub(super) struct MarketDefinition<'a> {
    pub event_type_id: Option<Cow<'a, str>>,
    pub market_type: Option<Cow<'a, str>>,
    pub betting_type: Option<Cow<'a, str>>,
    pub market_time: Option<i64>,
    pub status: Cow<'a, str>,
    pub in_play: bool,
    pub runners: Vec<&'a RawValue>,
}

/// One runner of a definition. Names come with historic files only.
pub(super) struct RunnerDefinition<'a> {
    pub key: RunnerKey,
    pub name: Option<Cow<'a, str>>,
    pub status: Option<Cow<'a, str>>,
}

impl<'a> MarketDefinition<'a> {
    pub(super) fn read(raw: &'a RawValue, path: &Path<'_>) -> Result<Self, Fault> {
        let object = Object::read(raw, path, "a market definition object")?;
        Ok(Self {
            event_type_id: object.text("eventTypeId")?,
            market_type: object.text("marketType")?,
            betting_type: object.text("bettingType")?,
            market_time: object.time_ms("marketTime")?,
            status: object.need_text("status", "OPEN, SUSPENDED, CLOSED or INACTIVE")?,
            in_play: object.flag("inPlay")?.unwrap_or(false),
            runners: object.list("runners")?.unwrap_or_default(),
        })
    }
}

impl<'a> RunnerDefinition<'a> {
    pub(super) fn read(raw: &'a RawValue, path: &Path<'_>) -> Result<Self, Fault> {
        let object = Object::read(raw, path, "a runner definition object")?;
        Ok(Self { key: runner_key(&object, "id", "hc")?, name: object.text("name")?, status: object.text("status")? })
    }
}

/// Selection and handicap, which name a runner together.
pub(super) fn runner_key(object: &Object<'_, '_>, id: &str, handicap: &str) -> Result<RunnerKey, Fault> {
    const ID: &str = "a selection id";
    Ok(RunnerKey {
        selection_id: object.integer(id, ID)?.ok_or_else(|| object.missing(id, ID))?,
        handicap_e2: object.scaled::<2>(handicap, "a handicap", Precision::Rounded)?.unwrap_or(0),
    })
}

/// One rung: `[price, size]`, or `[level, price, size]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rung {
    /// Distance from the best price, 0 first; 0 where the rung has none.
    pub level: i64,
    pub price_e6: i64,
    /// 0 removes the rung.
    pub size_e2: i64,
}

impl Rung {
    pub(super) fn read(raw: &RawValue, path: &Path<'_>) -> Result<Self, Fault> {
        let parts = list(raw, path)?;
        let number = |index: usize, what| {
            scaled::<6>(parts[index], &Path::Index(path, index), what, Precision::Rounded).map(|units| units.0)
        };
        let (level, price_at) = match parts.len() {
            2 => (0, 0),
            3 => (number(0, "a level")? / 1_000_000, 1),
            count => {
                let message = format!("found {count} numbers; expected [price, size] or [level, price, size]");
                return Err(Fault::new(RejectReason::BadField, path, message));
            }
        };
        let price_e6 = number(price_at, "decimal odds")?;
        let size_path = Path::Index(path, price_at + 1);
        let size_e2 = scaled::<2>(parts[price_at + 1], &size_path, "a size", Precision::Rounded)?.0;
        rung(level, price_e6, size_e2, &Path::Index(path, price_at), &size_path)
    }

    /// API-NG's `{"price":..,"size":..}`.
    pub(super) fn read_object(raw: &RawValue, path: &Path<'_>) -> Result<Self, Fault> {
        let object = Object::read(raw, path, "a price and its size")?;
        let price = object.scaled::<6>("price", "decimal odds", Precision::Rounded)?;
        let price_e6 = price.ok_or_else(|| object.missing("price", "decimal odds"))?;
        let size = object.scaled::<2>("size", "a size", Precision::Rounded)?;
        let size_e2 = size.ok_or_else(|| object.missing("size", "a size"))?;
        rung(0, price_e6, size_e2, &Path::Key(path, "price"), &Path::Key(path, "size"))
    }
}

fn rung(level: i64, price_e6: i64, size_e2: i64, price: &Path<'_>, size: &Path<'_>) -> Result<Rung, Fault> {
    if size_e2 < 0 {
        let message = format!("found a size of {size_e2} hundredths; expected 0 or more");
        return Err(Fault::new(RejectReason::OutOfRange, size, message));
    }
    // A level that is taken away is sent as [level, 0, 0].
    if size_e2 > 0 && price_e6 <= ONE_E6 {
        let message = format!("found odds of {price_e6} millionths; expected decimal odds above 1");
        return Err(Fault::new(RejectReason::OutOfRange, price, message));
    }
    Ok(Rung { level, price_e6, size_e2 })
}

/// Decimal odds of one, 10^-6: nobody pays less than the stake.
pub(super) const ONE_E6: i64 = 1_000_000;

/// The ladders of a runner change by the vendor's keys.
pub(super) const LADDERS: [&str; 7] = ["atb", "atl", "batb", "batl", "bdatb", "bdatl", "trd"];

/// One element of `rc`: what changed of one runner.
pub(super) struct RunnerChange<'a> {
    pub key: RunnerKey,
    /// Last price traded, 10^-6; 0 where nothing has traded.
    pub ltp_e6: Option<i64>,
    /// By [`LADDERS`].
    pub ladders: [Vec<&'a RawValue>; LADDERS.len()],
}

impl<'a> RunnerChange<'a> {
    pub(super) fn read(object: &Object<'a, '_>) -> Result<Self, Fault> {
        let mut ladders = [const { Vec::new() }; LADDERS.len()];
        for (ladder, key) in ladders.iter_mut().zip(LADDERS) {
            *ladder = object.list(key)?.unwrap_or_default();
        }
        let ltp_e6 = object.scaled::<6>("ltp", "decimal odds", Precision::Rounded)?;
        if let Some(ltp) = ltp_e6
            && ltp != 0
            && ltp <= ONE_E6
        {
            let message = format!("found odds of {ltp} millionths; expected decimal odds above 1");
            return Err(Fault::new(RejectReason::OutOfRange, &Path::Key(object.path(), "ltp"), message));
        }
        Ok(Self { key: runner_key(object, "id", "hc")?, ltp_e6, ladders })
    }
}
