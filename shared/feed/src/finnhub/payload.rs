//! Finnhub's messages as sent, spelling and all, in two readings of the same shape: typed and fast for what is whole,
//! member by member for what is not.
//! FIN-1: both readings give the same trade or none; the slow one says why.
//! Prices stay text here, so that no digit passes through a float.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::raw::{self, Fault, Object, Path};

/// `{"type":"trade","data":[...]}`; `ping` has no data, `error` has a `msg`.
#[derive(Deserialize)]
pub(super) struct TradeMessage<'a> {
    #[serde(borrow)]
    pub r#type: Cow<'a, str>,
    #[serde(borrow)]
    pub data: Vec<Trade<'a>>,
}

/// One print.
#[derive(Deserialize)]
pub(super) struct Trade<'a> {
    /// Symbol: `AAPL`, `BINANCE:BTCUSDT`, `OANDA:EUR_USD`.
    #[serde(borrow)]
    pub s: Cow<'a, str>,
    /// Last price.
    #[serde(borrow)]
    pub p: &'a RawValue,
    /// Volume: shares, or coins with decimals. 0 where an exchange sends price updates instead of trades.
    #[serde(borrow)]
    pub v: &'a RawValue,
    /// Unix ms.
    #[serde(borrow)]
    pub t: &'a RawValue,
    /// Trade conditions: codes as strings or numbers, or null, or missing.
    #[serde(default)]
    pub c: Conditions,
}

/// The codes of `c`.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Conditions(pub Vec<String>);

impl<'a> Trade<'a> {
    /// A trade read member by member.
    pub(super) fn read(raw: &'a RawValue, path: &Path<'_>) -> Result<Self, Fault> {
        let object = Object::read(raw, path, "a trade object such as {\"s\":..,\"p\":..,\"t\":..,\"v\":..}")?;
        Ok(Self {
            s: object.need_text("s", "a symbol")?,
            p: object.need("p", "the last price")?,
            v: object.need("v", "the volume")?,
            t: object.need("t", "unix ms")?,
            c: conditions(&object)?,
        })
    }
}

fn conditions(object: &Object<'_, '_>) -> Result<Conditions, Fault> {
    let Some(codes) = object.list("c")? else { return Ok(Conditions::default()) };
    let path = Path::Key(object.path(), "c");
    let code = |(index, code)| raw::text(code, &Path::Index(&path, index), "a condition code").map(Cow::into_owned);
    codes.into_iter().enumerate().map(code).collect::<Result<_, _>>().map(Conditions)
}

impl<'de> Deserialize<'de> for Conditions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ConditionsVisitor)
    }
}

struct ConditionsVisitor;

impl<'de> Visitor<'de> for ConditionsVisitor {
    type Value = Conditions;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of condition codes or null")
    }

    fn visit_unit<E>(self) -> Result<Conditions, E> {
        Ok(Conditions::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut codes: A) -> Result<Conditions, A::Error> {
        let mut conditions = Conditions::default();
        while let Some(Code(code)) = codes.next_element()? {
            conditions.0.push(code);
        }
        Ok(conditions)
    }
}

struct Code(String);

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CodeVisitor;
        impl Visitor<'_> for CodeVisitor {
            type Value = Code;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a condition code")
            }
            fn visit_str<E>(self, code: &str) -> Result<Code, E> {
                Ok(Code(code.to_owned()))
            }
            fn visit_u64<E>(self, code: u64) -> Result<Code, E> {
                Ok(Code(code.to_string()))
            }
        }
        deserializer.deserialize_any(CodeVisitor)
    }
}
