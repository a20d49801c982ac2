//! A simulated match day polled through every fault: an outage, slow and broken bodies, refusals, repeated and misdated answers, and a
//! kill in the middle. What the vendors time themselves ends in the same windows as on a day without faults, and plays are
//! those of a clean replay of the recordings; the audit adds up, the breakers opened and closed, the reserve was kept.
//! `TOUCHLINE_SEED=<printed seed>` chooses the same faults again.
#![allow(clippy::disallowed_methods, reason = "waits for processes")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use touchline_tests::{output_of, seed, touchline};

/// Simulated seconds a second: at this speed an exchange takes less simulated time than a clock is misdated by.
const SPEED: u32 = 60;
/// Of the match day: the first half of a football game, the World Cup, odds before kick-off.
const FROM: &str = "2026-07-04T16:55:00Z";
const POLLED_MINUTES: u64 = 90;
/// The games are over, and so are the faults.
const EVENING: &str = "2026-07-04T20:30:00Z";
const EVENING_MINUTES: u64 = 25;
/// When the first process is killed.
const KILL_AFTER: Duration = Duration::from_secs(40);

const CONFIG: &str = r#"
[[source]]
vendor = "espn"
leagues = ["football/nfl", "soccer/fifa.world"]
requests_per_minute = 600
cadence = { idle = "5m", near = "1m", live = "30s" }

[[source]]
vendor = "the-odds-api"
key_env = "UNUSED"
pages = ["/v4/sports/soccer_usa_mls/odds?regions=us,us2,uk,eu&markets=h2h&oddsFormat=decimal"]
requests_per_minute = 600
credits = 5000
cadence = { idle = "5m", near = "5m", live = "5m" }

[[source]]
vendor = "gnews"
key_env = "UNUSED"
pages = ["/api/v4/search?q=NFL&lang=en"]
credits = 20
reserve_percent = 25
requests_per_minute = 600
cadence = { idle = "2m", near = "2m", live = "2m" }
"#;

/// Distinct plays with their times and scores: the vendor's own, whatever was polled when.
const PLAYS: &str = "select distinct game_id, event_time, play_type, home_score, away_score from silver.plays \
     where source = 'espn' and game_id = '401547505' order by 1, 2, 3, 4, 5";
/// Windows of quotes that the vendor times.
const ODDS: &str = "select game_id, market, book, outcome, point, side, window_start, quote_count, open, close, high, low \
     from gold.odds_windows where source = 'the-odds-api' order by 1, 2, 3, 4, 5, 6, 7";
/// How every game stood in the end.
const SCORES: &str = "select game_id, home_score, away_score from (select game_id, home_score, away_score, row_number() over \
     (partition by game_id order by window_start desc) as place from gold.score_windows where source = 'espn' and \
     window_ms = 60000 and home_score is not null) as w where place = 1 order by 1";

/// Ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_day_of_faults_ends_in_the_windows_of_a_day_without() {
    let seed = seed().to_string();
    let clean = polled_day(&["--seed", "1"], None);
    let disturbed = polled_day(&["--seed", &seed, "--faults", "all=0.06,outage=0.25"], Some(KILL_AFTER));

    let replayed = tempfile::tempdir().expect("a folder for the test");
    output_of(touchline().args(["demo", "--exit", "--speed", "max", "--port", "0", "--state"]).arg(replayed.path()));

    assert_same("plays of the clean day and of the replay", &csv(replayed.path(), PLAYS), &csv(clean.path(), PLAYS));
    for query in [PLAYS, ODDS, SCORES] {
        let expected = csv(clean.path(), query);
        assert!(expected.lines().count() > 3, "too few rows to compare: {query}\n{expected}");
        assert_same(query, &expected, &csv(disturbed.path(), query));
    }

    let status = status(disturbed.path());
    let phases = ["open", "half_open", "closed"];
    let is_through = |line: &&str| {
        let words: Vec<&str> = line.split([' ', ',']).filter(|word| phases.contains(word)).collect();
        words.windows(3).any(|three| three == phases)
    };
    assert!(status.lines().any(|line| is_through(&line)), "no breaker opened, half-opened and closed:\n{status}");
    let gnews = status.lines().find(|line| line.starts_with("gnews") && line.contains("credits")).expect("a budget");
    assert!(gnews.contains("5 kept for closing captures, never less than 5 left"), "{gnews}");
    assert!(!gnews.ends_with(" 0 polls refused"), "{gnews}");
}

