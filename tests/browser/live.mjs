// The dashboard in a real browser: live.mjs ADDRESS SCREENSHOT
// Ends with 1 and a message when a chart stays empty, nothing moves, the console has an error, the page reloads, or
// a request leaves this machine.

import { chromium } from 'playwright-core'

const [address, screenshot] = process.argv.slice(2)
const PATIENCE_MS = 60_000
const PANELS = ['#games', '#line-path', '#trade-windows', '#anomalies', '#accounting', '#live-status']
const CHARTS = ['#line-path', '#trade-windows']
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

const complaints = []

function watch(page) {
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`console: ${message.text()}`)
  })
  page.on('pageerror', (error) => complaints.push(`script: ${error.message}`))
  page.on('request', (request) => {
    const url = new URL(request.url())
    const isLocal = ['data:', 'blob:'].includes(url.protocol) || url.hostname === '127.0.0.1'
    if (!isLocal) complaints.push(`a request leaves this machine: ${request.url()}`)
  })
  let loads = 0
  page.on('framenavigated', (frame) => {
    if (frame === page.mainFrame() && ++loads > 1) complaints.push('the page was loaded again')
  })
  page.on('response', (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()} for ${response.url()}`)
  })
}

// Points of all traces of the chart in (or at) a panel.
function pointCount(selector) {
  const panel = document.querySelector(selector)
  const chart = panel?.matches('.js-plotly-plot') ? panel : panel?.querySelector('.js-plotly-plot')
  return (chart?.data ?? []).reduce((sum, trace) => sum + (trace.x ?? trace.y ?? trace.close ?? []).length, 0)
}

async function chartFills(page, selector) {
  // A function, not text: the page's content policy refuses to evaluate text.
  await page
    .waitForFunction(
      (selector) => {
        const panel = document.querySelector(selector)
        const chart = panel?.matches('.js-plotly-plot') ? panel : panel?.querySelector('.js-plotly-plot')
        return (chart?.data ?? []).some((trace) => (trace.x ?? trace.y ?? trace.close ?? []).length > 0)
      },
      selector,
      { timeout: PATIENCE_MS },
    )
    .catch((error) => {
      throw new Error(`no chart with points in ${selector} after ${PATIENCE_MS} ms: ${error.message}`)
    })
  console.log(`${selector}: ${await page.evaluate(pointCount, selector)} points`)
}

function eventsSeen(page) {
  return page.locator('#live-status').getAttribute('data-events').then((text) => Number(text ?? 'NaN'))
}

async function updatesArrive(page) {
  const shown = () => page.evaluate(() => ['#games', '#accounting'].map((id) => document.querySelector(id).textContent))
  const before = { events: await eventsSeen(page), texts: await shown() }
  await page
    .waitForFunction(
      ([events, texts]) =>
        Number(document.querySelector('#live-status').dataset.events) > events &&
        ['#games', '#accounting'].some((id, n) => document.querySelector(id).textContent !== texts[n]),
      [before.events, before.texts],
      { timeout: PATIENCE_MS },
    )
    .catch(() => {
      throw new Error(`no live update after ${PATIENCE_MS} ms; data-events was ${before.events}`)
    })
  console.log(`#live-status: ${before.events} -> ${await eventsSeen(page)} messages, and the text changed`)
}

async function look(browser) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
  watch(page)
  await page.goto(address, { waitUntil: 'domcontentloaded', timeout: PATIENCE_MS })
  for (const panel of PANELS) await page.waitForSelector(panel, { state: 'attached', timeout: PATIENCE_MS })
  await updatesArrive(page)
  for (const chart of CHARTS) await chartFills(page, chart)
  await page.screenshot({ path: screenshot, fullPage: true })
}

const browser = await chromium.launch({
  executablePath: process.env.TOUCHLINE_CHROMIUM ?? '/usr/bin/chromium',
  args: FLAGS,
})
try {
  await look(browser)
} catch (error) {
  complaints.push(error.message)
} finally {
  await browser.close()
}
for (const complaint of complaints) console.error(complaint)
process.exitCode = complaints.length === 0 ? 0 : 1
