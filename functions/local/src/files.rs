//! Files as users give them: plain or gzip, told apart by their first bytes; errors name the path.

use std::fs::File;
use std::io::{BufReader, Chain, Cursor, Read};
use std::path::Path;

use anyhow::{Context as _, bail};
use flate2::read::MultiGzDecoder;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// A reader of the plain bytes.
pub fn open(path: &Path) -> anyhow::Result<Box<dyn Read + Send>> {
    let mut file = File::open(path).with_context(|| format!("{} cannot be opened; check the path", path.display()))?;
    if file.metadata()?.is_dir() {
        bail!("{} is a folder; name the files in it", path.display());
    }
    let mut magic = [0_u8; 2];
    let mut filled = 0;
    while filled < 2 {
        match file.read(&mut magic[filled..]).with_context(|| format!("reading {}", path.display()))? {
            0 => break,
            count => filled += count,
        }
    }
    let whole: Chain<Cursor<Vec<u8>>, File> = Cursor::new(magic[..filled].to_vec()).chain(file);
    if magic == GZIP_MAGIC { Ok(Box::new(MultiGzDecoder::new(BufReader::new(whole)))) } else { Ok(Box::new(whole)) }
}

/// The whole plain content, at most `limit` bytes.
pub fn read(path: &Path, limit: usize) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?
        .take(limit as u64 + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("{} cannot be read; is it damaged?", path.display()))?;
    if bytes.len() > limit {
        bail!("{} is larger than {limit} bytes unpacked", path.display());
    }
    Ok(bytes)
}
