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
const TRACE_MS = 30_000;
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

/** The longest task of the main thread. Other processes lengthen the time by the clock, but not the CPU time. */
export interface LongestTask {
  readonly clockMs: number;
  readonly cpuMs: number;
}

/**
 * Lets the page run for a time.
 *
 * @returns the longest task, and the growth of the heap after garbage collection, in percent
 */
export async function measureLongRun(
  page: Page,
  { warmUpMs, durationMs }: { readonly warmUpMs: number; readonly durationMs: number },
): Promise<LongestTask & { heapGrowth: number }> {
  const session = await page.context().newCDPSession(page);
  await page.waitForTimeout(warmUpMs);
  const before = await readHeap(session);
  let [clockMs, cpuMs] = [0, 0];
  const endMs = Date.now() + durationMs;
  while (Date.now() < endMs) {
    // In parts, because a trace of ten minutes would take too much memory.
    const partMs = Math.min(TRACE_MS, endMs - Date.now());
    const part = await traceTasks(page, () => page.waitForTimeout(partMs));
    clockMs = Math.max(clockMs, part.clockMs);
    cpuMs = Math.max(cpuMs, part.cpuMs);
  }
  const after = await readHeap(session);
  return { clockMs, cpuMs, heapGrowth: 100 * (after / before - 1) };
}

interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  /** Times in µs. */
  readonly dur?: number;
  readonly tdur?: number;
  readonly args: { readonly name?: string };
}

/** Measures the tasks of the renderer's main thread while `run` is running. */
async function traceTasks(page: Page, run: () => Promise<unknown>): Promise<LongestTask> {
  const browser = page.context().browser()!;
  await browser.startTracing(page, { categories: ['disabled-by-default-devtools.timeline'] });
  await page.evaluate(() => {
    globalThis.recorded.longestTask = 0;
  });
  await run();
  const { longestTask: clockMs } = await readVitals(page);
  const trace = await browser.stopTracing();
  const { traceEvents } = JSON.parse(trace.toString()) as { traceEvents: TraceEvent[] };
  const mainThreads = new Set(
    traceEvents
      .filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain')
      .map(({ pid, tid }) => `${pid}/${tid}`),
  );
  const tasks = traceEvents.filter(
    ({ name, pid, tid }) => name === 'RunTask' && mainThreads.has(`${pid}/${tid}`),
  );
  if (tasks.length === 0) throw new Error('The trace has no tasks');
  const cpuMs = tasks.reduce((longest, { tdur = 0 }) => Math.max(longest, tdur / 1000), 0);
  return { clockMs, cpuMs };
}

async function readHeap(session: CDPSession): Promise<number> {
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  return usedSize;
}

/** Scrolls an element with the mouse wheel. */
export async function measureScrolling(
  page: Page,
  selector: string,
  steps: number,
): Promise<LongestTask & { longestFrame: number }> {
  await page.hover(selector);
  await page.evaluate(() => {
    globalThis.recorded.longestFrame = 0;
  });
  const task = await traceTasks(page, async () => {
    for (let step = 0; step < steps; step++) {
      await page.mouse.wheel(0, WHEEL_PX);
      await page.waitForTimeout(FRAME_MS);
    }
  });
  return { ...task, longestFrame: (await readVitals(page)).longestFrame };
}
