//! Progress bars on standard error, only where that is a terminal.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

fn bar(total: u64, template: &str) -> ProgressBar {
    let target =
        if std::io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(total), target);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// Bytes of a file.
pub fn bytes(total: u64, what: &str) -> ProgressBar {
    bar(total, "{msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec} {eta}").with_message(what.to_owned())
}

/// Steps of a known number.
pub fn steps(total: u64, what: &str) -> ProgressBar {
    bar(total, "{msg} [{bar:30}] {pos}/{len} {eta}").with_message(what.to_owned())
}
