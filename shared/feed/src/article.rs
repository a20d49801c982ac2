//! An article as news vendors list it: the facts about it, never its text. Shared by the vendors of news.
//! ART-1: an article is its address: listed again, on another page or another day, it is the same fact.
//! ART-2: description and content are not read; they are their publishers'.

use serde_json::value::RawValue;
use touchline_event::Article;

use crate::RejectReason;
use crate::raw::{Fault, Object, Path, list};
use crate::run::{Context, Run, Subject};

/// What NewsAPI puts in the place of an article that its publisher withdrew; all of them share the address.
const REMOVED: &str = "https://removed.com";

/// Every article of `key`, or of a bare list where `root` is one.
pub(crate) fn articles(root: &RawValue, path: &Path<'_>, language: Option<&str>, run: &mut Run) -> Result<(), Fault> {
    for (index, raw) in list(root, path)?.into_iter().enumerate() {
        let path = Path::Index(path, index);
        run.record(raw, &path, |run| article(raw, &path, language, run));
    }
    Ok(())
}

fn article(raw: &RawValue, path: &Path<'_>, language: Option<&str>, run: &mut Run) -> Result<(), Fault> {
    let object = Object::read(raw, path, "an article object")?;
    let url = object.need_text("url", "the article's address")?.trim().to_owned();
    let site = site_of(&url).ok_or_else(|| {
        let message =
            format!("found {}; expected an address such as https://site.example/article", crate::raw::quote(&url));
        Fault::new(RejectReason::BadField, &Path::Key(path, "url"), message)
    })?;
    let title = object.need_text("title", "the article's title")?.into_owned();
    let published_ms = object.time_ms("publishedAt")?;
    if let Some(published_ms) = published_ms {
        run.refuse_future(published_ms, &Path::Key(path, "publishedAt"))?;
    }
    let at_ms = published_ms
        .or(run.received_at_ms)
        .ok_or_else(|| object.missing("publishedAt", "a time such as 2020-07-14T19:50:24Z"))?;
    let optional =
        |key: &str| Ok(object.text(key)?.filter(|text| !text.trim().is_empty()).map(|text| text.into_owned()));
    let language = optional("lang")?.or(optional("language")?).or_else(|| language.map(str::to_owned));
    let payload =
        Article { title, publisher: publisher(&object)?, author: optional("author")?, language, url: url.clone() };
    let subject = Subject { symbol: Some(site), ..Subject::default() };
    let revision = if url.starts_with(REMOVED) { at_ms.to_string() } else { String::new() };
    run.listed(subject, at_ms, (&url, &revision), payload.into(), Context::default());
    Ok(())
}

/// `source.name`, else `source.id`.
fn publisher(article: &Object<'_, '_>) -> Result<Option<String>, Fault> {
    let path = Path::Key(article.path(), "source");
    let Some(raw) = article.get("source")? else { return Ok(None) };
    let source = Object::read(raw, &path, "an object with name")?;
    for key in ["name", "id"] {
        if let Some(name) = source.text(key)?.filter(|name| !name.trim().is_empty()) {
            return Ok(Some(name.into_owned()));
        }
    }
    Ok(None)
}

/// The host of an address, in lower case.
fn site_of(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split(['/', '?', '#', ':']).next()?;
    let is_web = matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https");
    (is_web && !host.is_empty()).then(|| host.to_ascii_lowercase())
}

/// A parameter of the request, where the origin is a request's path.
pub(crate) fn parameter<'o>(origin: &'o str, name: &str) -> Option<&'o str> {
    let (_, query) = origin.rsplit_once('?')?;
    query.split('&').find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name)).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_site_of_an_article_is_its_host() {
        assert_eq!(site_of("https://WWW.bbc.co.uk/sport?x=1").as_deref(), Some("www.bbc.co.uk"));
        assert_eq!(site_of("http://a.example:8080").as_deref(), Some("a.example"));
        assert_eq!((site_of("ftp://a"), site_of("/sport"), site_of("https:///x")), (None, None, None));
    }

    #[test]
    fn a_parameter_is_found_by_its_whole_name() {
        assert_eq!(parameter("/v2/everything?q=x&language=de", "language"), Some("de"));
        assert_eq!(parameter("/v2/everything?sublanguage=de", "language"), None);
    }
}
