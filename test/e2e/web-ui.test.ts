import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Demo } from '../../demo/demo.ts';
import { PerfscopeClient } from '../../src/client/perfscope-client.ts';
import { formatText } from '../../src/web/format/quantities.ts';
import { listViews } from '../support/list-views.ts';
import { openBrowser } from '../support/open-browser.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { waitFor } from '../support/wait-for.ts';
import { compact, DESKTOP, readStat, WebPage } from '../support/web-page.ts';

const SERVICE = 'service=booking';
const ENDPOINT = '/api/properties/:property/bookings';
const THEMES = ['light', 'dark'] as const;
const WIDTHS = [390, 1280, 1920];
const MIN_REQUESTS = 200;
const MAX_ATTEMPTS = 3;
const VIEWS = listViews({
  service: 'booking',
  operation: 'POST',
  endpoint: ENDPOINT,
  queue: 'confirmation-emails',
  job: '1',
  tenant: 'grand-hotels',
});

const server = new PerfscopeServer({ PERFORMANCE_FLUSH_INTERVAL: '1000' });
const demo = new Demo({ fast: true, scenarios: ['error-burst'], env: server.env, log: () => {} });
let browser: Browser;
let client: PerfscopeClient;
/** A range with requests, queues, and errors. Live figures would move content that the test counts. */
let fixedRange: string;

beforeAll(async () => {
  [browser] = await Promise.all([openBrowser(), demo.start()]);
  client = new PerfscopeClient({ url: demo.serverUrl });
  await waitFor(async () => {
    const { api, queues } = await client.get('dashboard', { last: '15m' });
    return api.count >= MIN_REQUESTS && queues.length > 0;
  });
  const now = Date.now();
  const [from, to] = [now - 15 * 60_000, now].map((ms) => new Date(ms).toISOString());
  fixedRange = `from=${from}&to=${to}`;
});
afterAll(async () => {
  await browser.close();
  await demo.stop();
  await server.remove();
});

describe('each view', () => {
  /** All views share one page, so that the browser loads the scripts only once. */
  let view: WebPage;
  beforeAll(async () => {
    view = await WebPage.open(browser, { url: demo.serverUrl });
  });
  afterAll(() => view.close());

  it.each(VIEWS)('%s opens at every width and in both themes without a fault', async (path) => {
    view.problems.length = 0;
    // A new alert moves other content, so a view with a fault is opened again.
    let faults = await listThemeFaults(view, path);
    for (let attempts = 1; faults.length > 0 && attempts < MAX_ATTEMPTS; attempts++)
      faults = await listThemeFaults(view, path);
    expect(faults).toEqual([]);
    for (const width of WIDTHS) await view.checkFits(width);
    await view.page.setViewportSize(DESKTOP);
    expect(view.problems).toEqual([]);
  });
});

/** Opens a view, and returns its faults in both themes. A change of the theme only changes colors. */
async function listThemeFaults(view: WebPage, path: string): Promise<string[]> {
  await view.goto(`${path}${path.includes('?') ? '&' : '?'}${fixedRange}`);
  expect(await view.page.getByText('There is no such view').count()).toBe(0);
  const faults: string[] = [];
  for (const theme of THEMES) {
    await view.useTheme(theme);
    faults.push(...(await view.readFaults()), ...(await view.runAxe()));
  }
  return faults;
}

it.each(THEMES)('opens in the %s theme if the user chose it', async (theme) => {
  const view = await WebPage.open(browser, { url: demo.serverUrl, theme });
  try {
    await view.goto(`/?${fixedRange}`);
    expect(await view.readTheme()).toBe(theme);
    expect(await view.readFaults()).toEqual([]);
    expect(view.problems).toEqual([]);
  } finally {
    await view.close();
  }
});

