import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createIndexPage } from '../../../src/web/index-page.ts';
import { INDEX_PAGE_SCRIPT } from '../../../src/web/index-page-script.ts';
import { openBrowser } from '../../support/open-browser.ts';

const ORIGIN = 'http://perfscope.test';
const HTML = createIndexPage({
  path: '/agent-1.0.0.tgz',
  fileName: 'perfscope-agent-1.0.0.tgz',
  integrity: 'sha512-abc',
  isAllowed: true,
});

/** A statement without spaces at which a line could break. */
const LONG_STATEMENT = `SELECT ${'a_column,'.repeat(30)}b FROM rooms WHERE id = ?`;
const endpoints = [
  {
    group: {
      endpoint: '/api/properties/:property/bookings',
      operation: 'POST',
      service: 'booking',
    },
    ...{
      average: 2300,
      databaseTime: 1840,
      databaseShare: 80,
      outgoingTime: 230,
      outgoingShare: 10,
    },
    ...{ queueTime: 0, queueShare: 0, connectionWaitTime: 115, connectionWaitShare: 5 },
    ...{ eventLoopWaitTime: 92, eventLoopWaitShare: 4, ownTime: 23, ownShare: 1 },
    repeatedStatement: { statement: LONG_STATEMENT, average: 12.34 },
  },
  {
    group: { endpoint: '/rooms/:id', operation: 'GET', service: 'booking' },
    ...{ average: 4, databaseTime: 1, databaseShare: 25, outgoingTime: 2, outgoingShare: 50 },
    ...{ queueTime: 0.5, queueShare: 12.5, connectionWaitTime: 0, connectionWaitShare: 0 },
    ...{ eventLoopWaitTime: 0, eventLoopWaitShare: 0, ownTime: 0.5, ownShare: 12.5 },
  },
  // Recorded by an older agent.
  { group: { endpoint: '/old', operation: 'GET', service: 'booking' } },
];
const services = [
  { group: { service: 'booking' }, rate: 12.34, average: 45.67, p95: 210, errorRate: 1.25 },
];
const hosts = [
  {
    group: { endpoint: 'payments.example.com', service: 'booking' },
    ...{
      rate: 3.21,
      average: 300,
      p95: 1234.56,
      errorRate: 12.5,
      errorRates: { timeout: 2.5, refused: 10 },
    },
  },
  {
    group: { endpoint: 'mail.example.com:8443', service: 'booking-notifications-worker' },
    ...{ rate: 0.042, average: 12, p95: 80, errorRate: 0, errorRates: {} },
  },
];
const dashboard = {
  to: '2026-11-02T09:00:00Z',
  api: {
    ...{ count: 1234, rate: 1.37, average: 29, p50: 10, p95: 200, p99: 210, errorRate: 5 },
    slowestEndpoints: [
      {
        name: '/api/properties/:property/bookings',
        operation: 'POST',
        service: 'booking',
        count: 10,
        average: 2300,
      },
    ],
  },
  database: {
    ...{ average: 12, p95: 40, connections: 8, slowShare: 2.5 },
    slowestOperations: [{ name: LONG_STATEMENT, service: 'booking', average: 250, count: 4 }],
  },
  queues: [{ queue: 'confirmation-emails', processingTime: 115, failureRate: 25, depth: 17 }],
  systemHealth: [
    {
      ...{
        service: 'booking',
        status: 'healthy',
        processCpuUsage: 12.3,
        processMemory: 180 * 2 ** 20,
      },
      ...{ cpuUsage: 45, memoryUsage: 67, hostCpuUsage: 30, hostMemoryUsage: 55, diskUsage: 89 },
    },
    { service: 'perfscope', status: 'healthy' },
    { service: 'worker' },
  ],
};

const alert = {
  ...{ rule: 'outgoing-errors', state: 'firing', severity: 'critical' },
  annotations: { summary: 'booking: 60 % of calls to payments.example.com are failing' },
  startedAt: '2026-11-02T08:55:00Z',
  cause: '100 % `refused`',
  runbook: '/runbooks/outgoing-errors',
};

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser.close());

