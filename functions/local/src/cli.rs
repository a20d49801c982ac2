//! The command line: what can be asked, with examples; errors name file, field and remedy and end with a non-zero code.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use touchline_simulate::FaultRates;
use touchline_store::PaneLayout;

use crate::cost::NamedLoad;
use crate::rebuild::PaneName;
use crate::replay::Speed;
use crate::windows::TradeFormat;

/// Where state is kept unless `--state` says otherwise.
const DEFAULT_STATE: &str = "state";
const DEFAULT_PORT: u16 = 7071;
const DEFAULT_SIMULATE_PORT: u16 = 7072;
/// A match day in about five minutes.
const DEFAULT_DEMO_SPEED: &str = "120";

#[derive(Parser)]
#[command(
    name = "touchline",
    version,
    about = "Real-time sports, odds and market metrics, each event counted exactly once.",
    after_help = "\
Examples:
  touchline                                     replay the bundled recordings, open http://127.0.0.1:7071
  touchline demo --exit --speed max             the same as fast as it goes, then a summary
  touchline sql \"select * from gold.anomalies order by severity desc limit 10\"
  touchline audit                               does every event add up?"
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Replay the bundled recordings through the deployed handlers, with API and dashboard (the default).
    #[command(
        after_help = "Examples:\n  touchline demo\n  touchline demo --state /tmp/demo --speed max --exit\n  touchline demo --port 8080 --speed 600"
    )]
    Demo(DemoArgs),
    /// Turn vendor files into canonical events, NDJSON on standard output.
    #[command(
        after_help = "Examples:\n  touchline normalize --source espn scoreboard.json\n  touchline normalize --source betfair stream.jsonl.gz --rejects rejects.ndjson | head"
    )]
    Normalize(NormalizeArgs),
    /// Send vendor files through the whole road into a state folder.
    #[command(
        after_help = "Examples:\n  touchline replay --source finnhub trades.ndjson.gz --state state\n  touchline replay --source betfair 1.2008.jsonl --speed 60 --port 8080"
    )]
    Replay(ReplayArgs),
    /// Poll vendors, politely and within a budget, with API and dashboard.
    #[command(
        after_help = "Without --sport and --config, touchline.toml of this folder is read; touchline.example.toml says what can be in it.\nKeys are environment variables that the configuration names. Ctrl-C ends it; started again on the same folder, it goes on.\n\nExamples:\n  touchline live --sport nfl\n  THE_ODDS_API_KEY=... touchline live --config touchline.toml --state state\n  touchline live --config touchline.toml --simulated http://127.0.0.1:7072 --for 4h"
    )]
    Live(LiveArgs),
    /// Play the recordings as the vendors' own endpoints, on this machine.
    #[command(
        after_help = "Any key is taken, except wrong-key. docs/simulate.md has a table of vendors, endpoints and faults.\n\nExamples:\n  touchline simulate --list\n  touchline simulate\n  curl 'http://127.0.0.1:7072/espn/apis/site/v2/sports/soccer/fifa.world/scoreboard'\n  touchline simulate --faults all=0.02,slow=0.2 --seed 7 --speed 10\n  touchline simulate --from 2026-07-04T19:30:00Z --as-recorded --for 10m --port 0"
    )]
    Simulate(SimulateArgs),
    /// Listen to a vendor's trades over its WebSocket, one bounded session into a state folder.
    #[command(
        after_help = "Keys stand one a line in the file, so that none is on the command line; sessions use them in turn.\n\nExamples:\n  touchline listen --symbols AAPL,MSFT,BINANCE:BTCUSDT --keys finnhub.keys --for 14m\n  touchline listen --address ws://127.0.0.1:7072/finnhub --symbols AIG,BAC,SPY --for 2m --port 8080"
    )]
    Listen(ListenArgs),
    /// Compute windows over a file of trades, without a state folder.
    #[command(
        after_help = "Examples:\n  touchline windows --input trades.ndjson --source trades-ndjson --window 1m --output bars.ndjson\n  touchline windows --input ws.jsonl.gz --source finnhub --window 5m --slide 1m --lateness 10s --drop-duplicates --output bars.parquet"
    )]
    Windows(WindowsArgs),
    /// Query the lake: schemas bronze, silver and gold.
    #[command(
        after_help = "Examples:\n  touchline sql \"select symbol, count(*) from gold.fct_trades group by 1\"\n  touchline sql \"select * from bronze.quarantine\" --format json"
    )]
    Sql(SqlArgs),
    /// Build the gold marts and run their tests.
    #[command(
        after_help = "Examples:\n  touchline transform\n  touchline transform --select fct_trades+ --select tag:odds"
    )]
    Transform(TransformArgs),
    /// Try again what sits in quarantine or in the late ledgers, under the same event ids.
    #[command(
        after_help = "An entry is judged first: what would be refused again stays where it is. Running it twice changes nothing.\n\nExamples:\n  touchline redrive --dry-run\n  touchline redrive --source finnhub --reason bad_field\n  touchline redrive --reason future_time --state state"
    )]
    Redrive(RedriveArgs),
    /// Compute panes anew from the lake: after-seal events, or a pane that was lost or damaged.
    #[command(
        after_help = "The same events give no new revision: running it twice changes nothing.\n\nExamples:\n  touchline rebuild --pane trades/finnhub:AAPL/2026-11-20T19:30:00Z\n  touchline rebuild --pane 'odds/espn:401547505|h2h' --from 2026-11-20T19:00:00Z --to 2026-11-20T20:00:00Z\n  touchline rebuild --after-seal"
    )]
    Rebuild(RebuildArgs),
    /// Check that offered = applied + duplicate + rejected + quarantined + late + after-seal, per source.
    Audit(StateArgs),
    /// What a state folder holds and how far its consumers are.
    Status(StateArgs),
    /// What a load costs on AWS, with the arithmetic.
    #[command(
        after_help = "Examples:\n  touchline cost\n  touchline cost --load season\n  touchline cost --events-per-second 5000 --hours 3 --entities 800\n  touchline cost --prices my-prices.toml"
    )]
    Cost(CostArgs),
}

