import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { PerfscopeClient } from '../../src/client/perfscope-client.ts';
import { waitFor } from '../../test/support/wait-for.ts';
import { savePicture } from './save-picture.ts';

const OUTPUT_DIR =
  process.env.SCREENSHOTS_DIR ?? join(import.meta.dirname, '..', '..', 'docs', 'images');
const THEMES = ['light', 'dark'] as const;
const LAST = '15m';
const RULE = 'error-rate';
const ALERT_TIMEOUT_MS = 300_000;
/** Time for the charts to be drawn after the last answer, in ms. */
const DRAW_MS = 1500;
const COLOR_COUNT = 128;

interface Picture {
  readonly name: string;
  readonly path: string;
  readonly height: number;
}

/** Takes pictures of the web UI for the README, in both themes. Waits until an alert about the errors is firing. */
export async function takeWebPictures(
  browser: Browser,
  url: string,
  log: (line: string) => void,
): Promise<void> {
  mkdirSync(OUTPUT_DIR, { recursive: true });
  const pictures = listPictures(await waitForAlert(url));
  for (const theme of THEMES) {
    const page = await browser.newPage({
      colorScheme: theme,
      timezoneId: 'UTC',
      deviceScaleFactor: 2,
    });
    page.on('pageerror', (error) => log(error.message));
    for (const { name, path, height } of pictures) {
      await page.setViewportSize({ width: 1280, height });
      await page.goto(`${url}${path}`);
      await waitForData(page);
      await savePicture(
        await page.screenshot(),
        join(OUTPUT_DIR, `${name}-${theme}.png`),
        COLOR_COUNT,
      );
      log(`Saved ${name}, ${theme}`);
    }
    await page.close();
  }
}

function listPictures(alertId: string): Picture[] {
  const endpoint = {
    service: 'booking',
    operation: 'POST',
    endpoint: '/api/properties/:property/bookings',
  };
  const toPath = (path: string, parameters: Readonly<Record<string, string>> = {}) =>
    `${path}?${new URLSearchParams({ last: LAST, ...parameters })}`;
  return [
    { name: 'overview', path: toPath('/', { compare: 'previous' }), height: 1010 },
    {
      name: 'endpoint',
      path: toPath('/endpoint', { ...endpoint, compare: 'previous' }),
      height: 1000,
    },
    { name: 'alert', path: toPath(`/alerts/${alertId}`), height: 900 },
    {
      name: 'explore',
      path: toPath('/explore', { groupBy: 'endpoint', service: 'booking', aggregate: 'p95' }),
      height: 900,
    },
  ];
}

/** Returns the ID of an alert about the errors as soon as it is firing. */
async function waitForAlert(url: string): Promise<string> {
  const client = new PerfscopeClient({ url });
  const alert = await waitFor(async () => {
    const { alerts } = await client.get('alerts', { state: ['firing'] });
    return alerts.find(({ rule }) => rule === RULE);
  }, ALERT_TIMEOUT_MS);
  return alert.id;
}

/** Waits until all charts are drawn. Views load their lower parts later. */
async function waitForData(page: Page): Promise<void> {
  await page.locator('.content .card').first().waitFor();
  for (let stable = 0; stable < 2; stable++) {
    await page.waitForSelector('.skeleton', { state: 'detached' });
    await page.waitForTimeout(DRAW_MS);
  }
}
