// npm run screenshots [-- NAME …]: takes a screenshot of every dashboard, or only of the given ones.
// Starts the demo and runs the same queries that Grafana sends. Grafana's own packages draw the results.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import sharp from 'sharp';
import { Demo } from '../../demo/demo.ts';
import { isScenario } from '../../demo/scenarios.ts';
import {
  checkDashboards,
  openReadOnly,
  type QueryResult,
} from '../../test/support/check-dashboards.ts';
import { type DashboardJson, readDashboards } from '../../test/support/dashboard-json.ts';
import { PerfscopeServer } from '../../test/support/perfscope-server.ts';
import { bundlePage } from './bundle-page.ts';
import type { AnnotationMark, DashboardInput, ResultTable } from './panel-input.ts';

const OUTPUT_DIR =
  process.env.SCREENSHOTS_DIR ?? join(import.meta.dirname, '..', '..', 'docs', 'dashboards');
/** How long the demo runs before the screenshots are taken, in ms. */
const DEMO_MS = Number(process.env.SCREENSHOTS_AFTER_MS ?? 300_000);
/** Size of the browser window, such as `1920x1080`. */
const [WIDTH = 1280, HEIGHT = 800] = (process.env.SCREENSHOTS_SIZE ?? '1280x800')
  .split('x')
  .map(Number);
/** Whether to show only what fits in the window, without scrolling. */
const FIRST_SCREEN = process.env.SCREENSHOTS_FIRST_SCREEN === 'true';
/** Pause before each scenario, so that the charts show how it starts. */
const SCENARIO_DELAY_MS = 20_000;
const SHOWN_RANGE_MS = 2 * DEMO_MS;
/** Time for the charts of a dashboard to be drawn after the page was laid out, in ms. */
const DRAW_MS = 1500;
const NAMES = process.argv.slice(2);
/**
 * The demo scenarios to run, one after another. For the Actions dashboard, use
 * `demand-peak,backlog,stuck-database`.
 */
const SCENARIOS = (process.env.SCREENSHOTS_SCENARIOS ?? 'error-burst')
  .split(',')
  .filter(isScenario);
/** Number of colors in a PNG file. Fewer colors make smaller files. */
const COLOR_COUNT = 96;
const PAGE_URL = 'http://localhost/';
const CHROMIUM_PATH = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync);

const log = (line: string) => console.log(`screenshots: ${line}`);
if (!existsSync(join(import.meta.dirname, 'node_modules'))) {
  log("installing Grafana's packages (only once) …");
  const flags = [
    '--no-audit',
    '--no-fund',
    '--prefer-offline',
    '--loglevel=error',
    '--ignore-scripts',
  ];
  execFileSync('npm', ['ci', ...flags], { cwd: import.meta.dirname, stdio: 'inherit' });
}
const { script, style } = await bundlePage();
const server = new PerfscopeServer({ PERFORMANCE_FLUSH_INTERVAL: '2000' });
const demo = new Demo({ fast: true, scenario: undefined, env: server.env, log });
try {
  await demo.start();
  log(`Running traffic for ${DEMO_MS / 1000} s …`);
  for (const scenario of SCENARIOS) {
    await delay(SCENARIO_DELAY_MS);
    await demo.setScenario(scenario);
    await delay(DEMO_MS / SCENARIOS.length - SCENARIO_DELAY_MS);
  }
  if (SCENARIOS.length === 0) await delay(DEMO_MS);
  await takeScreenshots();
} finally {
  await demo.stop();
  await server.remove();
}

async function takeScreenshots(): Promise<void> {
  const client = await openReadOnly(server.questdb.read);
  const toMs = Date.now();
  const view = { fromMs: toMs - SHOWN_RANGE_MS, toMs, interval: '10s' };
  const results = await checkDashboards(client, view);
  await client.end();
  mkdirSync(OUTPUT_DIR, { recursive: true });
  const browser = await chromium.launch({
    ...(CHROMIUM_PATH !== undefined && { executablePath: CHROMIUM_PATH }),
    args: ['--no-sandbox', '--disable-lcd-text'],
  });
  try {
    const page = await browser.newPage({ viewport: { width: WIDTH, height: HEIGHT } });
    page.on('pageerror', (error) => log(error.message));
    // Nothing listens on this address. Grafana's packages need an origin for their local storage.
    await page.route(`${PAGE_URL}*`, (route) =>
      route.fulfill({
        contentType: 'text/html',
        body: '<!doctype html><style>body { margin: 0 }</style>',
      }),
    );
    for (const dashboard of readDashboards()) {
      // Skips dashboards that read only Prometheus, because the demo doesn't run Prometheus.
      if (dashboard.panels.every(({ targets }) => targets.every(({ rawSql }) => !rawSql))) continue;
      const name = dashboard.uid.slice('perfscope-'.length);
      if (NAMES.length > 0 && !NAMES.includes(name)) continue;
      await page.setViewportSize({ width: WIDTH, height: HEIGHT });
      await page.goto(PAGE_URL);
      await page.addStyleTag({ content: style });
      await page.addScriptTag({ content: script });
      await page.evaluate(
        (input) => globalThis.drawDashboard(input),
        toInput(dashboard, results, view),
      );
      // Tables draw only the rows in the window.
      const height = FIRST_SCREEN ? HEIGHT : await page.evaluate('document.body.scrollHeight');
      await page.setViewportSize({ width: WIDTH, height: Number(height) });
      await page.waitForTimeout(DRAW_MS);
      const screenshot = await page.screenshot();
      const file = join(OUTPUT_DIR, `${name}.png`);
      await sharp(screenshot).png({ palette: true, colours: COLOR_COUNT, effort: 10 }).toFile(file);
      log(`Saved ${dashboard.title}`);
    }
  } finally {
    await browser.close();
  }
}

/** Returns a dashboard with its results. Times become numbers, because the page receives JSON. */
function toInput(
  dashboard: DashboardJson,
  results: ReadonlyMap<string, QueryResult>,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): DashboardInput {
  return {
    title: dashboard.title,
    fromMs,
    toMs,
    panels: dashboard.panels.map((panel) => {
      const result = results.get(`${dashboard.uid}: ${panel.title}`);
      return { panel, result: result && toTable(result) };
    }),
    annotations: dashboard.annotations.list.flatMap((annotation): AnnotationMark[] => {
      const result = results.get(`${dashboard.uid}: @${annotation.name}`);
      if (annotation.enable === false || !result) return [];
      const { exclude = false, ids = [] } = annotation.filter ?? {};
      const allIds = dashboard.panels.map(({ id }) => id);
      const excludedPanels = exclude
        ? ids
        : ids.length > 0
          ? allIds.filter((id) => !ids.includes(id))
          : [];
      return toTable(result).rows.map((row) => ({
        timeMs: Number(row.time),
        endMs: typeof row.timeEnd === 'number' ? row.timeEnd : undefined,
        color: annotation.iconColor ?? 'red',
        excludedPanels,
      }));
    }),
  };
}

function toTable({ columns, types, rows }: QueryResult): ResultTable {
  const toJsonValue = (value: unknown) => (value instanceof Date ? value.getTime() : value);
  return {
    columns,
    types,
    rows: rows.map((row) =>
      Object.fromEntries(Object.entries(row).map(([name, value]) => [name, toJsonValue(value)])),
    ),
  };
}
