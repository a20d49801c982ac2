//! NewsAPI's answers: `/v2/everything`, `/v2/top-headlines`, their `/sources`, and errors.
//! NEWS-1: one `article` an article as listed; the same address twice is twice the same fact.

use serde_json::value::RawValue;

use super::table;
use crate::article::{articles, parameter};
use crate::raw::{Fault, Object, Path};
use crate::run::{Context, Run, Subject};
use crate::{Document, Parsed, RejectReason, Session};

const SOURCE: &str = "newsapi";

/// One answer, or a bare list of articles. The session is not needed: an article's address is its name.
pub fn parse(document: Document<'_>, _session: &mut Session) -> Parsed {
    let mut run = Run::new(SOURCE, document.received_at_ms);
    let language = parameter(document.origin, "language");
    run.document(document, |raw, path, run| root(raw, path, language, run));
    run.parsed
}

fn root(raw: &RawValue, path: &Path<'_>, language: Option<&str>, run: &mut Run) -> Result<(), Fault> {
    if raw.get().starts_with('[') && raw.get().contains("\"publishedAt\"") {
        return articles(raw, path, language, run);
    }
    let Ok(root) = Object::read(raw, path, "an answer of NewsAPI") else { return Err(wrong_vendor(path)) };
    if root.text("status").ok().flatten().as_deref() == Some("error") {
        return Err(vendor_error(&root)?);
    }
    // GNews counts `totalArticles`; its answers are otherwise so alike that they would pass.
    if root.has("totalArticles") || !(root.has("articles") || root.has("sources")) {
        return Err(wrong_vendor(path));
    }
    let sources_path = Path::Key(path, "sources");
    for (index, raw) in run.list(&root, "sources", raw).into_iter().enumerate() {
        let path = Path::Index(&sources_path, index);
        run.record(raw, &path, |run| source(raw, &path, run));
    }
    match root.get("articles")? {
        Some(list) => articles(list, &Path::Key(path, "articles"), language, run),
        None if root.has("sources") => Ok(()),
        None => Err(root.missing("articles", "a list of articles")),
    }
}

fn source(raw: &RawValue, path: &Path<'_>, run: &mut Run) -> Result<(), Fault> {
    let id = Object::read(raw, path, "a source object")?.need_text("id", "the source's id")?.into_owned();
    let at_ms = run.received_at_ms.unwrap_or_default();
    run.other(Subject::default(), at_ms, ("source", &format!("source:{id}")), raw, Context::default());
    Ok(())
}

fn vendor_error(root: &Object<'_, '_>) -> Result<Fault, Fault> {
    let code = root.text("code")?.unwrap_or_else(|| "no code".into());
    let message = root.text("message")?.unwrap_or_else(|| "no message".into());
    let message = format!("NewsAPI answered: {message} ({code}); {}", table::remedy(&code));
    Ok(Fault::new(RejectReason::VendorError, &Path::Key(root.path(), "message"), message))
}

fn wrong_vendor(path: &Path<'_>) -> Fault {
    let message = "found no articles or sources of NewsAPI; expected {\"status\":\"ok\",\"articles\":[...]}";
    Fault::new(RejectReason::WrongVendor, path, message)
}
