//! GNews' answers: `/api/v4/search`, `/api/v4/top-headlines` and errors.
//! GNEWS-1: one `article` an article as listed; the same address twice is twice the same fact.

use serde_json::value::RawValue;

use crate::article::{articles, parameter};
use crate::raw::{Fault, Object, Path, quote};
use crate::run::Run;
use crate::{Document, Parsed, RejectReason, Session};

const SOURCE: &str = "gnews";

/// One answer, or a bare list of articles. The session is not needed: an article's address is its name.
pub fn parse(document: Document<'_>, _session: &mut Session) -> Parsed {
    let mut run = Run::new(SOURCE, document.received_at_ms);
    let language = parameter(document.origin, "lang");
    run.document(document, |raw, path, run| root(raw, path, language, run));
    run.parsed
}

fn root(raw: &RawValue, path: &Path<'_>, language: Option<&str>, run: &mut Run) -> Result<(), Fault> {
    if raw.get().starts_with('[') && raw.get().contains("\"publishedAt\"") {
        return articles(raw, path, language, run);
    }
    let Ok(root) = Object::read(raw, path, "an answer of GNews") else { return Err(wrong_vendor(path)) };
    // `["You have reached your request limit"]`, or by parameter `{"q": "The query is required"}`.
    if let Some(errors) = root.get("errors")? {
        let message = format!("GNews answered: {}", quote(errors.get()));
        return Err(Fault::new(RejectReason::VendorError, &Path::Key(path, "errors"), message));
    }
    // NewsAPI has a status and counts `totalResults`; its answers are otherwise so alike that they would pass.
    if root.has("totalResults") || !root.has("articles") {
        return Err(wrong_vendor(path));
    }
    let list = root.need("articles", "a list of articles")?;
    articles(list, &Path::Key(path, "articles"), language, run)
}

fn wrong_vendor(path: &Path<'_>) -> Fault {
    let message = "found no articles of GNews; expected {\"totalArticles\":..,\"articles\":[...]}";
    Fault::new(RejectReason::WrongVendor, path, message)
}
