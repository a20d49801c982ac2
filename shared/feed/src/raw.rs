//! Reads of a JSON payload member by member, over the vendor's own bytes, so that a bad field names itself.
//! RAW-1: a fault carries the pointer from the payload's root, what was found and what was expected.
//! RAW-2: a byte that is not UTF-8 spoils the text it stands in, never its neighbours.
//! RAW-3: a member that is read and given twice is a fault; members nobody reads are not judged.
//! Decides nothing about meaning: ranges and times belong to the vendors' parsers.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;
use touchline_event::{NumberError, Scaled, parse_utc_ms};

pub(crate) use crate::text::Text;
use crate::{Reject, RejectReason};

/// Longest piece of vendor text quoted in a message.
const QUOTE_CHARS_MAX: usize = 60;
/// Digits of a decimal exponent beyond which no vendor number is meant seriously.
const EXPONENT_DIGITS_MAX: usize = 3;
/// A double carries this many decimal digits; more are the noise of a vendor's own float arithmetic.
const FLOAT_DIGITS: usize = 15;

fn syntax_fault(error: &serde_json::Error, path: &Path<'_>) -> Fault {
    let reason = if error.is_eof() {
        RejectReason::Truncated
    } else if error.to_string().starts_with("recursion limit") {
        RejectReason::TooDeep
    } else {
        RejectReason::NotJson
    };
    Fault { reason, pointer: path.to_string(), message: format!("expected one JSON value: {error}") }
}

/// Where a value stands in a payload; prints as an RFC 6901 pointer.
#[derive(Clone, Copy)]
pub(crate) enum Path<'p> {
    Root(&'p Text<'p>),
    /// A line of a line format, counted from 0.
    Line(&'p Text<'p>, usize),
    Key(&'p Path<'p>, &'p str),
    Index(&'p Path<'p>, usize),
}

impl Path<'_> {
    fn text(&self) -> &Text<'_> {
        match self {
            Path::Root(text) | Path::Line(text, _) => text,
            Path::Key(parent, _) | Path::Index(parent, _) => parent.text(),
        }
    }

    /// A part of the text as one JSON value, or why it is none.
    pub(crate) fn json<'a>(&self, part: &'a str) -> Result<&'a RawValue, Fault> {
        let source = self.text();
        serde_json::from_str::<&RawValue>(part.trim()).map_err(|error| {
            let fault = syntax_fault(&error, self);
            if source.is_sound() || std::str::from_utf8(source.original(part)).is_ok() {
                return fault;
            }
            Fault {
                reason: RejectReason::BadUtf8,
                message: format!("bytes that are not UTF-8: {}", fault.message),
                ..fault
            }
        })
    }

    /// The bytes as sent under a part of the text.
    pub(crate) fn original(&self, part: &str) -> &[u8] {
        self.text().original(part)
    }

    /// A reject of the record `raw` for `fault`.
    pub(crate) fn reject(&self, fault: Fault, raw: &RawValue) -> Reject {
        fault.reject(self.text().original(raw.get()))
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root(_) => Ok(()),
            Path::Line(_, index) => write!(f, "/{index}"),
            Path::Key(parent, key) => write!(f, "{parent}/{}", key.replace('~', "~0").replace('/', "~1")),
            Path::Index(parent, index) => write!(f, "{parent}/{index}"),
        }
    }
}

/// Why a value could not be taken; a [`Reject`] without its raw bytes.
#[derive(Debug)]
pub(crate) struct Fault {
    pub reason: RejectReason,
    pub pointer: String,
    pub message: String,
}

impl Fault {
    pub(crate) fn new(reason: RejectReason, path: &Path<'_>, message: impl Into<String>) -> Self {
        Self { reason, pointer: path.to_string(), message: message.into() }
    }

    pub(crate) fn reject(self, raw: &[u8]) -> Reject {
        Reject { reason: self.reason, pointer: self.pointer, message: self.message, raw: raw.to_vec() }
    }
}

