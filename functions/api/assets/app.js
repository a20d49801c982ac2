// The board: listens to the stream, fetches what changed, and takes the reader's choices.
// Vendor words reach the page through textContent and title only, so they can never become markup.
import { $, SLOW_PAUSE_MS, clock, count, fetchAll, fetchJson, fillTable, panel, press, setText, setTitle, showEmpty } from './parts.js';
import { state } from './board.js';
import { drawGames, refreshGames } from './games.js';
import { chooseEvent, drawOdds, refreshLines } from './lines.js';
import { refreshAnomalies, refreshEntities, refreshWindows } from './trades.js';

// ---- accounting ----

const refreshAccounting = panel('accounting', SLOW_PAUSE_MS, async () => {
  const found = await fetchJson('/v1/accounting');
  showEmpty($('#accounting'), found.values.length === 0);
  const isFlowing = state.health?.replay && !state.health.replay.is_finished;
  const sentence = $('#accounting-sentence');
  const surplus = found.values.some((account) => account.difference < 0);
  sentence.hidden = found.values.length === 0;
  sentence.dataset.state = found.values.length === 0 ? 'waiting' : found.adds_up ? 'good' : surplus || !isFlowing ? 'bad' : 'warn';
  sentence.dataset.addsUp = String(found.adds_up);
  setText(sentence, found.sentence.replace(/\d{4,}/g, (digits) => count(Number(digits))));
  const columns = ['offered', 'applied', 'duplicate', 'rejected', 'quarantined', 'late', 'after_seal', 'redriven'];
  fillTable($('#accounting tbody'), found.values.map((account) => [
    { text: account.source },
    ...columns.map((column) => ({ text: count(account[column]), class: `r ${account[column] === 0 ? 'faint' : ''}` })),
    account.adds_up ? { text: '✓ yes', class: 'r good' }
      : { text: account.difference > 0 ? `${count(account.difference)} ${isFlowing ? 'under way' : 'missing'}` : `${count(-account.difference)} too many`, class: `r ${account.difference > 0 && isFlowing ? 'warn' : 'bad'}`, title: 'Offered minus everything accounted for' },
  ]));
});

// ---- live proof ----

