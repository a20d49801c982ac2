// What the board shows at the moment: choices, the latest answers, and the service's own clock.

export const state = {
  events: 0, connection: 'connecting', health: null, healthAt: 0, games: [], filter: 'all', showAll: false,
  event: null, market: null, point: null, scale: 'price', outcome: undefined, odds: null,
  symbol: null, size: '1m', anomalies: [], known: { trades: new Set(), odds: new Set() },
};

// Now as the service counts it: between two looks at /health a live clock goes on, a replay's moves at its own speed.
export function nowMs() {
  if (!state.health) return null;
  const replay = state.health.replay;
  const speed = replay ? (replay.is_finished ? 0 : replay.speed) : 1;
  return Date.parse(state.health.at) + (Date.now() - state.healthAt) * speed;
}

export function age(at) {
  const now = nowMs();
  if (!at || now === null) return '';
  const seconds = Math.max(0, Math.round((now - Date.parse(at)) / 1000));
  if (seconds < 100) return `${seconds} s`;
  if (seconds < 6000) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}
