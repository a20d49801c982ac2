//! The object store port, and its local folder. Objects are put once and never changed.
//! OBJ-1: a key names one object inside the store; no key leads out of it.
//! OBJ-2: an object is there whole or not at all, also after a crash; a put that was acknowledged survives power loss.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use uuid::Uuid;

use crate::error::{Context, LakeError};

const KEY_BYTES_MAX: usize = 1024;
/// Most file systems end at 255 bytes for one name.
const PART_BYTES_MAX: usize = 200;

/// Objects by key. Implementations: local folder, memory, S3.
#[async_trait]
pub trait ObjectStore: Send + Sync {
    /// True: stored. False: the key was taken already, and nothing changed.
    async fn put_if_absent(&self, key: &str, bytes: Vec<u8>) -> Result<bool, LakeError>;

    /// The object, if there is one.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, LakeError>;

    /// The keys that begin with `prefix`, in order.
    async fn list(&self, prefix: &str) -> Result<Vec<String>, LakeError>;
}

/// Refuses what could lead out of the store or is not portable between stores.
pub(crate) fn check_key(key: &str) -> Result<(), LakeError> {
    let bad = |reason| Err(LakeError::Key { key: key.to_owned(), reason });
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        return bad("give 1 to 1024 bytes");
    }
    for part in key.split('/') {
        if part.is_empty() || part.len() > PART_BYTES_MAX {
            return bad("give parts of 1 to 200 bytes between slashes, none in front");
        }
        if part.starts_with('.') {
            return bad("parts must not begin with a dot");
        }
        if !part.bytes().all(is_key_byte) {
            return bad("use letters, digits, dot, underscore, hyphen and equals sign");
        }
    }
    Ok(())
}

pub(crate) fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-=".contains(&byte)
}

/// Objects as files of a folder.
#[derive(Debug, Clone)]
pub struct LocalObjects {
    root: PathBuf,
}

impl LocalObjects {
    /// The store in `root`, which is made where absent.
    pub fn open(root: &Path) -> Result<Self, LakeError> {
        fs::create_dir_all(root).context("make folder", root.display())?;
        let root = root.canonicalize().context("resolve folder", root.display())?;
        Ok(Self { root })
    }
}