/** Opens the page with fixed responses of the API. */
async function openPage(width: number, colorScheme: 'light' | 'dark', query = ''): Promise<Page> {
  const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
  await page.route(`${ORIGIN}/**`, async (route) => {
    const { pathname, search } = new URL(route.request().url());
    if (pathname === '/') return route.fulfill({ contentType: 'text/html', body: HTML });
    if (pathname === '/page.js')
      return route.fulfill({ contentType: 'text/javascript', body: INDEX_PAGE_SCRIPT });
    if (pathname.endsWith('/alerts/a1')) return route.fulfill({ json: { alert } });
    if (pathname.endsWith('/dashboard')) return route.fulfill({ json: dashboard });
    if (pathname.endsWith('/outgoing')) return route.fulfill({ json: { hosts } });
    const isByService = search.includes('groupBy=service');
    return route.fulfill({ json: { endpoints: isByService ? services : endpoints } });
  });
  await page.goto(`${ORIGIN}/${query}`);
  await page.getByText(/updated at/).waitFor();
  return page;
}

/** Returns the texts of the cells, row by row. */
function readTable(page: Page, caption: string): Promise<string[][]> {
  return page.evaluate<string[][]>(`{
    const table = [...document.querySelectorAll('table')]
      .find((each) => each.caption.textContent === ${JSON.stringify(caption)});
    [...table.tBodies[0].rows].map((row) => [...row.cells].map((cell) => cell.textContent));
  }`);
}

it('shows the figures of the API in its order', async () => {
  const page = await openPage(1280, 'light');
  expect(await readTable(page, 'Services')).toEqual([
    ['booking', '12.3', '45.7 ms', '210 ms', '1.3 %'],
    // A service without requests. Perfscope itself isn't listed.
    ['worker', '–', '–', '–', '–'],
  ]);
  expect(await readTable(page, 'Slowest endpoints')).toEqual([
    ['POST /api/properties/:property/bookings', 'booking', '2300 ms', '10'],
  ]);
  expect(await readTable(page, 'Where the time goes')).toEqual([
    [
      'POST /api/properties/:property/bookings',
      '2300 ms',
      'Database 1840 msOutgoing calls 230 msWait for connections 115 msEvent loop wait 92 msOwn time 23 ms',
      `${LONG_STATEMENT} (12.3 times per request)`,
    ],
    // The longest part is first. Parts of less than 1 % aren't listed.
    ['GET /rooms/:id', '4 ms', 'Outgoing calls 2 msDatabase 1 msQueues 0.5 msOwn time 0.5 ms', '–'],
  ]);
  expect(await readTable(page, 'Outgoing calls')).toEqual([
    [
      'payments.example.com',
      'booking',
      '3.2',
      '300 ms',
      '1234.6 ms',
      '12.5 %',
      'refused 10 %, timeout 2.5 %',
    ],
    [
      'mail.example.com:8443',
      'booking-notifications-worker',
      '0.042',
      '12 ms',
      '80 ms',
      '0 %',
      '–',
    ],
  ]);
  expect(await readTable(page, 'Slowest statements')).toEqual([
    [LONG_STATEMENT, 'booking', '250 ms', '4'],
  ]);
  expect(await readTable(page, 'System health')).toEqual([
    ['booking', 'healthy', '12.3 %', '45 %', '30 %', '180 MiB', '67 %', '55 %', '89 %'],
    ['perfscope', 'healthy', '–', '–', '–', '–', '–', '–', '–'],
    ['worker', '–', '–', '–', '–', '–', '–', '–', '–'],
  ]);
  await page.close();
});

