import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeGauge } from '../support/alert-fixtures.ts';
import { openBrowser } from '../support/open-browser.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { WebPage } from '../support/web-page.ts';
import { writeRows } from '../support/write-rows.ts';

const QUEUES = ['invoices', 'reminders'];
const SCOPES = ['bull@redis-1.booking.example:6379/0', 'bull@redis-2.booking.example:6379/0'];
const CONNECT_ERROR = 'connect ECONNREFUSED 127.0.0.1:6379';
const WINDOWS = [
  { width: 1280, height: 800 },
  { width: 390, height: 844 },
];

const server = new PerfscopeServer();
let browser: Browser;
let view: WebPage;

beforeAll(async () => {
  [browser] = await Promise.all([openBrowser(), server.start()]);
  const common = { service: 'booking', instance: 'booking-1', timestamp: Date.now() - 60_000 };
  await writeRows(server, (add) => {
    for (const endpoint of QUEUES) {
      for (const queueScope of SCOPES) {
        const queue = { ...common, endpoint, queueScope, value: 0 };
        add('performance_metrics', [
          makeGauge({ ...queue, metricType: 'QUEUE_DEPTH', operation: 'waiting' }),
          makeGauge({ ...queue, metricType: 'QUEUE_OLDEST_AGE' }),
        ]);
      }
    }
    add('queue_metrics', [
      { ...common, id: 'job', queueName: 'short', jobId: '1', status: 'completed', test: false },
    ]);
    add('error_logs', [
      {
        ...common,
        ...{ id: 'error', kind: 'database', level: 'error', endpoint: 'CONNECT', count: 5 },
        ...{ fingerprint: 'redis', errorType: 'ECONNREFUSED', message: CONNECT_ERROR },
        context: JSON.stringify({ server: '127.0.0.1:6379' }),
      },
    ]);
  });
  view = await WebPage.open(browser, { url: server.url });
});
afterAll(async () => {
  await browser.close();
  await server.remove();
});

it.each(WINDOWS)('shows the complete names of queues at $width px', async (size) => {
  await view.page.setViewportSize(size);
  for (const path of ['/', '/queues']) {
    await view.goto(`${path}?last=15m`);
    expect(await readCut('a[href*="/queue?"].name')).toEqual([]);
    for (const name of QUEUES) {
      const row = view.page.locator('tr', { hasText: name }).first();
      expect(await row.textContent()).not.toContain('ms');
      expect(await row.textContent()).toContain('–');
    }
  }
});

it('shows the complete error of a failed connection', async () => {
  await view.page.setViewportSize(WINDOWS[0]!);
  await view.goto('/databases?last=15m');
  expect(await view.page.getByRole('link', { name: CONNECT_ERROR, exact: true }).count()).toBe(1);
  expect(await readCut('a[href*="fingerprint=redis"].name')).toEqual([]);
});

it('explains why a queue has no states, and no age of its oldest job', async () => {
  await view.goto('/queue?queue=short&last=15m');
  const main = view.page.locator('main');
  expect(await main.getByText("No process reported the states of this queue's jobs").count()).toBe(
    1,
  );
  expect(await main.getByText("No process reported the age of this queue's jobs").count()).toBe(1);
});

/** Returns the texts of the elements that the page cuts. */
function readCut(selector: string): Promise<string[]> {
  return view.page.evaluate<string[]>(
    `[...document.querySelectorAll(${JSON.stringify(selector)})]
      .filter((each) => each.scrollWidth > each.clientWidth)
      .map((each) => each.textContent)`,
  );
}
