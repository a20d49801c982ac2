//! Includes: nested objects and lists that version 3 sends bare and version 2 under `data`.
//! SM-1: a list's element that cannot be read is rejected alone.

use serde_json::value::RawValue;

use crate::raw::{Fault, Object, Path, list};
use crate::run::Run;

/// Reads each element of the included list `key`.
pub(super) fn each<'a>(
    run: &mut Run,
    object: &Object<'a, '_>,
    key: &str,
    record: &RawValue,
    mut read: impl FnMut(&'a RawValue, &Path<'_>, &mut Run) -> Result<(), Fault>,
) {
    let path = Path::Key(object.path(), key);
    let Some(raw) = run.member(object, key, record) else { return };
    let of_v2 = Path::Key(&path, "data");
    let (raw, path) = match unwrapped(raw, &path) {
        Some(inner) => (inner, &of_v2),
        None => (raw, &path),
    };
    match list(raw, path) {
        Ok(elements) => {
            for (index, raw) in elements.into_iter().enumerate() {
                let path = Path::Index(path, index);
                run.record(raw, &path, |run| read(raw, &path, run));
            }
        }
        // An include that the plan does not cover may be sent as an empty object.
        Err(_) if raw.get().trim() == "{}" => {}
        Err(fault) => run.reject(fault, raw, path),
    }
}

/// Reads the included object `key`.
pub(super) fn one<'a, T>(
    object: &Object<'a, '_>,
    key: &str,
    read: impl FnOnce(&Object<'a, '_>) -> Result<T, Fault>,
) -> Result<Option<T>, Fault> {
    let path = Path::Key(object.path(), key);
    let Some(raw) = object.get(key)? else { return Ok(None) };
    let of_v2 = Path::Key(&path, "data");
    let (raw, path) = match unwrapped(raw, &path) {
        Some(inner) => (inner, &of_v2),
        None => (raw, &path),
    };
    // An empty list is how an include without a value is sent.
    if matches!(raw.get().trim(), "[]" | "{}") {
        return Ok(None);
    }
    read(&Object::read(raw, path, "an object")?).map(Some)
}

/// Text that is there.
pub(super) fn text_of(object: &Object<'_, '_>, key: &str) -> Result<Option<String>, Fault> {
    Ok(object.text(key)?.filter(|text| !text.trim().is_empty()).map(|text| text.trim().to_owned()))
}

fn unwrapped<'a>(raw: &'a RawValue, path: &Path<'_>) -> Option<&'a RawValue> {
    let object = raw.get().starts_with('{').then(|| Object::read(raw, path, "an object").ok()).flatten()?;
    // A lone `data` member may also be a statistic's value: that is a scalar or has no `id`.
    object.get("data").ok().flatten().filter(|_| !object.has("id"))
}
