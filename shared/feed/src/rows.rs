//! Tables of lines: a header, then a record a line, read field by field under the header's names.
//! ROW-1: a record ends with its line; a stray quote spoils its own line only.
//! ROW-2: a fault names its place `/<line from 0>/<column>`; blank lines and lines of separators alone are no records.
//! ROW-3: `NA`, `NaN` and `null` are how tables write that there is nothing.
//! Decides nothing about meaning.

use std::borrow::Cow;

use touchline_event::NumberError;

use crate::raw::{Fault, Precision, decimal, quote};
use crate::run::Run;
use crate::{Reject, RejectReason};

/// What stands for nothing.
const NOTHING: [&str; 6] = ["", "NA", "N/A", "NaN", "nan", "null"];

/// A table over a payload's bytes.
pub(crate) struct Table<'a> {
    names: Vec<String>,
    lines: Vec<(usize, &'a [u8])>,
    separator: u8,
}

impl<'a> Table<'a> {
    /// The table under the first line of `bytes`; the separator is the one that the header has most of.
    pub(crate) fn read(bytes: &'a [u8]) -> Self {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut lines =
            bytes.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line)).enumerate();
        let head = lines.by_ref().find(|(_, line)| !line.trim_ascii().is_empty()).map_or(&b""[..], |(_, line)| line);
        let count = |separator: u8| head.iter().filter(|byte| **byte == separator).count();
        let separator = [b',', b'\t', b';'].into_iter().max_by_key(|separator| count(*separator)).unwrap_or(b',');
        let names =
            fields(head, separator).into_iter().map(|name| String::from_utf8_lossy(&name).trim().to_owned()).collect();
        let is_record = |(_, line): &(usize, &[u8])| {
            line.iter().any(|byte| !byte.is_ascii_whitespace() && *byte != separator && *byte != b'"')
        };
        Self { names, lines: lines.filter(is_record).collect(), separator }
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    pub(crate) fn has_all(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.names.iter().any(|known| known == name))
    }

    /// Reads every record; what `read` refuses is one reject with its line, its neighbours go on.
    pub(crate) fn each(&self, run: &mut Run, mut read: impl FnMut(&Row<'_>, &mut Run) -> Result<(), Fault>) {
        for (line, bytes) in &self.lines {
            let row = Row { names: &self.names, fields: fields(bytes, self.separator), line: *line, bytes };
            if let Err(fault) = read(&row, run) {
                row.reject(fault, run);
            }
        }
    }
}

/// The fields of one line; quotes are read only where there are any.
fn fields(line: &[u8], separator: u8) -> Vec<Cow<'_, [u8]>> {
    if !line.contains(&b'"') {
        return line.split(|byte| *byte == separator).map(Cow::Borrowed).collect();
    }
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(separator).from_reader(line);
    let record = reader.byte_records().next().and_then(Result::ok).unwrap_or_default();
    record.iter().map(|field| Cow::Owned(field.to_vec())).collect()
}

/// One record of a table.
pub(crate) struct Row<'r> {
    names: &'r [String],
    fields: Vec<Cow<'r, [u8]>>,
    line: usize,
    bytes: &'r [u8],
}

