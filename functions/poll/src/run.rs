//! A vendor's pages polled in their turns until a deadline: a Lambda's minute, or as long as a laptop is open.
//! PRUN-1: one request at a time goes to a vendor; a page that was refused is not asked before the time that it was told.
//! PRUN-2: heartbeats follow answers: the watermark is the receipt of the page's last good answer less the vendor's lag, so that
//! an outage holds windows open instead of closing them without their facts.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::watch;
use touchline_store::{KnownGame, pages};

use crate::heartbeat::LaneBook;
use crate::schedule::{Cadence, Moment, moment, moment_of, next_poll_ms};
use crate::turn::{PolledSource, Turn, Turned};
use crate::vendors::GAME;
use crate::{PollContext, PollError};

/// Event time between two heartbeats of a page.
const BEAT_EVERY_MS: i64 = 30_000;
/// The longest sleep, so that games learned meanwhile by others are seen.
const LOOK_AGAIN_MS: i64 = 60_000;
/// How long a page without anything due waits before it is looked at again.
const NOTHING_DUE: Duration = Duration::from_millis(200);

/// One page's place in this run.
#[derive(Default)]
struct PageRun {
    book: LaneBook,
    last_poll_at_ms: Option<i64>,
    last_beat_ms: Option<i64>,
    not_before_ms: i64,
    games: BTreeMap<String, KnownGame>,
}

/// A page that may be polled.
struct Due {
    page: String,
    at_ms: i64,
    moment: Moment,
}

/// Polls until the source's clock shows `until_ms` or `stop` turns true; `on_turn` is told of every poll.
pub async fn poll_until(
    context: &PollContext,
    source: &PolledSource,
    until_ms: i64,
    mut stop: watch::Receiver<bool>,
    on_turn: &(dyn Fn(&str, &Turn) + Send + Sync),
) -> Result<(), PollError> {
    let mut runs = known_pages(context, source).await?;
    loop {
        let now_ms = source.clock.now_ms();
        if now_ms >= until_ms || *stop.borrow() {
            return Ok(());
        }
        let next = due_pages(source, &runs, now_ms).into_iter().min_by_key(|due| due.at_ms);
        let wait = match &next {
            Some(due) if due.at_ms <= now_ms => Duration::ZERO,
            Some(due) => source.clock.our_time((due.at_ms.min(until_ms) - now_ms).min(LOOK_AGAIN_MS)),
            None => NOTHING_DUE,
        };
        if !wait.is_zero() {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = stop.wait_for(|is_stopping| *is_stopping) => {}
            }
            continue;
        }
        if let Some(due) = next {
            let run = runs.entry(due.page.clone()).or_default();
            let turn = poll_page(context, source, &due, run).await?;
            on_turn(&due.page, &turn);
        }
    }
}

/// Where earlier processes left the pages.
async fn known_pages(context: &PollContext, source: &PolledSource) -> Result<BTreeMap<String, PageRun>, PollError> {
    let mut runs = BTreeMap::new();
    for (page, state) in pages::list(&*context.store, source.name()).await? {
        let mut run = PageRun { games: state.games, last_poll_at_ms: state.last_poll_at_ms, ..PageRun::default() };
        run.book.note(state.lanes);
        runs.insert(page, run);
    }
    Ok(runs)
}

/// Every page of the plan with its time; those of games stand for each game that is on.
fn due_pages(source: &PolledSource, runs: &BTreeMap<String, PageRun>, now_ms: i64) -> Vec<Due> {
    let nothing = PageRun::default();
    let mut due = Vec::new();
    for plan in &source.plan.pages {
        if plan.path.contains(GAME) {
            let games = listed_games(&plan.path, runs);
            let on = games.filter(|(_, game)| is_on(game, &plan.cadence, now_ms));
            due.extend(on.map(|(id, game)| {
                let page = plan.path.replace(GAME, id);
                let run = runs.get(&page).unwrap_or(&nothing);
                due_page(page, run, std::iter::once(game), &plan.cadence, now_ms)
            }));
        } else {
            let run = runs.get(&plan.path).unwrap_or(&nothing);
            due.push(due_page(plan.path.clone(), run, run.games.values(), &plan.cadence, now_ms));
        }
    }
    due
}

fn due_page<'a>(
    page: String,
    run: &PageRun,
    games: impl Iterator<Item = &'a KnownGame> + Clone,
    cadence: &Cadence,
    now_ms: i64,
) -> Due {
    let at_ms = next_poll_ms(run.last_poll_at_ms, games.clone(), cadence, now_ms).max(run.not_before_ms);
    Due { page, at_ms, moment: moment(games, cadence, now_ms) }
}

/// A game worth a page of its own: one that is being played, or has just ended.
fn is_on(game: &KnownGame, cadence: &Cadence, now_ms: i64) -> bool {
    let has_ended =
        !matches!(game.status, touchline_event::GameStatus::Scheduled | touchline_event::GameStatus::Unknown);
    match moment_of(game, cadence.near_window_ms, now_ms) {
        Moment::Live => true,
        Moment::Near => has_ended,
        Moment::Idle | Moment::Closing => false,
    }
}

/// The games that the pages in the same folder list: a league's scoreboard for its summaries.
fn listed_games<'a>(
    game_page: &str,
    runs: &'a BTreeMap<String, PageRun>,
) -> impl Iterator<Item = (&'a String, &'a KnownGame)> + use<'a> {
    let own = folder(game_page).to_owned();
    let start = game_page.split(GAME).next().unwrap_or_default().to_owned();
    let listing = runs.iter().filter(move |(page, _)| folder(page) == own && !page.starts_with(&start));
    listing.flat_map(|(_, run)| &run.games)
}

/// A path without its last part and its query.
pub(crate) fn folder(page: &str) -> &str {
    let path = page.split('?').next().unwrap_or_default();
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

async fn poll_page(
    context: &PollContext,
    source: &PolledSource,
    due: &Due,
    run: &mut PageRun,
) -> Result<Turn, PollError> {
    let asked_at_ms = source.clock.now_ms();
    let Turned { turn, games } = source.turn(context, &due.page, due.moment, &mut run.book).await?;
    if let Some(games) = games {
        run.games = games;
    }
    match &turn {
        Turn::Refused { not_before_ms, .. } => run.not_before_ms = *not_before_ms,
        _ => run.last_poll_at_ms = Some(asked_at_ms),
    }
    if turn.is_success() {
        beat(context, source, run, asked_at_ms).await?;
    }
    Ok(turn)
}

/// Vouches for what a good answer showed: everything older than the vendor's lag when it was asked for.
async fn beat(
    context: &PollContext,
    source: &PolledSource,
    run: &mut PageRun,
    asked_at_ms: i64,
) -> Result<(), PollError> {
    let is_due = run.last_beat_ms.is_none_or(|last_ms| asked_at_ms - last_ms >= BEAT_EVERY_MS);
    if is_due {
        let heartbeats = run.book.heartbeats(source.name(), asked_at_ms - source.plan.vendor.lag_ms);
        context.producer.beat(context, source.name(), heartbeats).await?;
        run.last_beat_ms = Some(asked_at_ms);
    }
    Ok(())
}
