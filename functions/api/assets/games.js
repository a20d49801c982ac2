// Game cards: score, state of play, chances beside each other, age.
import { $, PANEL_PAUSE_MS, count, day, element, fetchAll, panel, percent, setText, setTitle } from './parts.js';
import { age, state } from './board.js';
import { chooseEvent, drawEventChoice } from './lines.js';

// A phone shows fewer cards before the other panels.
const CARDS_SHOWN = window.matchMedia('(max-width: 700px)').matches ? 5 : 12;

const WORDS = {
  scheduled: 'scheduled', in_progress: 'live', halftime: 'half-time', end_of_period: 'break', overtime: 'overtime', shootout: 'shoot-out',
  delayed: 'delayed', suspended: 'suspended', postponed: 'postponed', canceled: 'canceled', abandoned: 'abandoned', forfeit: 'forfeit', final: 'final', unknown: '',
};

function gameState(game) {
  if (game.status === 'scheduled' && game.starts_at) return `${day(game.starts_at)} ${game.starts_at.slice(11, 16)}`;
  const word = WORDS[game.status] ?? game.status;
  if (game.status !== 'in_progress' && game.status !== 'overtime') return word;
  const period = game.period ? `P${game.period}` : '';
  return [game.status === 'overtime' ? 'OT' : period, game.game_clock].filter(Boolean).join(' ') || word;
}

// Of several vendors' views of one game the one that was told most is shown.
function withoutTwins(games) {
  const byEntity = new Map(games.map((game) => [game.entity, game]));
  const beats = (other, game) => other && (other.update_count - game.update_count || (other.entity < game.entity ? 1 : -1)) > 0;
  return games.filter((game) => !game.same_game.some((twin) => beats(byEntity.get(twin), game)));
}

export const refreshGames = panel('games', PANEL_PAUSE_MS, async () => {
  state.games = await fetchAll('/v1/games?limit=1000');
  drawGames();
  drawEventChoice();
});

export function drawGames() {
  const section = $('#games');
  const games = withoutTwins(state.games).filter((game) =>
    state.filter === 'all' || (state.filter === 'live' ? game.is_live : game.odds_events.length > 0));
  const shown = state.showAll ? games : games.slice(0, CARDS_SHOWN);
  const holder = $('#games-cards');
  const cards = new Map([...holder.children].map((card) => [card.dataset.entity, card]));
  shown.forEach((game, at) => {
    const card = cards.get(game.entity) ?? newCard(game.entity);
    cards.delete(game.entity);
    fillCard(card, game);
    if (holder.children[at] !== card) holder.insertBefore(card, holder.children[at] ?? null);
  });
  for (const card of cards.values()) card.remove();
  const more = $('#games-more');
  more.hidden = games.length <= CARDS_SHOWN;
  setText(more, state.showAll ? 'Show fewer' : `Show all ${games.length} games`);
  $('.empty', section).hidden = games.length > 0;
  setText($('.empty', section), state.games.length > 0 ? 'No game matches this choice right now.' : 'No game has been told yet. The first scoreboard fills this panel.');
}

function newCard(entity) {
  const card = element('article', 'card');
  card.dataset.entity = entity;
  const top = element('div', 'card-top');
  top.append(element('span', 'league'), element('span', 'state'));
  card.append(top);
  for (const side of ['away', 'home']) {
    const team = element('div', `team team-${side}`);
    team.append(element('i', side), element('span', 'name'), element('span', 'score'));
    card.append(team);
  }
  for (const kind of ['model', 'market']) {
    const chance = element('div', `chance chance-${kind}`);
    const mix = element('span', 'mix');
    for (const side of ['away', 'draw', 'home']) mix.append(element('i', side));
    chance.append(element('span', '', kind), mix, element('b'));
    card.append(chance);
  }
  const foot = element('div', 'card-foot');
  const button = element('button', '', 'Lines');
  button.addEventListener('click', () => chooseEvent(button.dataset.event, true));
  foot.append(element('span', 'age'), button);
  card.append(foot);
  return card;
}

function fillCard(card, game) {
  card.classList.toggle('live', game.is_live);
  card.classList.toggle('dim', game.status === 'final');
  setText($('.league', card), [game.league ?? game.sport ?? '', game.source].filter(Boolean).join(' · '));
  setTitle($('.league', card), `League as the vendor names it, and the vendor. ${game.venue ?? ''}`);
  setText($('.state', card), gameState(game));
  setTitle($('.state', card), `Vendor's status: ${game.status}. Starts ${game.starts_at ?? 'unknown'}`);
  const [home, away] = [game.home.score, game.away.score];
  fillTeam($('.team-home', card), game.home, 'Home', home !== null && home < away);
  fillTeam($('.team-away', card), game.away, 'Away', away !== null && away < home);
  const model = game.home_win_probability;
  fillChance($('.chance-model', card), model === null ? null : { home: model, draw: 0, away: 1 - model },
    "Home win probability of the vendor's own model after the latest play");
  fillChance($('.chance-market', card), game.market,
    game.market ? `Median of ${game.market.book_count} books' head-to-head odds without margin (multiplicative devig), ${game.market.event}` : '');
  setText($('.age', card), game.changed_at ? `${game.status === 'scheduled' ? 'told' : 'changed'} ${age(game.changed_at)} ago` : '');
  setTitle($('.age', card), `The vendor's last word on this game is of ${game.changed_at ?? 'an unknown time'}. Lead changes: ${game.lead_change_count}, largest lead: ${game.largest_lead}, plays: ${game.play_count}, events: ${count(game.update_count)}`);
  const button = $('.card-foot button', card);
  button.hidden = game.odds_events.length === 0;
  button.dataset.event = game.market?.event ?? game.odds_events[0] ?? '';
}

function fillTeam(row, team, side, isBehind) {
  setText($('.name', row), team.name ?? `${side} (not named yet)`);
  setTitle($('.name', row), `${side}: ${team.name ?? 'no fixture told yet'}`);
  const score = $('.score', row);
  const text = team.score === null ? '' : String(team.score);
  if (score.textContent !== text) {
    const isTick = score.textContent !== '';
    score.textContent = text;
    if (isTick) { score.classList.remove('flash'); void score.offsetWidth; score.classList.add('flash'); }
  }
  row.classList.toggle('behind', isBehind);
}

function fillChance(row, chance, title) {
  row.hidden = !chance;
  if (!chance) return;
  setTitle(row, `${title}. Home ${percent(chance.home)}, ${chance.draw ? `draw ${percent(chance.draw)}, ` : ''}away ${percent(chance.away)}`);
  for (const side of ['away', 'draw', 'home']) {
    const bar = $(`.mix .${side}`, row);
    bar.style.width = `${((chance[side] ?? 0) * 100).toFixed(2)}%`;
    bar.hidden = !chance[side];
  }
  setText($('b', row), `home ${percent(chance.home)}`);
}
