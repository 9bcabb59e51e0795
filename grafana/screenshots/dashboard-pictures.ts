import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import {
  checkDashboards,
  openReadOnly,
  type QueryResult,
} from '../../test/support/check-dashboards.ts';
import { type DashboardJson, readDashboards } from '../../test/support/dashboard-json.ts';
import type { PerfscopeServer } from '../../test/support/perfscope-server.ts';
import { bundlePage } from './bundle-page.ts';
import type { AnnotationMark, DashboardInput, ResultTable } from './panel-input.ts';
import { savePicture } from './save-picture.ts';

const OUTPUT_DIR =
  process.env.SCREENSHOTS_DIR ?? join(import.meta.dirname, '..', '..', 'docs', 'dashboards');
/** Size of the browser window, such as `1920x1080`. */
const [WIDTH = 1280, HEIGHT = 800] = (process.env.SCREENSHOTS_SIZE ?? '1280x800')
  .split('x')
  .map(Number);
/** Whether to show only what fits in the window, without scrolling. */
const FIRST_SCREEN = process.env.SCREENSHOTS_FIRST_SCREEN === 'true';
/** Time for the charts of a dashboard to be drawn after the page was laid out, in ms. */
const DRAW_MS = 1500;
const COLOR_COUNT = 96;
const PAGE_URL = 'http://localhost/';
/** Folder of the README's pictures. */
const README_DIR = process.env.SCREENSHOTS_DIR ?? join(OUTPUT_DIR, '..', 'images');
/** The dashboard that the README shows, in both themes. */
const README_DASHBOARD = 'overview';
/** Grafana's dashboards are dark by default. */
const DEFAULT_THEME = 'dark';

export interface DashboardPicturesOptions {
  readonly server: PerfscopeServer;
  /** Names of the dashboards. Empty for all. */
  readonly names: readonly string[];
  /** Length of the time range, in ms. */
  readonly rangeMs: number;
  readonly log: (line: string) => void;
}

/** Installs the packages with which Grafana draws its panels. */
export function installGrafanaPackages(log: (line: string) => void): void {
  if (existsSync(join(import.meta.dirname, 'node_modules'))) return;
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

/** Takes pictures of Grafana's dashboards. Runs the same queries that Grafana sends. Grafana's own packages draw the results. */
export async function takeDashboardPictures(
  browser: Browser,
  { server, names, rangeMs, log }: DashboardPicturesOptions,
): Promise<void> {
  const { script, style } = await bundlePage();
  const client = await openReadOnly(server.questdb.read);
  const toMs = Date.now();
  const view = { fromMs: toMs - rangeMs, toMs, interval: '10s' };
  const results = await checkDashboards(client, view);
  await client.end();
  mkdirSync(OUTPUT_DIR, { recursive: true });
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
    if (names.length > 0 && !names.includes(name)) continue;
    const input = toInput(dashboard, results, view);
    const take = (file: string, theme: 'light' | 'dark', isFirstScreen: boolean) =>
      takePicture(page, { input, script, style, file, theme, isFirstScreen });
    await take(join(OUTPUT_DIR, `${name}.png`), DEFAULT_THEME, FIRST_SCREEN);
    if (name === README_DASHBOARD) {
      for (const theme of ['light', 'dark'] as const)
        await take(join(README_DIR, `grafana-${theme}.png`), theme, true);
    }
    log(`Saved ${dashboard.title}`);
  }
  await page.close();
}

interface PictureOptions {
  readonly input: DashboardInput;
  readonly script: string;
  readonly style: string;
  readonly file: string;
  readonly theme: 'light' | 'dark';
  /** Whether to show only what fits in the window. */
  readonly isFirstScreen: boolean;
}

/** Draws a dashboard and saves a picture of it. */
async function takePicture(page: Page, options: PictureOptions): Promise<void> {
  const { input, script, style, file, theme, isFirstScreen } = options;
  await page.emulateMedia({ colorScheme: theme });
  await page.setViewportSize({ width: WIDTH, height: HEIGHT });
  await page.goto(PAGE_URL);
  await page.addStyleTag({ content: style });
  await page.addScriptTag({ content: script });
  await page.evaluate((each) => globalThis.drawDashboard(each), input);
  // Tables draw only the rows in the window.
  const height = isFirstScreen ? HEIGHT : await page.evaluate('document.body.scrollHeight');
  await page.setViewportSize({ width: WIDTH, height: Number(height) });
  await page.waitForTimeout(DRAW_MS);
  await savePicture(await page.screenshot(), file, COLOR_COUNT);
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