it.each([1280, 375])('sorts a table by a column at %s px, also after a refresh', async (width) => {
  const page = await openPage(width, 'light');
  const table = page.getByRole('table', { name: 'Outgoing calls', exact: true });
  const readHosts = async () => (await readTable(page, 'Outgoing calls')).map(([host]) => host);
  const [payments, mail] = await readHosts();
  const sortBy = (name: string) => table.getByRole('button', { name, exact: true }).click();
  const getOrder = (name: string) =>
    table.getByRole('columnheader', { name }).getAttribute('aria-sort');
  await sortBy('p95');
  expect([await readHosts(), await getOrder('p95')]).toEqual([[payments, mail], 'descending']);
  await sortBy('p95');
  expect([await readHosts(), await getOrder('p95')]).toEqual([[mail, payments], 'ascending']);
  await page.evaluate('refresh()');
  expect([await readHosts(), await getOrder('p95')]).toEqual([[mail, payments], 'ascending']);
  expect(await page.evaluate('document.activeElement.textContent')).toBe('p95');
  await sortBy('Host');
  expect([await readHosts(), await getOrder('p95')]).toEqual([[mail, payments], 'none']);
  await sortBy('Host');
  expect([await readHosts(), await getOrder('Host')]).toEqual([[payments, mail], 'descending']);
  await page.close();
});

it('shows the alert of a link with its cause and a link to the runbook', async () => {
  const page = await openPage(1280, 'light', '?alert=a1');
  const table = page.getByRole('table', { name: alert.annotations.summary });
  expect(await table.getByText(alert.cause).isVisible()).toBe(true);
  const link = table.getByRole('link', { name: 'outgoing-errors' });
  expect(await link.getAttribute('href')).toBe('/runbooks/outgoing-errors');
  await page.close();
});

const LAYOUTS = [375, 1280, 1920].flatMap((width) =>
  (['light', 'dark'] as const).map((theme) => [width, theme] as const),
);

/** A cell of a table, with positions and sizes in px. */
interface Cell {
  readonly text: string;
  readonly left: number;
  readonly right: number;
  readonly size: number;
  /** Width of the content. */
  readonly content: number;
}

it.each(LAYOUTS)('shows all cells at %s px in the %s theme', async (width, theme) => {
  const page = await openPage(width, theme);
  const cells = await page.evaluate<Cell[]>(`
    [...document.querySelectorAll('table :is(td, th)')].map((element) => {
      const { left, right, width } = element.getBoundingClientRect();
      return { text: element.textContent, left, right, size: width, content: element.scrollWidth };
    });
  `);
  expect(cells.length).toBeGreaterThan(60);
  const hidden = cells.filter(
    ({ left, right, size, content }) => left < 0 || right > width || content > Math.ceil(size),
  );
  expect(hidden).toEqual([]);
  expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBe(width);
  const { SCREENSHOT_FOLDER } = process.env;
  if (SCREENSHOT_FOLDER) {
    await page.screenshot({ path: `${SCREENSHOT_FOLDER}/${width}-${theme}.png`, fullPage: true });
  }
  await page.close();
});

it.each(['light', 'dark'] as const)('has clear colors in the %s theme', async (theme) => {
  const page = await openPage(1280, theme);
  const background = await page.evaluate<string>(`
    document.body.style.background = 'Canvas';
    getComputedStyle(document.body).backgroundColor;
  `);
  const parts = await page.evaluate<[string, string][]>(`
    [...document.querySelectorAll('.parts span')].map((element) =>
      [element.className, getComputedStyle(element).backgroundColor]);
  `);
  const colors = new Map(parts);
  expect([...colors.keys()].toSorted()).toEqual(
    ['connectionWait', 'database', 'eventLoopWait', 'outgoing', 'own', 'queue'].toSorted(),
  );
  // The contrast that WCAG requires for graphics.
  for (const color of colors.values()) {
    expect(computeContrast(color, background)).toBeGreaterThanOrEqual(3);
  }
  expect(new Set(colors.values()).size).toBe(colors.size);
  await page.close();
});

/** @see https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
function computeContrast(a: string, b: string): number {
  const [light = 0, dark = 0] = [a, b].map(computeLuminance).toSorted((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}

function computeLuminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = (color.match(/[\d.]+/g) ?? []).map((text) => {
    const value = Number(text) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