/// A state folder after a simulated day; the poller killed once on the way and started again.
fn polled_day(simulation: &[&str], kill_after: Option<Duration>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let config = folder.path().join("touchline.toml");
    std::fs::write(&config, CONFIG).expect("a configuration");
    let (day, address) = simulator(FROM, simulation);
    if let Some(moment) = kill_after {
        let mut first =
            Running(live(&config, &address, folder.path(), POLLED_MINUTES).spawn().expect("touchline starts"));
        thread::sleep(moment);
        first.0.kill().expect("a running child can be killed");
        assert!(!first.0.wait().expect("a child can be waited for").success(), "it ended before it was killed");
    }
    let rest = POLLED_MINUTES - kill_after.map_or(0, |moment| moment.as_secs() * u64::from(SPEED) / 60);
    let began = Instant::now();
    output_of(&mut live(&config, &address, folder.path(), rest));
    println!("{rest} simulated minutes in {:.0} s", began.elapsed().as_secs_f64());
    drop(day);
    let (_evening, address) = simulator(EVENING, &[]);
    output_of(&mut live(&config, &address, folder.path(), EVENING_MINUTES));
    output_of(touchline().arg("audit").arg("--state").arg(folder.path().join("state")));
    folder
}

fn live(config: &Path, address: &str, state: &Path, minutes: u64) -> Command {
    let mut command = touchline();
    command.args(["live", "--port", "0", "--simulated", address, "--for", &format!("{minutes}m"), "--config"]);
    command.arg(config).arg("--state").arg(state.join("state"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn simulator(from: &str, more: &[&str]) -> (Running, String) {
    let mut command = touchline();
    command.args(["simulate", "--port", "0", "--as-recorded", "--from", from, "--credits", "20000", "--for", "10m"]);
    command.args(["--speed", &SPEED.to_string()]).args(more);
    let mut child = Running(
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("touchline starts"),
    );
    let stdout = child.0.stdout.take().expect("the output was asked for as a pipe");
    let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
    let address = lines.find_map(|line| line.strip_prefix("listening on ").map(str::to_owned)).expect("an address");
    // Reads on, so that the simulator never waits for a full pipe.
    thread::spawn(move || lines.for_each(drop));
    (child, address)
}

fn csv(state: &Path, query: &str) -> String {
    let state = if state.join("state").is_dir() { state.join("state") } else { state.to_owned() };
    let output = output_of(touchline().args(["sql", query, "--format", "csv", "--state"]).arg(state));
    String::from_utf8(output.stdout).expect("CSV is text")
}

fn status(state: &Path) -> String {
    let output = output_of(touchline().arg("status").arg("--state").arg(state.join("state")));
    String::from_utf8(output.stdout).expect("a status is text")
}

fn assert_same(what: &str, expected: &str, actual: &str) {
    if expected == actual {
        return;
    }
    let (expected, actual): (Vec<_>, Vec<_>) = (expected.lines().collect(), actual.lines().collect());
    let missing: Vec<_> = expected.iter().filter(|line| !actual.contains(line)).take(5).collect();
    let superfluous: Vec<_> = actual.iter().filter(|line| !expected.contains(line)).take(5).collect();
    panic!(
        "{what}: {} lines instead of {}\nmissing {missing:#?}\nsuperfluous {superfluous:#?}",
        actual.len(),
        expected.len()
    );
}
