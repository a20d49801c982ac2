//! A state folder: log, store and ledgers in one file, raw payloads and lake beside it.
//! LOCAL-1: one process at a time; another, or an older release on a newer folder, is refused with the remedy.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use touchline_lake::{Lake, LocalObjects};
use touchline_store::{EmbeddedStore, ItemStore, PaneLayout, layout, pane_store};
use touchline_stream::EmbeddedLog;

/// Shards of the embedded log.
pub const SHARDS: u16 = 4;
/// Lanes of the embedded stream.
pub const LANES: u16 = touchline_event::DEFAULT_LANES;
/// Consumer epoch of the archive's chain.
pub const EPOCH: &str = "live-0";

const STATE_FILE: &str = "state.redb";
const LAKE_FOLDER: &str = "lake";

/// Everything kept on disk.
pub struct State {
    pub store: Arc<dyn ItemStore>,
    /// How panes lie in it.
    pub layout: PaneLayout,
    pub log: EmbeddedLog,
    pub lake: Arc<Lake>,
    pub objects: Arc<LocalObjects>,
}

impl State {
    /// Opens the folder, making it where there is none. A folder that began with another layout is refused.
    pub async fn create(folder: &Path, layout: Option<PaneLayout>) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("--state {} cannot be created", folder.display()))?;
        Self::open_files(folder, layout).await
    }

    /// Opens a folder that must be there.
    pub async fn open(folder: &Path) -> anyhow::Result<Self> {
        Self::must_hold_state(folder)?;
        Self::open_files(folder, None).await
    }

    /// The lake alone, for reading: it may be read while another process writes it.
    pub async fn open_lake(folder: &Path) -> anyhow::Result<Lake> {
        Self::must_hold_state(folder)?;
        Ok(Lake::open(&folder.join(LAKE_FOLDER)).await?)
    }

    fn must_hold_state(folder: &Path) -> anyhow::Result<()> {
        if !folder.join(STATE_FILE).is_file() {
            bail!(
                "--state {} holds no Touchline state; run `touchline demo --state {0}` first, or name another folder",
                folder.display()
            );
        }
        Ok(())
    }

    async fn open_files(folder: &Path, layout: Option<PaneLayout>) -> anyhow::Result<Self> {
        // The state file first: its lock keeps a second process away from the lake too.
        let (store, database) = EmbeddedStore::open(&folder.join(STATE_FILE))?;
        let layout = layout::agree(&store, layout).await.with_context(|| format!("--state {}", folder.display()))?;
        let store = pane_store(Arc::new(store), layout, LANES);
        let log = EmbeddedLog::open(database, SHARDS)?;
        let lake = Lake::open(&folder.join(LAKE_FOLDER)).await?;
        let objects = LocalObjects::open(&folder.join("objects"))?;
        Ok(Self { store, layout, log, lake: Arc::new(lake), objects: Arc::new(objects) })
    }
}