it('shows the figures of the API and of SQL', async () => {
  const to = new Date();
  const from = new Date(to.getTime() - 60_000);
  const query = { from: from.toISOString(), to: to.toISOString() };
  const search = new URLSearchParams(query).toString();
  const view = await WebPage.open(browser, { url: demo.serverUrl });
  try {
    await view.goto(`/?${search}`);
    const { api } = await client.get('dashboard', query);
    expect(await readStat(view.page, 'Requests')).toBe(compact(formatText(api.rate, '/s')));
    expect(await readStat(view.page, 'p95 response time')).toBe(compact(formatText(api.p95, 'ms')));
    const [[count] = []] = await server.sql(
      `SELECT sum(count) FROM performance_metrics WHERE metric_type = 'API_RESPONSE_TIME'
       AND service <> 'perfscope' AND timestamp >= '${query.from}' AND timestamp < '${query.to}'`,
    );
    expect(api.count).toBe(Number(count));
    const groups = await client.get('endpoints', {
      ...query,
      groupBy: ['service', 'operation', 'endpoint'],
    });
    await view.goto(`/services?${search}`);
    for (const { group, p95 } of groups.endpoints) {
      const row = view.page.locator('tr', { hasText: `${group.operation} ${group.endpoint}` });
      expect(await row.first().textContent()).toContain(formatText(p95, 'ms'));
    }
  } finally {
    await view.close();
  }
});

it('zooms by dragging, and Back and shared links restore a view exactly', async () => {
  const view = await WebPage.open(browser, { url: demo.serverUrl });
  const { page } = view;
  try {
    await view.goto(`/endpoint?${SERVICE}&operation=POST&endpoint=${ENDPOINT}&last=15m`);
    const before = page.url();
    const box = (await page.locator('.u-over').first().boundingBox())!;
    await page.mouse.move(box.x + box.width * 0.4, box.y + 40);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.8, box.y + 60, { steps: 5 });
    await page.mouse.up();
    await page.waitForURL(/from=/);
    // Over a chart, the pointer would show the values of one time.
    await page.mouse.move(1, 1);
    await view.settle();
    const { searchParams } = new URL(page.url());
    const length = Date.parse(searchParams.get('to')!) - Date.parse(searchParams.get('from')!);
    expect(length / 60_000).toBeCloseTo(15 * 0.4, 0);

    const other = await WebPage.open(browser, { url: demo.serverUrl });
    await other.goto(page.url().slice(demo.serverUrl.length));
    const readBoth = () =>
      Promise.all([view, other].map((each) => each.page.locator('main').textContent()));
    // Charts are drawn in separate tasks after their data has arrived.
    await waitFor(async () => new Set(await readBoth()).size === 1);
    await other.close();

    await page.goBack();
    await page.waitForURL(before);
    await view.settle();
    expect(await page.getByRole('button', { name: /^Time range/ }).textContent()).toBe(
      'Last 15 minutes',
    );
  } finally {
    await view.close();
  }
});

it('shows an alert of real traffic without a reload, and acknowledges and silences it', async () => {
  const view = await WebPage.open(browser, { url: demo.serverUrl });
  const { page } = view;
  try {
    await view.goto('/alerts');
    const firing = page.locator('main a[href*="/alerts/"]').first();
    await firing.waitFor({ timeout: 300_000 });
    await firing.click();
    await page.getByRole('button', { name: /^Acknowledge/ }).click();
    await page.getByRole('dialog').getByRole('textbox').first().fill('looking into it');
    await page
      .getByRole('dialog')
      .getByRole('button', { name: /^Acknowledge/ })
      .click();
    await page.getByText('looking into it').first().waitFor();
    const id = decodeURIComponent(new URL(page.url()).pathname.split('/').at(-1)!);
    await waitFor(async () => (await client.alert(id)).alert.state === 'acknowledged');

    await page.getByRole('button', { name: /^Silence/ }).click();
    await page.getByRole('dialog').getByLabel('Comment').fill('planned work');
    await page
      .getByRole('dialog')
      .getByRole('button', { name: /^Silence/ })
      .click();
    await waitFor(async () => (await client.get('silences')).silences.length > 0);
  } finally {
    await view.close();
  }
});
