//! API and page on this machine, over the state of the process that serves them. Bound to the loopback address only.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::Context as _;
use futures::FutureExt as _;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use touchline_api::{ApiContext, LiveHub, ReplayStatus};
use touchline_runtime::Clock;
use touchline_window::WindowPolicy;

use crate::audit;
use crate::state::State;

/// Changes that a reader of the live feed may be behind.
pub const LIVE_CHANGES: usize = 4096;

/// Where a replay stands, for the page; `None` where nothing is replayed.
pub type ReplayClock = Arc<RwLock<Option<ReplayStatus>>>;

/// A running server, ended by [`Server::close`].
pub struct Server {
    task: JoinHandle<std::io::Result<()>>,
    live: LiveHub,
}

impl Server {
    /// Serves on `port`, or on a free one where it is 0, and says where.
    pub async fn start(
        state: &Arc<State>,
        live: LiveHub,
        replay: ReplayClock,
        clock: Clock,
        port: u16,
    ) -> anyhow::Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listener = TcpListener::bind(address).await.with_context(|| {
            format!("port {port} on 127.0.0.1 is taken; choose another with --port, or 0 for a free one")
        })?;
        println!("listening on http://{}", listener.local_addr()?);
        let router = touchline_api::router(api_context(state, live.clone(), replay, clock));
        Ok(Self { task: tokio::spawn(axum::serve(listener, router).into_future()), live })
    }

    /// Ends every live feed and the server.
    pub fn close(self) {
        self.live.close();
        self.task.abort();
    }
}

fn api_context(state: &Arc<State>, live: LiveHub, replay: ReplayClock, clock: Clock) -> ApiContext {
    let accounted = state.clone();
    let accounting: touchline_api::AccountingSource = Arc::new(move || {
        let state = accounted.clone();
        async move { audit::quick(&state).await }.boxed()
    });
    let replayed = replay.clone();
    // During a replay or a simulation, "now" is theirs: ages on the page are those of the match day.
    let now = Arc::new(move || {
        let position =
            replayed.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(|status| status.position_ms);
        position.unwrap_or_else(|| clock.now_ms())
    });
    ApiContext::new(state.store.clone(), live, accounting, WindowPolicy::DEFAULT.pane_ms, now, replay)
}
