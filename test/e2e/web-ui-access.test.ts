import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PerfscopeClient } from '../../src/client/perfscope-client.ts';
import { MAX_NAME_LENGTH } from '../../src/core/schema/table-definition.ts';
import type { AddRows } from '../../src/core/schema/table-registry.ts';
import type { PerformanceMetricRow } from '../../src/core/schema/tables/performance-metrics-table.ts';
import { makeHistogram } from '../support/alert-fixtures.ts';
import { createKey } from '../support/create-key.ts';
import { listViews } from '../support/list-views.ts';
import { openBrowser } from '../support/open-browser.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { ProxyServer } from '../support/proxy-server.ts';
import { ALPHA, addTenantRows, BETA } from '../support/two-tenants.ts';
import { waitFor } from '../support/wait-for.ts';
import { WebPage } from '../support/web-page.ts';
import { writeRows } from '../support/write-rows.ts';

const PREFIX = '/tools/perfscope';
const ENDPOINTS = 10_000;
const TENANTS = 500;
/** Rows of longer tables are drawn only near the visible part. */
const MAX_DRAWN_ROWS = 150;
const HOUR_MS = 3_600_000;
const HOSTILE_NAMES = {
  HTML: '<img src=x onerror="globalThis.attacked = true">',
  'right-to-left text': '/\u202Egnp.egami\u202C/\u05E9\u05DC\u05D5\u05DD',
  '2,000 characters': `/${'long-name'.repeat(222)}`,
};
/** Views of the other organization's resources. */
const VIEWS = listViews({
  service: `${ALPHA.mark}-service`,
  operation: 'GET',
  endpoint: `/${ALPHA.mark}-rooms`,
  queue: `${ALPHA.mark}-queueName`,
  job: `${ALPHA.mark}-completed`,
  tenant: ALPHA.organizationId,
});

const server = new PerfscopeServer();
const proxy = new ProxyServer(() => server.url);
let browser: Browser;
let url: string;
let adminKey: string;

beforeAll(async () => {
  await proxy.start();
  url = proxy.url + PREFIX;
  server.env.PERFORMANCE_PUBLIC_URL = url;
  [browser] = await Promise.all([openBrowser(), server.start()]);
  adminKey = await createKey(server, 'ADMIN');
  await writeRows(server, (add) => {
    for (const tenant of [ALPHA, BETA]) addTenantRows(add, tenant, Date.now());
    addRequests(add, { service: 'checkout', endpoint: '/orders' });
    for (const name of Object.values(HOSTILE_NAMES)) {
      addRequests(add, { service: name, endpoint: name, organizationId: name.slice(0, 200) });
    }
  });
});
afterAll(async () => {
  await browser.close();
  proxy.stop();
  await server.remove();
});

/** Adds ten requests to an endpoint, a minute ago. */
function addRequests(add: AddRows, names: Partial<PerformanceMetricRow>): void {
  const { row, buckets } = makeHistogram(
    {
      ...{ timestamp: Date.now() - 60_000, metricType: 'API_RESPONSE_TIME', operation: 'GET' },
      name: 'http.server.request.duration',
      ...names,
    },
    { count: 10, ms: 20 },
  );
  add('performance_metrics', [row]);
  add('metric_buckets', buckets);
}

async function withPage(
  options: { key?: string; script?: string },
  check: (view: WebPage) => Promise<void>,
): Promise<void> {
  const view = await WebPage.open(browser, { url, ...(options.key && { key: options.key }) });
  try {
    if (options.script) await view.page.addInitScript(options.script);
    await check(view);
  } finally {
    await view.close();
  }
}

const asAdmin = (check: (view: WebPage) => Promise<void>) => withPage({ key: adminKey }, check);

it('requests a key, rejects a wrong one, and signs in and out under the path of a proxy', async () => {
  await withPage({}, async (view) => {
    const { page } = view;
    await view.goto('/services');
    await page.getByLabel('API key or token').fill('psk_wrong');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('The server does not accept this key').waitFor();
    await page.getByLabel('API key or token').fill(adminKey);
    await page.route('**/api/performance/me', (route) => route.abort());
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('The server could not check the key').waitFor();
    await page.unrouteAll();
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('region', { name: 'Services' }).waitFor();
    expect(new URL(page.url()).pathname).toBe(`${PREFIX}/services`);
    await page.getByRole('link', { name: 'Queues' }).first().click();
    await page.waitForURL(`${url}/queues**`);
    await page.reload();
    await view.settle();
    expect(await page.getByText('Sign in to Perfscope').count()).toBe(0);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('This server needs an API key or a token.').waitFor();
  });
});

it('shows a user of one organization nothing of another one', async () => {
  const key = await createKey(server, 'ORG_ADMIN', BETA.organizationId);
  await withPage({ key }, async (view) => {
    await view.goto('/');
    const links = (await view.page.locator('nav a').allTextContents()).join();
    expect(links).toContain('Tenants');
    expect(links).not.toMatch(/Hosts and runtime|Retention and health/);
    let shown = '';
    for (const path of VIEWS) {
      await view.goto(path);
      // The parameters of the URL contain names of the other organization.
      const text = await view.page.locator('main').textContent();
      const own = new URLSearchParams(path.split('?')[1]);
      const foreign = [...own.values()].reduce(
        (rest, value) => rest.replaceAll(value, ''),
        text ?? '',
      );
      expect(foreign, path).not.toContain(ALPHA.mark);
      shown += text;
    }
    expect(shown).toContain(BETA.mark);
  });
});