impl Row<'_> {
    /// A fault of a column of this line.
    pub(crate) fn fault(&self, reason: RejectReason, column: &str, message: impl Into<String>) -> Fault {
        let pointer = format!("/{}/{}", self.line, column.replace('~', "~0").replace('/', "~1"));
        Fault { reason, pointer, message: message.into() }
    }

    pub(crate) fn reject(&self, fault: Fault, run: &mut Run) {
        run.parsed.rejects.push(fault.reject(self.bytes));
    }

    /// A field by its place; absent where the table writes nothing.
    pub(crate) fn at(&self, place: usize) -> Result<Option<&str>, Fault> {
        let Some(bytes) = self.fields.get(place) else { return Ok(None) };
        let column = self.names.get(place).map_or("", String::as_str);
        let text = std::str::from_utf8(bytes).map_err(|_| {
            let found = String::from_utf8_lossy(bytes);
            self.fault(RejectReason::BadUtf8, column, format!("found text that is not UTF-8, {}", quote(&found)))
        })?;
        Ok(Some(text.trim()).filter(|text| !NOTHING.contains(text)))
    }

    pub(crate) fn get(&self, column: &str) -> Result<Option<&str>, Fault> {
        match self.names.iter().position(|name| name == column) {
            Some(place) => self.at(place),
            None => Ok(None),
        }
    }

    /// The first of several names of a column that has something.
    pub(crate) fn any(&self, columns: &[&'static str]) -> Result<Option<(&'static str, &str)>, Fault> {
        for column in columns {
            if let Some(text) = self.get(column)? {
                return Ok(Some((column, text)));
            }
        }
        Ok(None)
    }

    pub(crate) fn need(&self, column: &str, what: &str) -> Result<&str, Fault> {
        self.get(column)?.ok_or_else(|| {
            self.fault(RejectReason::MissingField, column, format!("{column} is missing or empty; expected {what}"))
        })
    }

    pub(crate) fn integer(&self, column: &str, what: &str) -> Result<Option<i64>, Fault> {
        self.scaled::<0>(column, what, Precision::Exact)
    }

    /// A decimal number in units of 10^-SCALE.
    pub(crate) fn scaled<const SCALE: u32>(
        &self,
        column: &str,
        what: &str,
        precision: Precision,
    ) -> Result<Option<i64>, Fault> {
        self.get(column)?.map(|text| self.number::<SCALE>(column, text, what, precision)).transpose()
    }

    /// A small whole number: a score, a shirt.
    pub(crate) fn small<T: TryFrom<i64>>(&self, column: &str, what: &str) -> Result<Option<T>, Fault> {
        let Some(number) = self.integer(column, what)? else { return Ok(None) };
        T::try_from(number)
            .map(Some)
            .map_err(|_| self.fault(RejectReason::OutOfRange, column, format!("found {number}; expected {what}")))
    }

    /// `text` of a column as a number.
    pub(crate) fn number<const SCALE: u32>(
        &self,
        column: &str,
        text: &str,
        what: &str,
        precision: Precision,
    ) -> Result<i64, Fault> {
        decimal::<SCALE>(text, precision).map(|number| number.0).map_err(|error| {
            let reason =
                if error == NumberError::OutOfRange { RejectReason::OutOfRange } else { RejectReason::BadField };
            self.fault(reason, column, format!("found {} ({error}); expected {what}", quote(text)))
        })
    }
}

/// A table of another vendor, or no table at all.
pub(crate) fn wrong_vendor(bytes: &[u8], expected: &str) -> Reject {
    let head: Vec<u8> = bytes.iter().copied().take_while(|byte| *byte != b'\n').take(QUOTED_BYTES).collect();
    let message = format!("found a first line of {}; expected {expected}", quote(&String::from_utf8_lossy(&head)));
    Reject { reason: RejectReason::WrongVendor, pointer: String::new(), message, raw: head }
}

/// Bytes of a foreign first line that are kept.
const QUOTED_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(bytes: &[u8]) -> (Vec<(usize, String)>, Vec<String>) {
        let mut run = Run::new("test", None);
        let mut seen = Vec::new();
        Table::read(bytes).each(&mut run, |row, _| {
            seen.push((row.line, row.need("a", "a word")?.to_owned()));
            Ok(())
        });
        (seen, run.parsed.rejects.into_iter().map(|reject| reject.pointer).collect())
    }

    #[test]
    fn a_stray_quote_and_a_short_line_spoil_themselves_only() {
        let (seen, rejects) = rows(b"\xef\xbb\xbfb,a\r\n1,x\r\n\r\n\"2,y\r\n3\r\n,\r\n4,\"z, w\"\r\n5,NA\n6,\xff\n");
        assert_eq!(seen, [(1, "x".to_owned()), (6, "z, w".to_owned())]);
        assert_eq!(rejects, ["/3/a", "/4/a", "/7/a", "/8/a"]);
    }

    #[test]
    fn the_separator_is_the_headers_own() {
        let tabs = b"a\tb, c\nx\ty\n";
        assert_eq!(rows(tabs).0, [(1, "x".to_owned())]);
    }
}