#[async_trait]
impl ObjectStore for LocalObjects {
    async fn put_if_absent(&self, key: &str, bytes: Vec<u8>) -> Result<bool, LakeError> {
        check_key(key)?;
        let path = self.root.join(key);
        let root = self.root.clone();
        blocking(key, move || put_file(&root, &path, &bytes)).await.context("put object", key)
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, LakeError> {
        check_key(key)?;
        let path = self.root.join(key);
        let read = blocking(key, move || fs::read(path)).await;
        match read {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            other => other.map(Some).context("get object", key),
        }
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, LakeError> {
        let root = self.root.clone();
        let mut keys = blocking(prefix, move || {
            let mut keys = Vec::new();
            list_files(&root, "", &mut keys).map(|()| keys)
        })
        .await
        .context("list objects", prefix)?;
        keys.retain(|key| key.starts_with(prefix));
        keys.sort();
        Ok(keys)
    }
}

async fn blocking<T: Send + 'static>(
    key: &str,
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> std::io::Result<T> {
    let cancelled = || std::io::Error::other(format!("work on {key} was cancelled"));
    tokio::task::spawn_blocking(work).await.map_err(|_| cancelled())?
}

/// A temporary file takes its name by a hard link, which unlike a rename does not replace what is there.
fn put_file(root: &Path, path: &Path, bytes: &[u8]) -> std::io::Result<bool> {
    if path.exists() {
        return Ok(false);
    }
    let folder = path.parent().ok_or_else(|| std::io::Error::other("key has no folder"))?;
    let is_new_folder = !folder.exists();
    fs::create_dir_all(folder)?;
    let temporary = folder.join(format!(".put-{}", Uuid::new_v4().simple()));
    let outcome = write_synced(&temporary, bytes).and_then(|()| match fs::hard_link(&temporary, path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    });
    fs::remove_file(&temporary)?;
    // The name is durable only when its folder is, and a new folder's name only when its parent is.
    let parents = if is_new_folder { usize::MAX } else { 1 };
    for folder in path.ancestors().skip(1).take(parents).take_while(|folder| folder.starts_with(root)) {
        File::open(folder)?.sync_all()?;
    }
    outcome
}

fn write_synced(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn list_files(folder: &Path, prefix: &str, keys: &mut Vec<String>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // Temporary files of a crash begin with a dot, which no key does.
        if name.starts_with('.') {
            continue;
        }
        let key = format!("{prefix}{name}");
        if entry.file_type()?.is_dir() {
            list_files(&entry.path(), &format!("{key}/"), keys)?;
        } else {
            keys.push(key);
        }
    }
    Ok(())
}

/// Objects in memory, for tests and bounded jobs.
#[derive(Debug, Clone, Default)]
pub struct MemoryObjects {
    objects: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
}

#[async_trait]
impl ObjectStore for MemoryObjects {
    async fn put_if_absent(&self, key: &str, bytes: Vec<u8>) -> Result<bool, LakeError> {
        check_key(key)?;
        let mut objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        if objects.contains_key(key) {
            return Ok(false);
        }
        objects.insert(key.to_owned(), bytes);
        Ok(true)
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, LakeError> {
        check_key(key)?;
        Ok(self.objects.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned())
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, LakeError> {
        let objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(objects.keys().filter(|key| key.starts_with(prefix)).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn behaves(store: &dyn ObjectStore) {
        assert!(store.put_if_absent("raw/espn/1.zst", b"one".to_vec()).await.unwrap());
        assert!(!store.put_if_absent("raw/espn/1.zst", b"two".to_vec()).await.unwrap());
        assert!(store.put_if_absent("raw/espn-b/1.zst", b"b".to_vec()).await.unwrap());
        assert_eq!(store.get("raw/espn/1.zst").await.unwrap().unwrap(), b"one");
        assert_eq!(store.get("raw/espn/2.zst").await.unwrap(), None);
        assert_eq!(store.list("raw/espn").await.unwrap(), ["raw/espn-b/1.zst", "raw/espn/1.zst"]);
        assert_eq!(store.list("raw/espn/").await.unwrap(), ["raw/espn/1.zst"]);
        assert!(store.list("nothing").await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn both_stores_keep_the_first_object_of_a_key() {
        behaves(&MemoryObjects::default()).await;
        let folder = tempfile::tempdir().unwrap();
        behaves(&LocalObjects::open(folder.path()).unwrap()).await;
    }

    #[tokio::test]
    async fn no_key_leads_out_of_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalObjects::open(&folder.path().join("store")).unwrap();
        for key in ["", "/etc/passwd", "../x", "a/../x", "a//b", "a/", "a\\b", "a/.hidden", "a b", "ü", "a\0b"] {
            assert!(store.put_if_absent(key, b"x".to_vec()).await.is_err(), "{key:?}");
            assert!(store.get(key).await.is_err(), "{key:?}");
        }
        assert!(!folder.path().join("x").exists());
    }

    #[tokio::test]
    async fn of_concurrent_puts_one_wins_and_no_temporary_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalObjects::open(folder.path()).unwrap();
        let puts = (0..16_u8).map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.put_if_absent("raw/one", vec![n; 1000]).await.unwrap() })
        });
        let won: Vec<bool> = futures::future::join_all(puts).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(won.iter().filter(|won| **won).count(), 1);
        let winner = won.iter().position(|won| *won).unwrap() as u8;
        assert_eq!(store.get("raw/one").await.unwrap().unwrap(), vec![winner; 1000]);
        assert_eq!(fs::read_dir(folder.path().join("raw")).unwrap().count(), 1);
    }
}