/// The members of one object, in the vendor's order.
pub(crate) struct Object<'a, 'p> {
    members: Members<'a>,
    path: &'p Path<'p>,
}

impl<'a, 'p> Object<'a, 'p> {
    /// `raw` as an object; `what` names it in the message.
    pub(crate) fn read(raw: &'a RawValue, path: &'p Path<'p>, what: &str) -> Result<Self, Fault> {
        match serde_json::from_str(raw.get()) {
            Ok(members) => Ok(Self { members, path }),
            Err(_) => Err(unexpected(path, raw, what)),
        }
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.members.0.iter().any(|(name, _)| name == key)
    }

    /// Every member by its name, `null` ones left out.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        let named = self.members.0.iter().map(|(name, raw)| (name.as_ref(), *raw));
        named.filter(|(_, raw)| raw.get() != "null")
    }

    pub(crate) fn path(&self) -> &'p Path<'p> {
        self.path
    }

    /// A member; `null` reads as absent.
    pub(crate) fn get(&self, key: &str) -> Result<Option<&'a RawValue>, Fault> {
        let mut found = self.members.0.iter().filter(|(name, _)| name == key).map(|(_, raw)| *raw);
        let first = found.next();
        if found.next().is_some() {
            let message = format!("{key} is given more than once; which one is meant cannot be known");
            return Err(Fault::new(RejectReason::DuplicateKey, &Path::Key(self.path, key), message));
        }
        Ok(first.filter(|raw| raw.get() != "null"))
    }

    /// A member that must be there.
    pub(crate) fn need(&self, key: &str, what: &str) -> Result<&'a RawValue, Fault> {
        self.get(key)?.ok_or_else(|| self.missing(key, what))
    }

    pub(crate) fn missing(&self, key: &str, what: &str) -> Fault {
        let message = format!("{key} is missing or null; expected {what}");
        Fault::new(RejectReason::MissingField, &Path::Key(self.path, key), message)
    }

    /// A string, or a number as its text: vendors send ids as either.
    pub(crate) fn text(&self, key: &str) -> Result<Option<Cow<'a, str>>, Fault> {
        self.get(key)?.map(|raw| text(raw, &Path::Key(self.path, key), "a string")).transpose()
    }

    /// A string that must be there and not be empty.
    pub(crate) fn need_text(&self, key: &str, what: &str) -> Result<Cow<'a, str>, Fault> {
        let raw = self.need(key, what)?;
        let path = Path::Key(self.path, key);
        let text = text(raw, &path, what)?;
        if text.trim().is_empty() {
            return Err(Fault::new(RejectReason::BadField, &path, format!("{key} is empty; expected {what}")));
        }
        Ok(text)
    }

    pub(crate) fn flag(&self, key: &str) -> Result<Option<bool>, Fault> {
        match self.get(key)? {
            None => Ok(None),
            Some(raw) if raw.get() == "true" => Ok(Some(true)),
            Some(raw) if raw.get() == "false" => Ok(Some(false)),
            Some(raw) => Err(unexpected(&Path::Key(self.path, key), raw, "true or false")),
        }
    }

    pub(crate) fn integer(&self, key: &str, what: &str) -> Result<Option<i64>, Fault> {
        self.get(key)?
            .map(|raw| scaled::<0>(raw, &Path::Key(self.path, key), what, Precision::Exact).map(|units| units.0))
            .transpose()
    }

    /// A decimal number, or text that is one.
    pub(crate) fn scaled<const SCALE: u32>(
        &self,
        key: &str,
        what: &str,
        precision: Precision,
    ) -> Result<Option<i64>, Fault> {
        self.get(key)?
            .map(|raw| scaled::<SCALE>(raw, &Path::Key(self.path, key), what, precision).map(|units| units.0))
            .transpose()
    }

    /// An RFC 3339 time, UTC ms.
    pub(crate) fn time_ms(&self, key: &str) -> Result<Option<i64>, Fault> {
        const WHAT: &str = "a time such as 2023-11-06T02:05:41Z";
        let Some(raw) = self.get(key)? else { return Ok(None) };
        let path = Path::Key(self.path, key);
        let text = text(raw, &path, WHAT)?;
        parse_utc_ms(&text).map(Some).ok_or_else(|| unexpected(&path, raw, WHAT))
    }

    pub(crate) fn list(&self, key: &str) -> Result<Option<Vec<&'a RawValue>>, Fault> {
        self.get(key)?.map(|raw| list(raw, &Path::Key(self.path, key))).transpose()
    }
}