#[derive(Args)]
pub struct StateArgs {
    /// Folder with log, store and lake.
    #[arg(long, default_value = DEFAULT_STATE)]
    pub state: PathBuf,
}

#[derive(Args)]
pub struct DemoArgs {
    #[command(flatten)]
    pub state: StateArgs,
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = DEFAULT_PORT)]
    pub port: u16,
    /// Replayed seconds per second, or max.
    #[arg(long, default_value = DEFAULT_DEMO_SPEED)]
    pub speed: Speed,
    /// Stop when the recordings end and print a summary.
    #[arg(long)]
    pub exit: bool,
    /// How panes lie in a new state folder: pane (an item each) or lane (one item for a lane's open panes).
    #[arg(long, value_name = "LAYOUT")]
    pub pane_layout: Option<PaneLayout>,
}

#[derive(Args)]
pub struct NormalizeArgs {
    /// Vendor and format of the files.
    #[arg(long)]
    pub source: String,
    /// Files, plain or gzip.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Where rejects go as NDJSON; standard error unless given.
    #[arg(long)]
    pub rejects: Option<PathBuf>,
}

#[derive(Args)]
pub struct ReplayArgs {
    /// Vendor and format of the files.
    #[arg(long)]
    pub source: String,
    /// Files, plain or gzip.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub state: StateArgs,
    /// Replayed seconds per second, or max.
    #[arg(long, default_value = "max")]
    pub speed: Speed,
    /// Serve API and page on this port of 127.0.0.1 meanwhile; 0 chooses a free one.
    #[arg(long)]
    pub port: Option<u16>,
    /// How panes lie in a new state folder: pane (an item each) or lane (one item for a lane's open panes).
    #[arg(long, value_name = "LAYOUT")]
    pub pane_layout: Option<PaneLayout>,
}

