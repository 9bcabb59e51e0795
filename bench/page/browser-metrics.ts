import { join } from 'node:path';
import type { CDPSession, Page } from 'playwright-core';

/** What `record-vitals.js` records in a page (https://web.dev/articles/vitals). Times are in ms. */
export interface PageVitals {
  /** Largest contentful paint. */
  readonly lcp: number;
  /** Cumulative layout shift. */
  readonly cls: number;
  /** Longest time from an interaction to the next paint. */
  readonly inp: number;
  longestTask: number;
  /** Longest time between two frames. */
  longestFrame: number;
  /** Time from the navigation to the paint of the first chart. 0 before. */
  readonly firstChart: number;
}

declare global {
  /** Defined by `record-vitals.js`. */
  var recorded: PageVitals;
}

const CHART_TIMEOUT_MS = 60_000;
const FRAME_MS = 16;
const WHEEL_PX = 400;

/** Records the metrics of every page that is opened afterward. */
export async function recordVitals(page: Page): Promise<void> {
  await page.addInitScript({ path: join(import.meta.dirname, 'record-vitals.js') });
}

export function readVitals(page: Page): Promise<PageVitals> {
  return page.evaluate(() => globalThis.recorded);
}

/** Waits for the first chart. Returns the time from the navigation to its paint, in ms. */
export async function waitForFirstChart(page: Page): Promise<number> {
  const options = { timeout: CHART_TIMEOUT_MS };
  await page.waitForFunction(() => globalThis.recorded.firstChart > 0, undefined, options);
  return (await readVitals(page)).firstChart;
}

/**
 * Lets the page run for a time.
 *
 * @returns the longest task, in ms, and the growth of the heap after garbage collection, in percent
 */
export async function measureLongRun(
  page: Page,
  { warmUpMs, durationMs }: { readonly warmUpMs: number; readonly durationMs: number },
): Promise<{ longestTask: number; heapGrowth: number }> {
  const session = await page.context().newCDPSession(page);
  await page.waitForTimeout(warmUpMs);
  const before = await readHeap(session);
  await page.evaluate(() => {
    globalThis.recorded.longestTask = 0;
  });
  await page.waitForTimeout(durationMs);
  // Read first, because the forced collection is a long task.
  const { longestTask } = await readVitals(page);
  const after = await readHeap(session);
  return { longestTask, heapGrowth: 100 * (after / before - 1) };
}

async function readHeap(session: CDPSession): Promise<number> {
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  return usedSize;
}

/** Scrolls an element with the mouse wheel. Returns the longest time between two frames, in ms. */
export async function measureScrolling(
  page: Page,
  selector: string,
  steps: number,
): Promise<number> {
  await page.hover(selector);
  await page.evaluate(() => {
    globalThis.recorded.longestFrame = 0;
  });
  for (let step = 0; step < steps; step++) {
    await page.mouse.wheel(0, WHEEL_PX);
    await page.waitForTimeout(FRAME_MS);
  }
  return (await readVitals(page)).longestFrame;
}
