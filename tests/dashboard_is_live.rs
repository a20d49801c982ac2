//! The dashboard in a real browser: charts fill, updates arrive without a reload, nothing leaves this machine.
//! The checks are in `browser/live.mjs`; here the demo is started and ended.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use touchline_tests::{node_script, output_of, target_folder, touchline};

/// Slow enough that updates still come while the page is looked at.
const SPEED: &str = "600";
const ADDRESS_PREFIX: &str = "listening on ";
const START_PATIENCE: Duration = Duration::from_secs(120);

/// Ends the demo however the test ends.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_dashboard_fills_and_moves_without_a_reload() {
    let state = tempfile::tempdir().expect("a folder for the test");
    let mut command = touchline();
    command.args(["demo", "--port", "0", "--speed", SPEED, "--state"]).arg(state.path());
    let mut demo = Demo(command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("touchline starts"));
    let address = address_of(&mut demo.0);
    let screenshot = target_folder().join("dashboard.png");
    let mut browser = Command::new("node");
    let output = output_of(browser.arg(node_script("live.mjs")).arg(&address).arg(&screenshot));
    println!("{}screenshot: {}", String::from_utf8_lossy(&output.stdout), screenshot.display());
}

/// The address the demo prints; its later output is read away so that it never waits for us.
fn address_of(demo: &mut Child) -> String {
    let stdout = demo.stdout.take().expect("the output was asked for as a pipe");
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if let Some((_, address)) = line.split_once(ADDRESS_PREFIX) {
                // The receiver is gone once it has an address.
                let _ = sender.send(address.trim().to_owned());
            }
        }
    });
    receiver
        .recv_timeout(START_PATIENCE)
        .unwrap_or_else(|_| panic!("the demo did not print `{ADDRESS_PREFIX}<address>` within {START_PATIENCE:?}"))
}
