//! A file, plain or gzip, as blocks of whole lines.
//! BLK-1: blocks are numbered in file order; a line longer than the limit is an error that names it, not a growing buffer.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// Bytes read at once.
const BLOCK_BYTES: usize = 1 << 20;
/// A line beyond this is no trade.
const MAX_LINE_BYTES: usize = 16 << 20;

/// Some whole lines.
#[derive(Default)]
pub struct Block {
    pub bytes: Vec<u8>,
    /// From 0.
    pub sequence: u64,
    /// Line number of the first line, from 1.
    pub first_line: u64,
}

/// Reads blocks in order.
pub struct BlockReader {
    path: PathBuf,
    file: Box<dyn Read + Send>,
    /// The start of a line whose end is in the next block.
    carry: Vec<u8>,
    next_sequence: u64,
    next_line: u64,
    bytes_read: u64,
    is_at_end: bool,
}

impl BlockReader {
    /// Opens a file; gzip is recognised by its first bytes.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let file = crate::files::open(path)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            carry: Vec::new(),
            next_sequence: 0,
            next_line: 1,
            bytes_read: 0,
            is_at_end: false,
        })
    }

    /// Plain bytes read so far.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// Fills `block` with the next lines; false at the end of the file.
    pub fn next(&mut self, block: &mut Block) -> anyhow::Result<bool> {
        block.bytes.clear();
        block.bytes.append(&mut self.carry);
        while !self.is_at_end {
            self.fill(&mut block.bytes)?;
            if self.is_at_end {
                break;
            }
            if let Some(end) = memchr::memrchr(b'\n', &block.bytes) {
                self.carry.extend_from_slice(&block.bytes[end + 1..]);
                block.bytes.truncate(end + 1);
                break;
            }
            if block.bytes.len() > MAX_LINE_BYTES {
                bail!(
                    "{} line {}: longer than {MAX_LINE_BYTES} bytes; is it NDJSON?",
                    self.path.display(),
                    self.next_line
                );
            }
        }
        if block.bytes.is_empty() {
            return Ok(false);
        }
        block.sequence = self.next_sequence;
        block.first_line = self.next_line;
        self.next_sequence += 1;
        self.next_line += memchr::memchr_iter(b'\n', &block.bytes).count() as u64;
        Ok(true)
    }

    fn fill(&mut self, bytes: &mut Vec<u8>) -> anyhow::Result<()> {
        let start = bytes.len();
        bytes.resize(start + BLOCK_BYTES, 0);
        let mut filled = start;
        while filled < bytes.len() {
            match self.file.read(&mut bytes[filled..]).with_context(|| format!("reading {}", self.path.display()))? {
                0 => {
                    self.is_at_end = true;
                    break;
                }
                count => filled += count,
            }
        }
        bytes.truncate(filled);
        self.bytes_read += (filled - start) as u64;
        Ok(())
    }
}
