//! Diagnostics on standard error, by `TOUCHLINE_LOG` (`warn` unless set); answers go to standard output and are none of its business.

use tracing_subscriber::EnvFilter;

/// Starts the log of this process; a second start changes nothing.
pub fn init_log() {
    let filter = EnvFilter::builder()
        .with_env_var("TOUCHLINE_LOG")
        .with_default_directive(tracing_subscriber::filter::LevelFilter::WARN.into());
    // An error means that a log is there already.
    let _ = tracing_subscriber::fmt().with_env_filter(filter.from_env_lossy()).with_writer(std::io::stderr).try_init();
}