#[derive(Args)]
pub struct LiveArgs {
    /// What to poll; touchline.toml unless given.
    #[arg(long, conflicts_with = "sport")]
    pub config: Option<PathBuf>,
    /// ESPN's scoreboard and play by play of nfl, nba, nhl, mlb, premier-league, ...; needs no key.
    #[arg(long)]
    pub sport: Option<String>,
    /// Ask the simulator at this address in place of every vendor, and take its clock.
    #[arg(long, value_name = "ADDRESS")]
    pub simulated: Option<String>,
    #[command(flatten)]
    pub state: StateArgs,
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = DEFAULT_PORT)]
    pub port: u16,
    /// End after this time (of the simulator's clock, where there is one); until Ctrl-C unless given.
    #[arg(long, value_parser = humantime::parse_duration, value_name = "TIME")]
    pub r#for: Option<Duration>,
    /// How panes lie in a new state folder: pane (an item each) or lane (one item for a lane's open panes).
    #[arg(long, value_name = "LAYOUT")]
    pub pane_layout: Option<PaneLayout>,
}

#[derive(Args)]
pub struct RedriveArgs {
    #[command(flatten)]
    pub state: StateArgs,
    /// Vendors, or unknown for records that could not be read; all unless given.
    #[arg(long)]
    pub source: Vec<String>,
    /// Entries of this reason only: a word of bronze.quarantine, late or after_seal.
    #[arg(long)]
    pub reason: Option<String>,
    /// Judge and count, publish and mark nothing.
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Args)]
pub struct RebuildArgs {
    #[command(flatten)]
    pub state: StateArgs,
    /// FAMILY/ENTITY/START of one pane, or FAMILY/ENTITY with --from and --to.
    #[arg(long, required_unless_present = "after_seal")]
    pub pane: Vec<PaneName>,
    /// Panes that start here or later, RFC 3339.
    #[arg(long, requires = "to", value_parser = instant)]
    pub from: Option<i64>,
    /// Panes that start before.
    #[arg(long, requires = "from", value_parser = instant)]
    pub to: Option<i64>,
    /// Every pane that has entries in the after-seal ledger.
    #[arg(long)]
    pub after_seal: bool,
}

fn instant(text: &str) -> Result<i64, String> {
    touchline_event::parse_utc_ms(text).ok_or_else(|| format!("{text} is no UTC time such as 2026-11-20T19:30:00Z"))
}

#[derive(Args)]
pub struct ListenArgs {
    /// The vendor's address without its key.
    #[arg(long, default_value = "wss://ws.finnhub.io")]
    pub address: String,
    /// Symbols as the vendor writes them, between commas.
    #[arg(long, required = true, value_delimiter = ',')]
    pub symbols: Vec<String>,
    /// File with the vendor's keys, one a line; a simulator on this machine takes any.
    #[arg(long)]
    pub keys: Option<PathBuf>,
    /// How long to listen; under fifteen minutes.
    #[arg(long = "for", default_value = "14m", value_parser = humantime::parse_duration)]
    pub length: Duration,
    #[command(flatten)]
    pub state: StateArgs,
    /// Serve API and page on this port of 127.0.0.1 meanwhile; 0 chooses a free one.
    #[arg(long)]
    pub port: Option<u16>,
}

#[derive(Args)]
pub struct SimulateArgs {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = DEFAULT_SIMULATE_PORT)]
    pub port: u16,
    /// Simulated seconds per second.
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    pub speed: f64,
    /// Where on the match day, 4 July 2026, the clock begins, RFC 3339; 16:45 unless given.
    #[arg(long, value_parser = instant)]
    pub from: Option<i64>,
    /// Tell the match day's own times; unless given, they are moved so that it begins now.
    #[arg(long)]
    pub as_recorded: bool,
    /// What goes wrong and how often: outage, slow, truncate, html, 429, duplicate, clock-skew, all; each =RATE, 0.05 unless given.
    #[arg(long)]
    pub faults: Option<FaultRates>,
    /// Decides the faults; drawn and printed unless given.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Credits of The Odds API that a key has.
    #[arg(long, default_value_t = 500)]
    pub credits: u64,
    /// End after this long, such as 90s; unless given, with Ctrl-C.
    #[arg(long = "for", value_parser = humantime::parse_duration)]
    pub length: Option<Duration>,
    /// Print what is played under which address, and end.
    #[arg(long)]
    pub list: bool,
}

fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse().ok().filter(|speed: &f64| speed.is_finite() && *speed > 0.0);
    speed.ok_or_else(|| format!("{text} is no speed; give a number above 0, such as 10"))
}

#[derive(Args)]
pub struct WindowsArgs {
    /// File of trades, plain or gzip.
    #[arg(long)]
    pub input: PathBuf,
    /// What is in it.
    #[arg(long)]
    pub source: TradeFormat,
    /// Length of a window, such as 1m or 90s.
    #[arg(long, default_value = "1m", value_parser = humantime::parse_duration)]
    pub window: Duration,
    /// Distance of window starts; the length unless given.
    #[arg(long, value_parser = humantime::parse_duration)]
    pub slide: Option<Duration>,
    /// How long a window waits for late trades, in event time.
    #[arg(long, default_value = "10s", value_parser = humantime::parse_duration)]
    pub lateness: Duration,
    /// Identical lines are retransmissions: count them once.
    #[arg(long)]
    pub drop_duplicates: bool,
    /// Result, .ndjson or .parquet.
    #[arg(long)]
    pub output: PathBuf,
}

#[derive(Args)]
pub struct SqlArgs {
    /// One query.
    pub query: String,
    #[command(flatten)]
    pub state: StateArgs,
    /// table, json or csv.
    #[arg(long, default_value = "table")]
    pub format: touchline_warehouse::Format,
}

#[derive(Args)]
pub struct TransformArgs {
    #[command(flatten)]
    pub state: StateArgs,
    /// Models: name, +name, name+, tag:name. All unless given.
    #[arg(long)]
    pub select: Vec<String>,
}

#[derive(Args)]
pub struct CostArgs {
    /// The load to start from.
    #[arg(long, default_value = "match-day")]
    pub load: NamedLoad,
    /// Events a second while there is traffic.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub events_per_second: Option<u64>,
    /// Hours with traffic.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub hours: Option<u64>,
    /// Calendar days that standing things are paid for; as many as the hours need unless given.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub days: Option<u64>,
    /// Games, markets and symbols with events at the same time.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub entities: Option<u64>,
    /// How panes lie in items, pane or lane.
    #[arg(long, default_value = PaneLayout::Pane.as_str(), value_name = "LAYOUT")]
    pub pane_layout: PaneLayout,
    /// Price file in place of the bundled one.
    #[arg(long)]
    pub prices: Option<PathBuf>,
    /// The page docs/cost.md: every named load.
    #[arg(long)]
    pub markdown: bool,
}

/// Runs what the arguments ask for.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        None => Cli::try_parse_from(["touchline", "demo"]).map_err(Into::into).and_then(|cli| dispatch(cli.command)),
        command => dispatch(command),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("touchline: {error:#}");
        ExitCode::from(2)
    })
}

fn dispatch(command: Option<Command>) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match command {
        None => Ok(ExitCode::SUCCESS),
        Some(Command::Demo(args)) => runtime.block_on(crate::demo::run(&args)),
        Some(Command::Normalize(args)) => crate::normalize::run(&args),
        Some(Command::Replay(args)) => runtime.block_on(crate::replay::run(&args)),
        Some(Command::Listen(args)) => runtime.block_on(crate::listen::run(&args)),
        Some(Command::Live(args)) => runtime.block_on(crate::live::run(&args)),
        Some(Command::Simulate(args)) => runtime.block_on(crate::simulate::run(&args)),
        Some(Command::Windows(args)) => crate::windows_command::run(&args),
        Some(Command::Sql(args)) => runtime.block_on(crate::query::sql(&args)),
        Some(Command::Transform(args)) => runtime.block_on(crate::query::transform(&args)),
        Some(Command::Redrive(args)) => runtime.block_on(crate::redrive::run(&args)),
        Some(Command::Rebuild(args)) => runtime.block_on(crate::rebuild::run(&args)),
        Some(Command::Audit(args)) => runtime.block_on(crate::audit::run(&args)),
        Some(Command::Status(args)) => runtime.block_on(crate::status::run(&args)),
        Some(Command::Cost(args)) => crate::cost::run(&args),
    }
}
