//! Servers that stand in for cloud services, as `cargo xtask counterparts` fetched them.
//! CPT-3: each listens on a port of its own choice, on loopback alone, and says so before a test goes on.
//! CPT-4: it is ended, by its process id, by the test that started it; it ends by itself when that test is killed.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::folders::target_folder;

/// A Java machine that has just been unpacked takes its time.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a server has to end by itself.
const END_POLL: Duration = Duration::from_millis(20);
const END_POLLS_MAX: u32 = 100;
/// What a server prints once it takes requests, before its address.
const READY: &str = "listening on ";

/// A running server.
pub struct Counterpart {
    child: Child,
    address: String,
}

impl Counterpart {
    /// DynamoDB Local with empty memory.
    pub fn dynamodb() -> Self {
        let folder = folder("dynamodb");
        let mut java = Command::new("java");
        java.args(["-Xmx512m", "-Djava.library.path=lib", "-cp", "lib/*:classes", "Start"]);
        Self::start(java, &folder)
    }

    /// kinesalite without streams.
    pub fn kinesis() -> Self {
        let folder = folder("kinesis");
        let mut node = Command::new("node");
        node.arg("start.cjs");
        Self::start(node, &folder)
    }

    /// One Kafka broker without topics.
    pub fn kafka() -> Self {
        let folder = folder("kafka");
        let mut java = Command::new("java");
        java.args(["-Xmx512m", "-cp", "lib/*:classes", "Start"]);
        Self::start(java, &folder)
    }

    /// `http://127.0.0.1:port`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// `127.0.0.1:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    fn start(mut command: Command, folder: &Path) -> Self {
        let log = folder.join(format!("{}.log", std::process::id()));
        let errors = File::create(&log).unwrap_or_else(|error| panic!("{}: {error}", log.display()));
        let spawned = command.current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors).spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let stdout = child.stdout.take().expect("the output was asked for as a pipe");
        let (ready, readiness) = mpsc::channel();
        // Reads on to the end, so that the server never waits for a full pipe.
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(address) = line.strip_prefix(READY) {
                    let _ = ready.send(address.to_owned());
                }
            }
        });
        let mut server = Self { child, address: String::new() };
        match readiness.recv_timeout(START_TIMEOUT) {
            Ok(address) => {
                server.address = address;
                // The server goes on writing to it; once it listens, nobody reads it.
                let _ = std::fs::remove_file(&log);
            }
            Err(error) => {
                let said = std::fs::read_to_string(&log).unwrap_or_default();
                panic!("{command:?} does not listen: {error}\n{said}");
            }
        }
        server
    }
}

impl Drop for Counterpart {
    fn drop(&mut self) {
        // The end of its input asks it to end, and to clean up; it is not asked twice.
        drop(self.child.stdin.take());
        for _ in 0..END_POLLS_MAX {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(END_POLL);
        }
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn folder(name: &str) -> PathBuf {
    let folder = target_folder().join("counterparts").join(name);
    let marker = folder.join("installed-from");
    assert!(marker.is_file(), "{} is not there; run `cargo xtask counterparts`", folder.display());
    folder
}
