// Line path: who moved when, and what the prices mean now without margin.
import { $, PANEL_PAUSE_MS, count, element, fetchJson, fillSelect, fillTable, odds, panel, percent, press, setText, showEmpty } from './parts.js';
import { age, nowMs, state } from './board.js';
import { colourOf, drawLines } from './charts.js';

function eventLabel(event) {
  const game = state.games.find((game) => game.entity === event) ?? state.games.find((game) => game.odds_events.includes(event));
  const source = event.split(':')[0];
  return game?.home.name ? `${game.away.name} at ${game.home.name} · ${source}` : event;
}

export function drawEventChoice() {
  const events = [...new Set([...state.known.odds].map((entity) => entity.split('|')[0]))];
  // Live games with the most markets first: that is where something moves.
  const rank = (event) => {
    const game = state.games.find((game) => game.odds_events.includes(event));
    return (game?.is_live ? 0 : 2) + (game ? 0 : 1);
  };
  const markets = (event) => [...state.known.odds].filter((entity) => entity.startsWith(`${event}|`)).length;
  events.sort((a, b) => rank(a) - rank(b) || markets(b) - markets(a) || (eventLabel(a) < eventLabel(b) ? -1 : 1));
  showEmpty($('#line-path'), events.length === 0);
  if (events.length === 0) return;
  if (!state.event) chooseEvent(events[0], false);
  fillSelect($('#line-event'), events.map((event) => ({ value: event, text: eventLabel(event) })), state.event);
}

export function chooseEvent(event, scroll) {
  Object.assign(state, { event, market: null, point: null, outcome: undefined, odds: null });
  $('#line-event').value = event;
  refreshLines();
  if (scroll) $('#line-path').scrollIntoView({ behavior: 'smooth', block: 'start' });
}

export const refreshLines = panel('line-path', PANEL_PAUSE_MS, async () => {
  const asked = state.event;
  if (!asked) return;
  const found = await fetchJson(`/v1/odds/${encodeURIComponent(asked)}`);
  if (asked !== state.event || !found) return;
  state.odds = found;
  drawOdds();
});

export function drawOdds() {
  const found = state.odds;
  if (!found) return;
  const order = ['h2h', 'spreads', 'totals'];
  const place = (name) => (order.includes(name) ? order.indexOf(name) : order.length);
  const markets = found.markets.filter((market) => market.points.length > 0).sort((a, b) => place(a.market) - place(b.market));
  const market = markets.find((market) => market.market === state.market) ?? markets[0];
  if (!market) return;
  state.market = market.market;
  fillSelect($('#line-market'), markets.map(({ market }) => ({ value: market, text: market })), state.market);
  const point = market.points.find((view) => (view.point ?? '') === state.point) ?? market.points[0];
  const pointSelect = $('#line-point');
  pointSelect.hidden = market.points.length < 2;
  fillSelect(pointSelect, market.points.map((view) => ({ value: view.point ?? '', text: `${view.point ?? 'no point'} (${view.books.length} ${view.books.length === 1 ? 'book' : 'books'})` })), point.point ?? '');

  const lines = point.books.flatMap((book) => book.quotes.map((quote) => ({ book: book.book, ...quote })));
  const outcomes = [...new Set(lines.map((line) => line.outcome))];
  const backBooks = new Set(lines.map((line) => line.book)).size;
  // With many books all outcomes at once is a thicket; the first outcome of a two-way market says it all.
  if (state.outcome === undefined || (state.outcome !== null && !outcomes.includes(state.outcome))) {
    state.outcome = backBooks * outcomes.length > 6 ? outcomes[outcomes.length - 1] : null;
  }
  drawOutcomeChips(outcomes);
  drawLines($('#line-chart'), lines, { scale: state.scale, outcome: state.outcome, key: [state.event, state.market, point.point, state.scale].join(), until: state.health && new Date(nowMs()).toISOString() });
  drawLineTables(market, point, outcomes, lines);
}

