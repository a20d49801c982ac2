//! Sportradar's XML as the JSON of the same feed: attributes and children become members, lists become arrays.
//! XML-1: every value knows where in the vendor's bytes it stood, so that a reject holds the XML as sent.
//! XML-2: a document with a type definition is refused: nothing of this vendor's needs one, and entities can explode.

use std::collections::HashMap;
use std::ops::Range;

use roxmltree::{Document, Error, Node};

use crate::RejectReason;
use crate::raw::{Fault, Path, Text};

/// Elements whose children are a list: in the JSON feeds they are arrays.
const WRAPPERS: [&str; 7] =
    ["competitors", "timeline", "sport_events", "period_scores", "results", "groups", "tournaments"];
/// Elements that may be repeated side by side: arrays of their own name, also where there is only one.
const REPEATED: [&str; 8] = ["market", "outcome", "match_status", "event", "info", "reference_id", "result", "season"];
/// Nesting beyond which no message of this vendor goes.
const DEPTH_MAX: usize = 60;

/// The JSON of one XML document: `{"<root element>": {...}}`.
pub(super) fn to_json<'a>(text: &Text<'a>, path: &Path<'_>) -> Result<Text<'a>, Fault> {
    let document = Document::parse(text.as_str()).map_err(|error| {
        let is_cut = matches!(error, Error::UnclosedRootNode | Error::UnexpectedEndOfStream | Error::NoRootNode);
        let reason = match error {
            _ if !text.is_sound() => RejectReason::BadUtf8,
            Error::DuplicatedAttribute(..) => RejectReason::DuplicateKey,
            _ if is_cut => RejectReason::Truncated,
            _ => RejectReason::NotJson,
        };
        Fault::new(reason, path, format!("expected one XML document: {error}"))
    })?;
    let mut json = Json { text: String::new(), spans: HashMap::new() };
    let root = document.root_element();
    json.text.push('{');
    json.key(root.tag_name().name());
    json.element(root, 0, path)?;
    json.text.push('}');
    Ok(Text::made_of(text, json.text, json.spans))
}

struct Json {
    text: String,
    spans: HashMap<usize, Range<usize>>,
}

impl Json {
    fn key(&mut self, name: &str) {
        self.text.push_str(&quoted(name));
        self.text.push(':');
    }

    fn element(&mut self, node: Node<'_, '_>, depth: usize, path: &Path<'_>) -> Result<(), Fault> {
        if depth > DEPTH_MAX {
            let message =
                format!("found more than {DEPTH_MAX} levels of elements; no message of this vendor nests so deep");
            return Err(Fault::new(RejectReason::TooDeep, path, message));
        }
        self.spans.insert(self.text.len(), node.range());
        let children: Vec<Node<'_, '_>> = node.children().filter(Node::is_element).collect();
        if WRAPPERS.contains(&node.tag_name().name()) && node.attributes().len() == 0 {
            return self.array(&children, depth, path);
        }
        self.text.push('{');
        let mut is_first = true;
        for attribute in node.attributes() {
            self.comma(&mut is_first);
            self.key(attribute.name());
            self.spans.insert(self.text.len(), attribute.range_value());
            match attribute.value() {
                value @ ("true" | "false") => self.text.push_str(value),
                value => self.text.push_str(&quoted(value)),
            }
        }
        for name in distinct_names(&children) {
            // An attribute of the same name wins; the child is in the raw payload.
            if node.attribute(name).is_some() {
                continue;
            }
            let named: Vec<_> = children.iter().copied().filter(|child| child.tag_name().name() == name).collect();
            self.comma(&mut is_first);
            self.key(name);
            match named.as_slice() {
                [only] if !REPEATED.contains(&name) => self.element(*only, depth + 1, path)?,
                _ => self.array(&named, depth + 1, path)?,
            }
        }
        self.text.push('}');
        Ok(())
    }

    fn array(&mut self, nodes: &[Node<'_, '_>], depth: usize, path: &Path<'_>) -> Result<(), Fault> {
        self.text.push('[');
        let mut is_first = true;
        for node in nodes {
            self.comma(&mut is_first);
            self.element(*node, depth + 1, path)?;
        }
        self.text.push(']');
        Ok(())
    }

    fn comma(&mut self, is_first: &mut bool) {
        if !std::mem::take(is_first) {
            self.text.push(',');
        }
    }
}

fn distinct_names<'n>(nodes: &[Node<'n, '_>]) -> Vec<&'n str> {
    let mut names = Vec::new();
    for node in nodes {
        let name = node.tag_name().name();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn quoted(text: &str) -> String {
    // Text into a JSON string has no way to fail; an empty one would be a value still.
    serde_json::to_string(text).unwrap_or_else(|_| "\"\"".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(xml: &str) -> Result<String, RejectReason> {
        let text = Text::new(xml.as_bytes());
        to_json(&text, &Path::Root(&text)).map(|json| json.as_str().to_owned()).map_err(|fault| fault.reason)
    }

    #[test]
    fn attributes_and_children_become_members_and_lists_arrays() {
        let xml = r#"<m id="1" live="true"><competitors><c n="a&quot;"/></competitors><market id="2"/><s/></m>"#;
        let json = r#"{"m":{"id":"1","live":true,"competitors":[{"n":"a\""}],"market":[{"id":"2"}],"s":{}}}"#;
        assert_eq!(converted(xml).as_deref(), Ok(json));
    }

    #[test]
    fn what_is_no_document_has_its_reason() {
        assert_eq!(converted("<a><b/>"), Err(RejectReason::Truncated));
        assert_eq!(converted("<a x='1' x='2'/>"), Err(RejectReason::DuplicateKey));
        assert_eq!(converted("<a></b>"), Err(RejectReason::NotJson));
        let bomb = "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>";
        assert_eq!(converted(bomb), Err(RejectReason::NotJson));
        let deep = format!("{}{}", "<a>".repeat(100), "</a>".repeat(100));
        assert_eq!(converted(&deep), Err(RejectReason::TooDeep));
    }

    #[test]
    fn a_value_knows_the_bytes_it_stood_in() {
        let xml = r#"<m><market id="2"/></m>"#;
        let text = Text::new(xml.as_bytes());
        let json = to_json(&text, &Path::Root(&text)).unwrap_or_else(|fault| panic!("{}", fault.message));
        let at = json.as_str().find(r#"{"id""#).unwrap_or_default();
        assert_eq!(json.original(&json.as_str()[at..at + 10]), br#"<market id="2"/>"#);
    }
}
