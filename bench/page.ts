import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import express from 'express';
import type { Browser, Page } from 'playwright-core';
import { build } from 'vite';
import { openBrowser } from '../test/support/open-browser.ts';
import { PerfscopeServer } from '../test/support/perfscope-server.ts';
import {
  measureLongRun,
  measureScrolling,
  readVitals,
  recordVitals,
  waitForFirstChart,
} from './page/browser-metrics.ts';
import { ServiceFleet } from './query/service-fleet.ts';
import { atMost, type BenchOptions, median, type Report } from './report.ts';

const SIZES = {
  full: {
    requestSeries: 500,
    rawMs: 86_400_000,
    days: 30,
    loads: 9,
    warmUpMs: 30_000,
    durationMs: 600_000,
    steps: 600,
  },
  quick: {
    requestSeries: 40,
    rawMs: 3_600_000,
    days: 2,
    loads: 3,
    warmUpMs: 3000,
    durationMs: 5000,
    steps: 60,
  },
} as const;
const ASSETS = resolve('dist/web/assets');
const VIEW = '/?last=1h';
/** Time for the rest of the view to load. */
const SETTLE_MS = 1000;
const DESKTOP = { width: 1280, height: 900 };

/** Measures the web UI in Chromium: the size of its scripts, its first chart, long runs, and scrolling. */
export async function benchPage({ quick, log }: BenchOptions): Promise<Report> {
  const size = quick ? SIZES.quick : SIZES.full;
  const fleet = new ServiceFleet({ ...size, log });
  const server = new PerfscopeServer();
  const browser = await openBrowser();
  try {
    await fleet.start();
    Object.assign(server.env, fleet.questdb.env);
    await server.start();
    log('loading the overview …');
    const loads = await measureLoads(browser, server.url, size.loads);
    log(`showing live charts for ${size.durationMs / 1000} s …`);
    const { charts, table, plain } = await measureComponents(browser, size);
    return {
      targets: [
        atMost('JavaScript of the first view, compressed', loads.firstViewBytes / 1000, 150, 'kB'),
        atMost('JavaScript in total, compressed', sumScripts() / 1000, 250, 'kB'),
        atMost('first chart, cold cache', median(loads.cold), 1000, 'ms'),
        atMost('first chart, warm cache', median(loads.warm), 300, 'ms'),
        atMost('longest task of 20 live charts, CPU time', charts.cpuMs, 50, 'ms'),
        atMost('longest task of 20 live charts, by the clock', charts.clockMs, 50, 'ms'),
        atMost('heap growth of 20 live charts', charts.heapGrowth, 10, '%'),
        atMost('longest task while scrolling 10,000 rows, CPU time', table.cpuMs, 32, 'ms'),
        atMost('longest frame while scrolling 10,000 rows', table.longestFrame, 32, 'ms'),
      ],
      details: {
        ...(await fleet.countRows()),
        loads: size.loads,
        'longest frame while scrolling a plain page (ms)': plain.longestFrame,
        'LCP, median (ms)': median(loads.vitals.map(({ lcp }) => lcp)),
        'CLS, highest': Math.max(...loads.vitals.map(({ cls }) => cls)),
        'INP, highest (ms)': Math.max(...loads.vitals.map(({ inp }) => inp)),
      },
    };
  } finally {
    await browser.close();
    await server.remove();
    await fleet.remove();
  }
}

/** Opens the overview, each time with an empty cache and then again with a full one. */
async function measureLoads(browser: Browser, url: string, count: number) {
  const cold: number[] = [];
  const warm: number[] = [];
  const vitals = [];
  let firstViewBytes = 0;
  for (let load = 0; load < count; load++) {
    const context = await browser.newContext({ viewport: DESKTOP });
    const page = await context.newPage();
    await recordVitals(page);
    const scripts = new Set<string>();
    page.on('response', (response) => {
      const { pathname } = new URL(response.url());
      if (pathname.endsWith('.js')) scripts.add(pathname.split('/').at(-1)!);
    });
    await page.goto(url + VIEW);
    cold.push(await waitForFirstChart(page));
    await page.waitForTimeout(SETTLE_MS);
    await interact(page);
    vitals.push(await readVitals(page));
    firstViewBytes = [...scripts].reduce(
      (sum, name) => sum + statSync(join(ASSETS, `${name}.br`)).size,
      0,
    );
    await page.goto(url + VIEW);
    warm.push(await waitForFirstChart(page));
    await context.close();
  }
  return { cold, warm, vitals, firstViewBytes };
}

/** Opens menus and the search, which are the interactions of INP. */
async function interact(page: Page): Promise<void> {
  await page.getByRole('button', { name: /^Time range/ }).click();
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+k');
  await page.keyboard.type('book');
  await page.keyboard.press('Escape');
  await page.waitForTimeout(200);
}

function sumScripts(): number {
  const scripts = readdirSync(ASSETS).filter((name) => name.endsWith('.js.br'));
  return scripts.reduce((sum, name) => sum + statSync(join(ASSETS, name)).size, 0);
}

/** Measures components on separate pages, with generated data. */
async function measureComponents(browser: Browser, size: (typeof SIZES)[keyof typeof SIZES]) {
  const folder = mkdtempSync(join(tmpdir(), 'perfscope-page-'));
  await build({
    root: resolve('bench/page'),
    logLevel: 'warn',
    build: { outDir: folder, emptyOutDir: true },
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  });
  const server = createServer(express().use(express.static(folder)));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as { port: number };
  const page = await browser.newPage({ viewport: DESKTOP });
  try {
    await recordVitals(page);
    const open = async (name: string) => {
      // A change of the hash alone would not load the page.
      await page.goto('about:blank');
      await page.goto(`http://127.0.0.1:${port}/#${name}`);
    };
    await open('charts');
    await waitForFirstChart(page);
    const charts = await measureLongRun(page, size);
    await open('table');
    const table = await measureScrolling(page, '.table-scroll', size.steps);
    await open('plain');
    const plain = await measureScrolling(page, '.table-scroll', size.steps);
    return { charts, table, plain };
  } finally {
    await page.close();
    server.close();
    rmSync(folder, { recursive: true });
  }
}