function drawOutcomeChips(outcomes) {
  const holder = $('#line-outcomes');
  const wanted = ['', ...outcomes];
  if (holder.dataset.outcomes !== JSON.stringify(wanted)) {
    holder.dataset.outcomes = JSON.stringify(wanted);
    holder.replaceChildren(...wanted.map((outcome) => {
      const button = element('button', '', outcome || 'All outcomes');
      button.dataset.outcome = outcome;
      button.addEventListener('click', () => { state.outcome = outcome || null; drawOdds(); });
      return button;
    }));
  }
  press(holder, 'outcome', state.outcome ?? '');
}

function drawLineTables(market, point, outcomes, lines) {
  const status = market.status ? `Market ${market.status.status}${market.status.is_in_play ? ', in play' : ''}. ` : '';
  const arbitrage = point.best_overround !== null && point.best_overround < 0 ? ` Best prices together leave ${percent(-point.best_overround, 2)} to the bettor.` : '';
  setText($('#line-note'), `${status}${point.books.length} ${point.books.length === 1 ? 'book' : 'books'}${point.point ? ` at ${point.point}` : ''}; newest data ${age(market.as_of)} old.${arbitrage}`);
  const isTraded = market.traded.length > 0;
  for (const cell of document.querySelectorAll('#line-outcome-table .traded')) cell.hidden = !isTraded;
  fillTable($('#line-outcome-table tbody'), outcomes.map((outcome) => {
    const best = point.best.find((best) => best.outcome === outcome);
    const fair = point.consensus.find((fair) => fair.outcome === outcome);
    const traded = market.traded.find((traded) => traded.outcome === outcome);
    const sign = lines.find((line) => line.outcome === outcome)?.point;
    const row = [
      { text: sign ? `${outcome} ${sign}` : outcome, ...(state.outcome === null ? { key: colourOf(outcomes.indexOf(outcome)), class: 'keyed' } : {}) },
      { text: best ? odds(best.price) : '', class: 'r strong', title: best ? `${best.price} at ${best.book}` : 'nobody offers a price to back' },
      { text: fair ? odds(fair.fair_price) : '', class: 'r', title: fair ? `Median of ${fair.book_count} complete books` : 'no book quotes every outcome' },
      { text: fair ? percent(fair.fair_probability) : '', class: 'r', title: fair ? `Median of ${fair.book_count} complete books` : '' },
    ];
    if (isTraded) row.push({ text: traded ? `${count(Math.round(Number(traded.volume)))} @ ${odds(traded.vwap_odds)}` : '', class: 'r', title: 'Money matched so far and its volume-weighted odds' });
    return row;
  }));
  fillTable($('#line-book-table tbody'), point.books.map((book, at) => {
    const current = book.quotes.filter((quote) => quote.is_current);
    const newest = current.map((quote) => quote.quoted_at).sort().pop() ?? book.quotes[0].quoted_at;
    const price = (outcome) => current.find((quote) => quote.outcome === outcome && quote.side === 'back') ?? current.find((quote) => quote.outcome === outcome);
    const isBest = (outcome) => point.best.find((best) => best.outcome === outcome)?.book === book.book;
    return [
      { text: book.book, class: `${state.outcome === null ? '' : 'keyed'} ${current.length ? '' : 'faint'}`, key: colourOf(at), title: current.length ? '' : 'now quotes another point' },
      { text: outcomes.map((outcome) => (price(outcome) ? `${odds(price(outcome).price)}${isBest(outcome) ? '*' : ''}` : '-')).join('  ·  '), class: 'nowrap', title: '* the best price of its outcome' },
      { text: book.overround === null ? '' : percent(book.overround, 2), class: 'r', title: 'Sum of 1 / price over all outcomes, minus 1' },
      { text: count(book.quotes.reduce((sum, quote) => sum + quote.move_count, 0)), class: 'r' },
      { text: age(newest), class: 'r faint', title: `Quoted ${newest}` },
    ];
  }));
}