/// What to do with digits beyond the scale.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precision {
    /// Refuse them, unless there are more than a float carries: then they are the vendor's own noise.
    Exact,
    /// Round half away from zero.
    Rounded,
}

/// The elements of an array.
pub(crate) fn list<'a>(raw: &'a RawValue, path: &Path<'_>) -> Result<Vec<&'a RawValue>, Fault> {
    serde_json::from_str(raw.get()).map_err(|_| unexpected(path, raw, "an array"))
}

/// A string, or a number as its text.
pub(crate) fn text<'a>(raw: &'a RawValue, path: &Path<'_>, what: &str) -> Result<Cow<'a, str>, Fault> {
    let source = path.text();
    if !source.is_sound() && std::str::from_utf8(source.original(raw.get())).is_err() {
        let message = format!("found text that is not UTF-8, {}; expected {what}", quote(raw.get()));
        return Err(Fault::new(RejectReason::BadUtf8, path, message));
    }
    if is_number(raw.get()) {
        return Ok(Cow::Borrowed(raw.get()));
    }
    match serde_json::from_str::<Key>(raw.get()) {
        Ok(Key(text)) => Ok(text),
        Err(_) => Err(unexpected(path, raw, what)),
    }
}

/// A number, or text that is one, in units of 10^-SCALE.
pub(crate) fn scaled<const SCALE: u32>(
    raw: &RawValue,
    path: &Path<'_>,
    what: &str,
    precision: Precision,
) -> Result<Scaled<SCALE>, Fault> {
    let text = raw.get();
    let digits = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
    decimal::<SCALE>(digits, precision).map_err(|error| {
        let reason = if error == NumberError::OutOfRange { RejectReason::OutOfRange } else { RejectReason::BadField };
        let why = match error {
            NumberError::TooPrecise(_) => format!("more than {SCALE} decimals"),
            error => error.to_string(),
        };
        Fault::new(reason, path, format!("found {} ({why}); expected {what}", quote(text)))
    })
}

/// Decimal text in units of 10^-SCALE.
pub(crate) fn decimal<const SCALE: u32>(text: &str, precision: Precision) -> Result<Scaled<SCALE>, NumberError> {
    if let Some(at) = text.find(['e', 'E'])
        && text[at + 1..].trim_start_matches(['+', '-']).len() > EXPONENT_DIGITS_MAX
    {
        return Err(NumberError::OutOfRange);
    }
    match Scaled::<SCALE>::parse(text) {
        Err(NumberError::TooPrecise(_)) if precision == Precision::Rounded || is_float_noise(text) => round(text),
        // Thirty-nine digits overflow before anything is rounded: only float noise is that long.
        Err(NumberError::OutOfRange) if is_float_noise(text) => round(text),
        result => result,
    }
}

fn is_float_noise(text: &str) -> bool {
    let mantissa = text.split(['e', 'E']).next().unwrap_or(text);
    let digits = mantissa.trim_start_matches(['-', '0', '.']);
    mantissa.contains('.') && digits.bytes().filter(u8::is_ascii_digit).count() > FLOAT_DIGITS
}