const refreshProof = panel('accounting', SLOW_PAUSE_MS, async () => {
  const lanes = await fetchAll('/v1/proof?limit=1000');
  const sum = (name) => lanes.reduce((total, lane) => total + lane[name], 0);
  const wrong = lanes.filter((lane) => !lane.audit_ok);
  const sentence = $('#proof-sentence');
  sentence.hidden = lanes.length === 0;
  sentence.dataset.state = wrong.length ? 'bad' : 'good';
  const unvouched = sum('unvouched_event_count');
  setText(sentence, wrong.length
    ? `Live proof: ${wrong.map(({ source, lane, findings }) => `${source} lane ${lane}${findings.map((finding) => `, minute ${finding.minute_at.slice(11, 16)}: ${count(finding.counted_events)} of ${count(finding.claimed_events)} events`).join('')}`).join('; ')}`
    : `Live proof: number and id sum of ${count(sum('proven_event_count'))} events on ${lanes.length} lanes are what their producers vouched for${unvouched ? `; ${count(unvouched)} wait for their producer's heartbeat` : ''}.`);
  setTitle(sentence, 'Every heartbeat says how many frames and events its producer published on a lane since the one before, and the sum of their ids');
});

// ---- vendors ----

const refreshVendors = panel('vendors', SLOW_PAUSE_MS, async () => {
  const vendors = await fetchAll('/v1/vendors?limit=1000');
  $('#vendors').hidden = vendors.length === 0;
  fillTable($('#vendors tbody'), vendors.map((page) => [
    { text: page.source },
    { text: page.page },
    { text: page.breaker.replace('_', ' '), class: { closed: 'good', open: 'bad', half_open: 'warn' }[page.breaker], title: page.breaker_until_at ? `until ${page.breaker_until_at}` : '' },
    { text: page.last_success_age_ms === null ? 'never' : `${count(Math.round(page.last_success_age_ms / 1000))} s`, class: 'r', title: page.last_success_at ?? '' },
    page.credits ? { text: `${count(page.credits.left)} of ${count(page.credits.limit)}`, class: `r ${page.credits.alarm ? 'bad' : ''}`, title: page.credits.alarm ?? `${count(page.credits.reserve)} are kept for closing captures; ${count(page.credits.refused_count)} polls were refused` } : { text: '', class: 'r' },
    { text: page.credits?.alarm ?? (page.failure_count ? page.last_failure : ''), class: 'faint', title: page.last_failure_at ?? '' },
  ]));
});

// ---- header, stream ----

const refreshHealth = panel('health', 1000, async () => {
  takeHealth(await fetchJson('/health'));
});

function takeHealth(health) {
  state.health = health;
  state.healthAt = Date.now();
  setText($('#version'), `Touchline ${health.version}`);
  setTitle($('#version'), health.sources.map((source) => `${source.source}: complete until ${source.watermark_at ?? 'no heartbeat yet'}`).join('\n'));
  drawReplay(health.replay);
}

function drawReplay(replay) {
  $('#replay').hidden = !replay;
  if (!replay) return;
  setText($('#replay-title'), replay.is_finished ? `Replay finished: ${replay.title}` : `Replaying ${replay.title}`);
  setTitle($('#replay-title'), `${replay.title}${replay.speed ? `, ${replay.speed}x real time` : ', as fast as it goes'}`);
  const at = new Date(replay.position_ms).toISOString();
  setText($('#replay-clock'), `${at.slice(0, 10)} ${clock(at)}`);
  $('#replay-progress').style.width = `${(replay.progress * 100).toFixed(1)}%`;
  $('#replay .track').setAttribute('aria-valuenow', String(Math.round(replay.progress * 100)));
}

function drawConnection() {
  const status = $('#live-status');
  status.dataset.events = String(state.events);
  status.dataset.state = state.connection;
  setText($('#live-word'), { live: 'live', connecting: 'connecting', lost: 'reconnecting' }[state.connection]);
  setText($('#live-count'), count(state.events));
}

function refreshAll() {
  refreshGames(); refreshEntities(); refreshLines(); refreshWindows(); refreshAnomalies(); refreshAccounting(); refreshProof(); refreshVendors(); refreshHealth();
}

function onPane({ family, entity }) {
  if (family === 'scores') refreshGames();
  if (family === 'odds') {
    if (!state.known.odds.has(entity)) refreshEntities();
    if (entity.split('|')[0] === state.event) refreshLines();
    if (entity.endsWith('|h2h')) refreshGames();
  }
  if (family === 'trades') {
    if (!state.known.trades.has(entity)) refreshEntities();
    if (entity === state.symbol) refreshWindows();
  }
  refreshAccounting();
}

function listen() {
  const stream = new EventSource('/v1/live');
  const on = (name, take) => stream.addEventListener(name, (event) => {
    state.events += 1;
    state.connection = 'live';
    take(JSON.parse(event.data));
  });
  on('hello', () => {});
  on('reset', refreshAll);
  on('pane', onPane);
  on('anomaly', () => { refreshAnomalies(); refreshWindows(); refreshAccounting(); });
  on('accounting', () => { refreshAccounting(); refreshProof(); refreshVendors(); });
  on('heartbeat', ({ replay }) => drawReplay(replay));
  stream.onopen = () => { state.connection = 'live'; };
  stream.onerror = () => {
    state.connection = 'lost';
    // A browser gives up for good after an answer that is no stream; we do not.
    if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
  };
}

// ---- choices ----

$('#games-filter').addEventListener('click', ({ target }) => {
  if (!target.dataset.filter) return;
  state.filter = target.dataset.filter;
  press($('#games-filter'), 'filter', state.filter);
  drawGames();
});
$('#games-more').addEventListener('click', () => { state.showAll = !state.showAll; drawGames(); });
$('#line-event').addEventListener('change', ({ target }) => chooseEvent(target.value, false));
$('#line-market').addEventListener('change', ({ target }) => { Object.assign(state, { market: target.value, point: null, outcome: undefined }); drawOdds(); });
$('#line-point').addEventListener('change', ({ target }) => { state.point = target.value; drawOdds(); });
$('#line-scale').addEventListener('click', ({ target }) => {
  if (!target.dataset.scale) return;
  state.scale = target.dataset.scale;
  press($('#line-scale'), 'scale', state.scale);
  drawOdds();
});
$('#trade-symbol').addEventListener('change', ({ target }) => { state.symbol = target.value; refreshWindows(); });
$('#trade-size').addEventListener('change', ({ target }) => { state.size = target.value; refreshWindows(); });

// Ages go on without a fetch; the clock of a replay is asked for once a second while it runs.
setInterval(() => {
  drawConnection();
}, 250);
setInterval(() => {
  if (state.games.length) drawGames();
  if (!state.health || (state.health.replay && !state.health.replay.is_finished) || Date.now() - state.healthAt > 10_000) refreshHealth();
}, 1000);

listen();
refreshAll();
