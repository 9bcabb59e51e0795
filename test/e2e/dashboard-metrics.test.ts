import { afterAll, beforeAll, expect, it } from 'vitest';
import { formatText } from '../../src/web/format/quantities.ts';
import { openBrowser } from '../support/open-browser.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { waitFor } from '../support/wait-for.ts';
import { waitForWal } from '../support/wait-for-rollups.ts';
import { compact, readStat } from '../support/web-page.ts';

const TIMEOUT_MS = 240_000;
const server = new PerfscopeServer();
const organization = encodeURIComponent(`l'hôtel "été" 🏨`);
beforeAll(async () => {
  await server.start();
  // The name of this package is the name of the server's own service, which dashboards exclude.
  const env = { OTEL_SERVICE_NAME: 'hotel' };
  expect(await server.runApp('test/apps/known-metrics.mjs', [String(Date.now())], env)).toBe(0);
});
afterAll(() => server.remove());

interface DashboardResponse {
  api: Record<string, number> & { slowestEndpoints: object[] };
  database: object;
  queues: object[];
  systemHealth: object[];
  trends: Record<string, object>;
}

async function getDashboard(organizationId: string): Promise<DashboardResponse> {
  const path = `/api/performance/dashboard?organizationId=${organizationId}`;
  return (await server.get(path)) as unknown as DashboardResponse;
}

it("returns one tenant's recorded metrics", async () => {
  const { api, database, queues, systemHealth, trends } = await waitFor(async () => {
    const dashboard = await getDashboard(organization);
    // Several tables are written one after another, and QuestDB applies the rows of each table later.
    await waitForWal(server);
    return dashboard.api.count === 100 && (await getDashboard(organization));
  });
  expect(api).toMatchObject({ average: 29, errorRate: 5, rate: 100 / 900 });
  // Percentiles are computed from buckets that are 9% wide.
  expect(api.p50).toBeCloseTo(10, -0.3);
  expect(api.p95 ?? 0).toBeGreaterThan(190);
  expect(api.p99 ?? 0).toBeLessThan(210);
  expect(api.slowestEndpoints).toEqual([
    { name: '/slow', operation: 'GET', service: 'hotel', count: 10, average: 200 },
    { name: '/fast', operation: 'GET', service: 'hotel', count: 90, average: 10 },
  ]);
  expect(database).toMatchObject({
    count: 4,
    average: 250,
    connections: 8,
    slowShare: 25,
    slowestOperations: [{ operation: 'SELECT', count: 4, average: 250 }],
  });
  expect(queues).toEqual([
    {
      queue: 'email',
      completed: 3,
      failed: 1,
      stalled: 0,
      failureRate: 25,
      processingTime: 115,
      waitTime: 40,
      arrivalRate: 0,
      completionRate: 4 / 900,
      depth: 17,
      depthByState: { waiting: 17 },
      timeToDrain: (17 / 4) * 900_000,
    },
  ]);
  expect(systemHealth).toEqual([]);
  expect(trends.responseTime).toEqual({ current: 29, previous: 20, change: 45 });
  expect(trends.requestRate).toMatchObject({ change: 100 });
  expect(trends.errorRate).toEqual({ current: 5, previous: 0 });
});

it('returns no values, rather than zeros, if no metrics were reported', async () => {
  const { api, database, queues, trends } = await getDashboard('nobody');
  expect(api).toEqual({ count: 0, rate: 0, slowestEndpoints: [] });
  expect(database).toEqual({ count: 0, rate: 0, slowestOperations: [] });
  expect(queues).toEqual([]);
  expect(trends.responseTime).toEqual({});
});

it('rejects invalid parameters and unknown paths', async () => {
  expect(await server.get('/api/performance/dashboard?last=soon')).toMatchObject({
    status: 400,
    code: 'PS_REQUEST_INVALID',
    detail: expect.stringContaining('15m'),
  });
  expect(await server.get('/api/nothing')).toMatchObject({ status: 404, code: 'PS_NOT_FOUND' });
});

it('shows the metrics and the next steps in the web UI', async () => {
  const browser = await openBrowser();
  try {
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text());
    });
    page.setDefaultTimeout(TIMEOUT_MS);
    let latest: DashboardResponse | undefined;
    page.on('response', async (response) => {
      if (response.url().includes('/api/performance/dashboard')) latest = await response.json();
    });
    await page.goto(server.url);
    // The page refreshes its data.
    await waitFor(async () => {
      if (!latest) return false;
      const { count = 0, rate, p95 } = latest.api;
      return (
        count >= 100 &&
        (await readStat(page, 'Requests')) === compact(formatText(rate, '/s')) &&
        (await readStat(page, 'p95 response time')) === compact(formatText(p95, 'ms'))
      );
    });
    await page.getByRole('region', { name: 'Queues' }).getByText('email').first().waitFor();
    await page.goto(`${server.url}/setup`);
    const commands = page.locator('.code').filter({ hasText: `.tgz ${server.url}/agent-` });
    await commands.waitFor();
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    // The button shows the text for 2 s only, so the test starts to wait before it clicks.
    const copiedButton = commands.getByRole('button', { name: 'Copied' }).waitFor();
    await commands.getByRole('button', { name: 'Copy' }).click();
    await copiedButton;
    const copied = await page.evaluate<string>('navigator.clipboard.readText()');
    expect(copied).toMatch(/^curl .*\/agent-\S+\.tgz\nnpm install \.\/vendor\/\S+\.tgz$/);
    expect(errors).toEqual([]);
    const { SCREENSHOT } = process.env;
    if (SCREENSHOT) await page.screenshot({ path: SCREENSHOT, fullPage: true });
  } finally {
    await browser.close();
  }
});