it('requests a key again after it was revoked, and continues on the same view', async () => {
  const key = await createKey(server, 'VIEWER', ALPHA.organizationId);
  await withPage({ key }, async (view) => {
    const { page } = view;
    await view.goto('/services?last=3h');
    const admin = new PerfscopeClient({ url, key: adminKey });
    const { keys } = await admin.get('keys');
    const { id } = keys.find(({ role, state }) => role === 'VIEWER' && state === 'active')!;
    await admin.revokeKey(id);
    await page.getByText('Your key has expired or was revoked').waitFor({ timeout: 90_000 });
    await page.getByLabel('API key or token').fill(adminKey);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('Sign in to Perfscope').waitFor({ state: 'detached' });
    // The administrator sees all organizations.
    await page.getByRole('region', { name: 'Services' }).getByText('checkout').first().waitFor();
    expect(page.url()).toBe(`${url}/services?last=3h`);
  });
});

it('says since when the server is gone, and catches up by itself', async () => {
  await asAdmin(async (view) => {
    const { page } = view;
    await view.goto('/services');
    await server.stop();
    const banner = page.getByText("The server hasn't answered since");
    await banner.waitFor({ timeout: 90_000 });
    expect(await page.getByRole('region', { name: 'Services' }).textContent()).toContain(
      'checkout',
    );
    expect(await page.locator('.shell[data-stale]').count()).toBe(1);
    expect(await page.getByRole('button', { name: 'Disconnected' }).count()).toBe(1);
    await server.start();
    await banner.waitFor({ state: 'detached', timeout: 90_000 });
    await view.settle();
    expect(await page.locator('.shell[data-stale]').count()).toBe(0);
    expect(await page.getByRole('button', { name: 'Live' }).count()).toBe(1);
  });
});

it.each(Object.entries(HOSTILE_NAMES))(
  'shows names with %s as text, in every width',
  async (_kind, fullName) => {
    // Rows contain only the start of long names.
    const name = fullName.slice(0, MAX_NAME_LENGTH);
    await asAdmin(async (view) => {
      const parameters = new URLSearchParams({ service: name, operation: 'GET', endpoint: name });
      for (const path of ['/services', `/service?${parameters}`, `/endpoint?${parameters}`]) {
        await view.goto(path);
        expect(await view.page.locator('#app').textContent()).toContain(name.slice(0, 40));
        for (const width of [390, 1280]) await view.checkFits(width);
      }
      expect(await view.page.evaluate('globalThis.attacked')).toBeUndefined();
      expect(await view.page.locator('main img').count()).toBe(0);
      expect(view.problems).toEqual([]);
    });
  },
);

it.each([-HOUR_MS, HOUR_MS])(
  'uses the clock of the server if the browser is %d ms off',
  async (offset) => {
    const script = `{ const now = Date.now; Date.now = () => now() + ${offset}; }`;
    await withPage({ key: adminKey, script }, async (view) => {
      await view.goto('/services?last=15m');
      const text = await view.page.getByRole('region', { name: 'Services' }).textContent();
      expect(text).toContain('checkout');
      expect(view.problems).toEqual([]);
    });
  },
);

it('opens bookmarks with parameters that no longer exist', async () => {
  await asAdmin(async (view) => {
    const { page } = view;
    await view.goto('/services?last=recently&compare=lastYear&sort=-old&tab=latency&metric=x');
    await page.getByText("The time range in the link isn't valid").waitFor();
    expect(await page.getByRole('region', { name: 'Services' }).textContent()).toContain(
      'checkout',
    );
    await view.goto('/latency-report');
    await page.getByText('There is no such view').waitFor();
    await view.goto('/?alert=abc');
    await page.waitForURL(`${url}/alerts/abc`);
    expect(view.problems.filter((problem) => !problem.includes('404'))).toEqual([]);
  });
});

it('states why a range is empty, and that measurements before the retention are deleted', async () => {
  await asAdmin(async (view) => {
    await view.goto('/services?from=2026-01-01T00:00:00Z&to=2026-01-01T01:00:00Z');
    await view.page.getByText(/The whole range is older than \d+ days/).waitFor();
    await view.page.getByText('Choose a longer range').first().waitFor();
    expect(view.problems).toEqual([]);
  });
});

// Last, because every view is slower with so many names.
describe('with many names', () => {
  beforeAll(() =>
    writeRows(server, (add) => {
      for (let index = 0; index < ENDPOINTS; index++) {
        const organizationId = `tenant-${index % TENANTS}`;
        addRequests(add, { service: 'many', endpoint: `/rooms/${index}`, organizationId });
      }
    }),
  );

  it('shows and searches 10,000 endpoints, and draws only some of them', async () => {
    await asAdmin(async (view) => {
      const { page } = view;
      await view.goto('/services?service=many');
      const table = page.getByRole('region', { name: 'Endpoints' }).locator('table');
      await waitFor(async () => Number(await table.getAttribute('aria-rowcount')) > ENDPOINTS);
      expect(await table.locator('tr').count()).toBeLessThan(MAX_DRAWN_ROWS);
      await page.getByLabel('Search endpoints').fill('rooms/9876');
      await page.getByText('/rooms/9876').first().waitFor();
      expect(await table.getAttribute('aria-rowcount')).toBe('2');
      expect(view.problems).toEqual([]);
    });
  });

  it('shows 500 tenants', async () => {
    await asAdmin(async (view) => {
      const { page } = view;
      await view.goto('/tenants');
      const table = page.getByRole('region', { name: 'Tenants' }).locator('table');
      expect(Number(await table.getAttribute('aria-rowcount'))).toBeGreaterThan(TENANTS);
      await page.getByLabel('Search tenants').fill('tenant-499');
      expect(await table.getAttribute('aria-rowcount')).toBe('2');
      expect(view.problems).toEqual([]);
    });
  });
});
