//! XML as small trees: a whole document, or the elements of one name cut out of a long one, so that a damaged end
//! or a damaged element leaves the others readable.
//! XML-1: names are without their prefix: vendors bind the same namespace to any prefix, or to none.
//! XML-2: nothing outside the bytes is read: no entity but the five of XML, no DTD.

use std::borrow::Cow;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use crate::RejectReason;

/// Elements deeper than this are no vendor's.
const DEPTH_MAX: usize = 64;

/// One element.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) name: String,
    attributes: Vec<(String, String)>,
    pub(crate) text: String,
    pub(crate) children: Vec<Element>,
}

impl Element {
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The first element of this name, at any depth.
    pub(crate) fn find(&self, name: &str) -> Option<&Element> {
        self.children.iter().find_map(|child| if child.name == name { Some(child) } else { child.find(name) })
    }

    /// The text of the first element of this name that has any.
    pub(crate) fn text_of(&self, name: &str) -> Option<&str> {
        self.find(name).map(|element| element.text.trim()).filter(|text| !text.is_empty())
    }

    /// Every element of this name, at any depth, in order.
    pub(crate) fn all<'e>(&'e self, name: &str) -> Vec<&'e Element> {
        let mut found = Vec::new();
        for child in &self.children {
            if child.name == name {
                found.push(child);
            }
            found.extend(child.all(name));
        }
        found
    }
}

/// Why a text is no element.
pub(crate) type XmlFault = (RejectReason, String);

/// The first element of a text.
pub(crate) fn element(text: &str) -> Result<Element, XmlFault> {
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Element> = Vec::new();
    loop {
        let event = reader.read_event().map_err(|error| {
            // The reader stands at the end where a tag was cut off, before it where one is broken.
            let is_at_end = reader.buffer_position() as usize >= text.len();
            let reason = if is_at_end { RejectReason::Truncated } else { RejectReason::BadField };
            (reason, format!("no XML: {error}"))
        })?;
        let closed = match event {
            Event::Start(start) if open.len() < DEPTH_MAX => {
                open.push(started(&start));
                continue;
            }
            Event::Start(_) => {
                return Err((RejectReason::TooDeep, format!("more than {DEPTH_MAX} levels of elements")));
            }
            Event::Empty(start) => started(&start),
            Event::End(_) => match open.pop() {
                Some(element) => element,
                None => return Err((RejectReason::BadField, "an element ends that never began".to_owned())),
            },
            Event::Text(text) => {
                if let Some(element) = open.last_mut() {
                    element.text.push_str(&text);
                }
                continue;
            }
            Event::GeneralRef(reference) => {
                if let Some(element) = open.last_mut() {
                    element.text.push(character(&reference));
                }
                continue;
            }
            Event::CData(text) => {
                if let Some(element) = open.last_mut() {
                    element.text.push_str(&text);
                }
                continue;
            }
            Event::Eof => return Err((RejectReason::Truncated, "the document ends inside an element".to_owned())),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => continue,
        };
        match open.last_mut() {
            Some(parent) => parent.children.push(closed),
            None => return Ok(closed),
        }
    }
}

fn started(start: &BytesStart<'_>) -> Element {
    let attributes = start.attributes().flatten().map(|attribute| {
        let value = attribute.normalized_value(XmlVersion::Implicit1_0);
        let value = value.map_or_else(|_| attribute.value.to_string(), Cow::into_owned);
        (local(attribute.key.as_ref()), value)
    });
    Element { name: local(start.name().as_ref()), attributes: attributes.collect(), ..Element::default() }
}

/// The five named characters and those by number; anything else is not known without a DTD.
fn character(reference: &quick_xml::events::BytesRef<'_>) -> char {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return character;
    }
    match reference.as_ref() {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => '\u{fffd}',
    }
}

fn local(name: &str) -> String {
    name.rsplit(':').next().unwrap_or_default().to_owned()
}

/// Every `<name ...>...</name>` of a text; the last one may have lost its end. Elements of one name do not nest.
pub(crate) fn cut<'t>(text: &'t str, name: &str) -> Vec<&'t str> {
    let (start, end) = (format!("<{name}"), format!("</{name}>"));
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(&start) {
        let piece = &rest[at..];
        let is_whole_name =
            piece[start.len()..].starts_with(|next: char| next == '>' || next == '/' || next.is_whitespace());
        if !is_whole_name {
            rest = &piece[start.len()..];
            continue;
        }
        let head_end = piece.find('>').map_or(piece.len(), |at| at + 1);
        let is_empty = piece[..head_end].ends_with("/>");
        // An element that lost its end goes no further than the next one's beginning.
        let next = piece[start.len()..].find(&start).map_or(piece.len(), |at| at + start.len());
        let length = if is_empty { head_end } else { piece.find(&end).map_or(next, |at| (at + end.len()).min(next)) };
        found.push(&piece[..length]);
        rest = &piece[length..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_entities_and_attributes_are_read() {
        let root =
            element("<?xml version=\"1.0\"?><a:x n=\"1 &amp; 2\"><ns3:y> 5 </ns3:y><z/><w>A&amp;B &#65;</w></a:x>")
                .unwrap();
        assert_eq!((root.name.as_str(), root.attribute("n")), ("x", Some("1 & 2")));
        assert_eq!((root.text_of("y"), root.text_of("z"), root.text_of("w")), (Some("5"), None, Some("A&B A")));
    }

    #[test]
    fn a_lost_end_spoils_one_element() {
        let text = "<T><P a=\"1\">x</P><Position/><P>y<P/><P>z</P><P>lost";
        assert_eq!(cut(text, "P"), ["<P a=\"1\">x</P>", "<P>y", "<P/>", "<P>z</P>", "<P>lost"]);
        assert_eq!(element("<P>lost").unwrap_err().0, RejectReason::Truncated);
        assert!(element("</P>").is_err());
        assert_eq!(element("<P a=\"1\"").unwrap_err().0, RejectReason::Truncated);
        assert_eq!(element(&"<a>".repeat(100)).unwrap_err().0, RejectReason::TooDeep);
    }
}
