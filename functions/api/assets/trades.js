// Trade windows of one symbol, and the windows of any symbol that stand out.
import { $, PANEL_PAUSE_MS, count, element, fetchAll, fetchJson, fillSelect, fillTable, panel, percent, setText, setTitle, showEmpty } from './parts.js';
import { age, state } from './board.js';
import { drawWindows } from './charts.js';
import { drawEventChoice } from './lines.js';

const WINDOWS_SHOWN = 180;
const LIFE = {
  provisional: () => 'Provisional: late trades may still come',
  final: () => 'Final: the watermark has passed its end and grace',
  corrected: (revision) => `Final, and corrected by late trades since: revision ${revision}`,
  sealed: (revision) => `Sealed at revision ${revision}: later trades go to the after-seal ledger, a rebuild counts them`,
};

export const refreshEntities = panel('trade-windows', PANEL_PAUSE_MS, async () => {
  for (const family of ['trades', 'odds']) {
    for (const { entity } of await fetchAll(`/v1/entities?family=${family}&limit=1000`)) state.known[family].add(entity);
  }
  const symbols = [...state.known.trades].sort();
  showEmpty($('#trade-windows'), symbols.length === 0);
  if (symbols.length) {
    state.symbol ??= symbols[0];
    fillSelect($('#trade-symbol'), symbols.map((symbol) => ({ value: symbol, text: symbol.split(':').slice(1).join(':') })), state.symbol);
    refreshWindows();
  }
  drawEventChoice();
});

export const refreshWindows = panel('trade-windows', PANEL_PAUSE_MS, async () => {
  if (!state.symbol) return;
  const [symbol, size] = [state.symbol, state.size];
  const found = await fetchJson(`/v1/windows?family=trades&entity=${encodeURIComponent(symbol)}&size=${size}&limit=${WINDOWS_SHOWN}`);
  if (symbol !== state.symbol || size !== state.size || !found.values.length) return;
  const anomalies = state.anomalies.filter((anomaly) => anomaly.entity === symbol);
  drawWindows($('#trade-chart'), [...found.values].reverse(), anomalies, { key: `${symbol} ${size}`, size });
  drawTradeFigures(found.values[0]);
});

function drawTradeFigures(window) {
  const figures = window.figures;
  const money = (text) => (text === null ? '–' : Number(text).toLocaleString('en-US', { maximumFractionDigits: 4 }));
  const shown = [
    ['Window', `${window.start_at.slice(11, 16)}–${window.end_at.slice(11, 16)}`, `The newest window of event time, UTC. ${LIFE[window.state](window.revision)}`],
    ['State', window.state === 'corrected' ? `corrected, revision ${window.revision}` : window.state, LIFE[window.state](window.revision)],
    ['VWAP', money(figures.vwap), 'Volume-weighted average price: sum of price x volume / sum of volume'],
    ['Close', money(figures.close), 'Last price by event time'],
    ['Volume', money(figures.volume), 'Sum of volumes'],
    ['Trades', count(figures.trade_count), `Prints counted; ${count(figures.excluded_count)} more are kept out by their sale condition`],
    ['Realised vol.', figures.realised_volatility === null ? '–' : percent(figures.realised_volatility, 3), 'Square root of the sum of squared log returns between one-second last prices, per window'],
  ];
  const list = $('#trade-figures');
  shown.forEach(([name, value, title], at) => {
    let item = list.children[at];
    if (!item) { item = element('div'); item.append(element('dt'), element('dd')); list.append(item); }
    setText($('dt', item), name);
    setText($('dd', item), value);
    setTitle(item, `${title}. As of ${window.as_of ?? 'no data'}, ${age(window.as_of)} old`);
  });
}

export const refreshAnomalies = panel('anomalies', PANEL_PAUSE_MS, async () => {
  state.anomalies = (await fetchJson('/v1/anomalies?limit=100')).values;
  showEmpty($('#anomalies'), state.anomalies.length === 0);
  const mark = { volume_spike: '×', price_jump: 'σ' };
  fillTable($('#anomalies tbody'), state.anomalies.map((anomaly) => [
    { text: `${anomaly.severity.toFixed(1)}${mark[anomaly.kind] ?? ''}`, class: `r strong ${anomaly.severity >= 8 ? 'bad' : anomaly.severity >= 5 ? 'warn' : ''}`, title: anomaly.robust_z === null ? '' : `Robust z-score ${anomaly.robust_z.toFixed(1)}: distance from the median in units of 1.4826 x MAD` },
    { text: `${anomaly.entity.split(':').slice(1).join(':')} ${anomaly.kind.replaceAll('_', ' ')}`, title: anomaly.entity },
    { text: anomaly.explanation, class: 'faint' },
    { text: anomaly.start_at.slice(11, 16), class: 'r faint', title: `${anomaly.start_at} to ${anomaly.end_at}, revision ${anomaly.revision}, detected as of ${anomaly.detected_at}` },
  ]));
});
