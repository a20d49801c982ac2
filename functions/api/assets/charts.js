// The two charts. Takes figures as the API gives them and draws; asks for nothing and keeps no state but the zoom.

// Okabe and Ito's palette, lifted for a dark ground: told apart by most colour-blind people.
const COLOURS = ['#56b4e9', '#e69f00', '#2fd6a3', '#f0e442', '#e58ac0', '#ff7a45', '#8ea6ff', '#c9d1d9'];
export const colourOf = (index) => COLOURS[index % COLOURS.length];
const DASHES = ['solid', 'dash', 'dot', 'dashdot'];
const CONFIG = { displayModeBar: false, responsive: true, doubleClick: 'reset' };

const ticksIn = (element) => Math.max(3, Math.round(element.clientWidth / 110));

function layout(extra) {
  const axis = { gridcolor: '#1c2738', zeroline: false, linecolor: '#223046', automargin: true, fixedrange: false };
  return {
    paper_bgcolor: 'rgba(0,0,0,0)', plot_bgcolor: 'rgba(0,0,0,0)',
    font: { color: '#93a1b5', size: 12, family: 'system-ui, sans-serif' },
    margin: { l: 48, r: 14, t: 8, b: 34 }, hovermode: 'closest',
    hoverlabel: { bgcolor: '#0a0e14', bordercolor: '#3a4d6b', font: { color: '#e8eef6' } },
    showlegend: false,
    ...extra,
    xaxis: { ...axis, type: 'date', tickangle: 0, ...extra.xaxis },
    yaxis: { ...axis, ...extra.yaxis },
    ...(extra.yaxis2 ? { yaxis2: { ...axis, ...extra.yaxis2 } } : {}),
  };
}

// The library reads a little markup in names and hover texts; vendor words must stay words.
const plain = (text) => String(text).replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/%\{/g, '%\u200b{');

/// lines: [{book, outcome, point, side, is_current, quoted_at, path: [{at, price}]}]
export function drawLines(element, lines, { scale, outcome, key, until }) {
  const books = [...new Set(lines.map((line) => line.book))];
  const outcomes = [...new Set(lines.map((line) => line.outcome))];
  const shown = lines.filter((line) => outcome === null || line.outcome === outcome);
  const traces = shown.map((line) => {
    const value = (price) => (scale === 'price' ? Number(price) : 1 / Number(price));
    const times = line.path.map((point) => point.at);
    const values = line.path.map((point) => value(point.price));
    // A quote stands until the next one: the last step is drawn up to now.
    if (line.is_current && until && times.length && times[times.length - 1] < until) {
      times.push(until);
      values.push(values[values.length - 1]);
    }
    const of = outcome === null ? outcomes.indexOf(line.outcome) : books.indexOf(line.book);
    const dash = outcome === null ? books.indexOf(line.book) : ['back', 'lay', 'last_traded'].indexOf(line.side);
    const side = line.side === 'back' ? '' : ` (${line.side.replace('_', ' ')})`;
    const name = outcome === null && books.length === 1 ? line.outcome : outcome === null ? `${line.outcome}, ${line.book}` : line.book;
    return {
      x: times, y: values, name: plain(name + side), mode: 'lines+markers', type: 'scatter',
      line: { shape: 'hv', width: line.side === 'back' ? 2 : 1.3, color: colourOf(of), dash: DASHES[dash % DASHES.length] },
      marker: { size: line.path.length > 60 ? 2 : 4 }, opacity: line.is_current ? 1 : 0.35,
      hovertemplate: `${plain(line.outcome)} ${plain(line.point ?? '')}<br>${plain(line.book)}${side}<br>%{y:${scale === 'price' ? '.3f' : '.1%'}} at %{x|%H:%M:%S}<extra></extra>`,
    };
  });
  window.Plotly.react(element, traces, layout({
    uirevision: key, xaxis: { nticks: ticksIn(element) },
    yaxis: { tickformat: scale === 'price' ? '.3~f' : '.1~%', title: { text: scale === 'price' ? 'decimal odds' : 'implied probability', standoff: 8 } },
  }), CONFIG);
}

/// windows: oldest first, as /v1/windows gives them; anomalies: of this symbol
export function drawWindows(element, windows, anomalies, { key, size }) {
  const traded = windows.filter((window) => window.figures.trade_count > 0);
  const middles = traded.map((window) => (Date.parse(window.start_at) + Date.parse(window.end_at)) / 2);
  const words = traded.map((window) => `${window.start_at.slice(11, 16)} to ${window.end_at.slice(11, 16)}, ${window.is_final ? `final, revision ${window.revision}` : 'provisional'}`);
  const of = (name) => traded.map((window) => (window.figures[name] === null ? null : Number(window.figures[name])));
  const spikes = new Set(anomalies.map((anomaly) => anomaly.start_at));
  const colour = (window) => (spikes.has(window.start_at) && size === '1m' ? '#fbbf24' : '#3b82c4');
  const [lowest, highest] = [of('low'), of('high')];
  const traces = [
    { x: middles, y: lowest, mode: 'lines', line: { width: 0 }, hoverinfo: 'skip', showlegend: false, connectgaps: false },
    { x: middles, y: highest, mode: 'lines', line: { width: 0 }, fill: 'tonexty', fillcolor: 'rgba(52,211,153,.14)', hoverinfo: 'skip', showlegend: false },
    {
      x: middles, y: of('vwap'), customdata: traded.map((window) => window.figures.vwap), text: words, mode: 'lines+markers', name: 'VWAP', line: { color: '#34d399', width: 2 },
      marker: { size: traded.length > 60 ? 3.5 : 5, color: '#34d399', opacity: traded.map((window) => (window.is_final ? 1 : 0.45)) },
      hovertemplate: 'VWAP %{customdata}<br>%{text}<extra></extra>',
    },
    {
      x: middles, y: of('volume'), text: words, type: 'bar', textposition: 'none', name: 'Volume', yaxis: 'y2',
      marker: { color: traded.map(colour), opacity: traded.map((window) => (window.is_final ? 0.95 : 0.4)) },
      hovertemplate: 'Volume %{y:,}<br>%{text}<extra></extra>',
    },
  ];
  window.Plotly.react(element, traces, layout({
    uirevision: key, bargap: 0.25, xaxis: { nticks: ticksIn(element), anchor: 'y2' },
    yaxis: { domain: [0.34, 1], tickformat: ',.6~f', title: { text: 'VWAP, band low to high', standoff: 8 } },
    yaxis2: { domain: [0, 0.26], title: { text: 'volume', standoff: 8 }, tickformat: '~s', rangemode: 'tozero' },
  }), CONFIG);
}