fn round<const SCALE: u32>(text: &str) -> Result<Scaled<SCALE>, NumberError> {
    let Some((whole, fraction)) = text.split_once('.').filter(|_| !text.contains(['e', 'E'])) else {
        return Scaled::from_f64(text.parse().map_err(|_| NumberError::NotDecimal)?);
    };
    if !fraction.is_ascii() {
        return Err(NumberError::NotDecimal);
    }
    let (kept, cut) = fraction.split_at(fraction.len().min(SCALE as usize));
    let units = Scaled::<SCALE>::parse(&format!("{whole}.{kept}"))?.0;
    let is_up = cut.as_bytes().first().is_some_and(|digit| *digit >= b'5');
    let away = if whole.starts_with('-') { -1 } else { 1 };
    units.checked_add(if is_up { away } else { 0 }).map(Scaled).ok_or(NumberError::OutOfRange)
}

/// A fault that says what was found and what was expected.
pub(crate) fn unexpected(path: &Path<'_>, raw: &RawValue, what: &str) -> Fault {
    let found = raw.get();
    let found = match found.as_bytes().first() {
        Some(b'{') => "an object".to_owned(),
        Some(b'[') => "an array".to_owned(),
        _ => quote(found),
    };
    Fault::new(RejectReason::BadField, path, format!("found {found}; expected {what}"))
}

pub(crate) fn quote(text: &str) -> String {
    if text.chars().count() <= QUOTE_CHARS_MAX {
        return text.to_owned();
    }
    let head: String = text.chars().take(QUOTE_CHARS_MAX).collect();
    format!("{head}...")
}

fn is_number(text: &str) -> bool {
    text.as_bytes().first().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'-')
}

struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((Key(key), raw)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
                    members.push((key, raw));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_beyond_the_scale_are_refused_rounded_or_seen_as_noise() {
        for (text, precision, expected) in [
            ("1.005", Precision::Exact, Err(NumberError::TooPrecise(1))),
            ("1.005", Precision::Rounded, Ok(101)),
            ("-1.005", Precision::Rounded, Ok(-101)),
            ("1.0049", Precision::Rounded, Ok(100)),
            ("-0.005", Precision::Rounded, Ok(-1)),
            ("1.1000000000000001", Precision::Exact, Ok(110)),
            ("2.730112832627202", Precision::Exact, Ok(273)),
            ("1e2147483647", Precision::Exact, Err(NumberError::OutOfRange)),
            ("1e-2147483648", Precision::Rounded, Err(NumberError::OutOfRange)),
            ("1.5e-3", Precision::Rounded, Ok(0)),
            ("abc", Precision::Rounded, Err(NumberError::NotDecimal)),
        ] {
            assert_eq!(decimal::<2>(text, precision), expected.map(Scaled), "{text}");
        }
    }

    #[test]
    fn a_bad_byte_keeps_its_place_and_its_original() {
        let text = Text::new(b"{\"a\":\"x\xffy\",\"b\":\"ok\"}");
        let path = Path::Root(&text);
        let raw = text.json(&path).unwrap();
        let object = Object::read(raw, &path, "an object").unwrap();
        let fault = object.text("a").unwrap_err();
        assert_eq!((fault.reason, fault.pointer.as_str()), (RejectReason::BadUtf8, "/a"));
        assert_eq!(object.text("b").unwrap().unwrap(), "ok");
        assert_eq!(text.original(raw.get()), b"{\"a\":\"x\xffy\",\"b\":\"ok\"}");
    }

    #[test]
    fn only_a_member_that_is_read_is_judged_for_being_given_twice() {
        let text = Text::new(br#"{"a":1,"a":2,"b/c":null,"d":"x"}"#);
        let path = Path::Line(&text, 3);
        let object = Object::read(text.json(&path).unwrap(), &path, "an object").unwrap();
        assert_eq!(object.text("d").unwrap().unwrap(), "x");
        assert_eq!(object.get("a").unwrap_err().pointer, "/3/a");
        assert_eq!(object.need("b/c", "text").unwrap_err().pointer, "/3/b~1c");
    }
}
