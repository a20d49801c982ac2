// Small parts of the board: text into elements, numbers into words, one fetch at a time. Knows no resource.

export const PANEL_PAUSE_MS = 600; // at most two fetches a second and panel, however fast changes come
export const SLOW_PAUSE_MS = 2500; // for answers that are sums over everything
const RETRY_PAUSE_MS = 2000;

export const $ = (selector, root = document) => root.querySelector(selector);

export function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

// Writes only what differs: an open tooltip or a selection survives a refresh.
export function setText(node, text) { if (node.textContent !== text) node.textContent = text; }
export function setTitle(node, title) { if (node.title !== (title ?? '')) node.title = title ?? ''; }
export function setClass(node, name) { if (node.className !== (name ?? '')) node.className = name ?? ''; }

// rows: [[{text, title, class, key}]]; a key is the colour of the same thing in a chart.
export function fillTable(body, rows) {
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((cells, at) => {
    const row = body.rows[at] ?? body.insertRow();
    while (row.cells.length < cells.length) row.insertCell();
    while (row.cells.length > cells.length) row.deleteCell(-1);
    cells.forEach((cell, column) => {
      setText(row.cells[column], cell.text);
      setTitle(row.cells[column], cell.title);
      setClass(row.cells[column], cell.class);
      row.cells[column].style.setProperty('--key', cell.key ?? '');
    });
  });
}

export function fillSelect(select, options, chosen) {
  const same = select.options.length === options.length
    && options.every((option, at) => select.options[at].value === option.value && select.options[at].text === option.text);
  if (!same) {
    select.replaceChildren(...options.map(({ value, text }) => {
      const option = element('option', '', text);
      option.value = value;
      return option;
    }));
  }
  if (select.value !== chosen) select.value = chosen;
}

export function press(group, attribute, value) {
  for (const button of group.querySelectorAll('button')) button.setAttribute('aria-pressed', String(button.dataset[attribute] === value));
}

export function showEmpty(panel, isEmpty) {
  $('.empty', panel).hidden = !isEmpty;
  for (const part of panel.querySelectorAll('.scroll, .chart, .split, .figures, .controls')) {
    if (part.parentElement === panel || part.classList.contains('controls')) part.hidden = isEmpty;
  }
}

export const percent = (share, places = 1) => `${(share * 100).toFixed(places)} %`;
export const count = (number) => number.toLocaleString('en-US');
export const day = (at) => new Date(at).toLocaleDateString('en-GB', { weekday: 'short', day: 'numeric', month: 'short', timeZone: 'UTC' });
export const clock = (at) => at.slice(11, 19);
export const odds = (price) => Number(price).toFixed(Number(price) < 10 ? 2 : 1);

export async function fetchJson(path) {
  const response = await fetch(path, { headers: { accept: 'application/json' } });
  if (response.status === 404) return null;
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response.json();
}

export async function fetchAll(path) {
  const values = [];
  let next = null;
  do {
    const page = await fetchJson(path + (next ? `&next=${encodeURIComponent(next)}` : ''));
    values.push(...page.values);
    next = page.next;
  } while (next);
  return values;
}

// One fetch at a time and a pause after it; what is asked for meanwhile is one more fetch.
export function panel(id, pauseMs, refresh) {
  let isBusy = false, isWanted = false;
  return async function ask() {
    if (isBusy) { isWanted = true; return; }
    isBusy = true;
    let error = null;
    await refresh().catch((met) => { error = met; });
    trouble(id, error);
    isWanted ||= error !== null;
    setTimeout(() => { isBusy = false; if (isWanted) { isWanted = false; ask(); } }, error ? RETRY_PAUSE_MS : pauseMs);
  };
}

function trouble(id, error) {
  const head = $(`#${id} .head`);
  if (!head) return;
  let note = $('.trouble', head);
  if (error && !note) head.append(note = element('span', 'trouble'));
  if (note) setText(note, error ? 'not answering; trying again' : '');
}
