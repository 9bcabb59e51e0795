// npm run screenshots [-- NAME …]: takes a screenshot of every dashboard, or only of the given ones.
// Starts the demo and runs the same queries that Grafana sends.
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import sharp from 'sharp';
import { Demo } from '../../demo/demo.ts';
import { isScenario } from '../../demo/scenarios.ts';
import { checkDashboards, openReadOnly } from '../../test/support/check-dashboards.ts';
import { readDashboards } from '../../test/support/dashboard-json.ts';
import { PerfscopeServer } from '../../test/support/perfscope-server.ts';
import { PAGE_WIDTH, renderPage } from './render-page.ts';

const OUTPUT_DIR = join(import.meta.dirname, '..', '..', 'docs', 'dashboards');
/** How long the demo runs before the screenshots are taken, in ms. */
const DEMO_MS = Number(process.env.SCREENSHOTS_AFTER_MS ?? 300_000);
/** Pause before each scenario, so that the charts show how it starts. */
const SCENARIO_DELAY_MS = 20_000;
const SHOWN_RANGE_MS = 2 * DEMO_MS;
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
const CHROMIUM_PATH = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync);

const server = new PerfscopeServer({ PERFORMANCE_FLUSH_INTERVAL: '2000' });
const log = (line: string) => console.log(`screenshots: ${line}`);
const demo = new Demo({ fast: true, scenario: undefined, env: server.env, log });
try {
  await demo.start();
  log(`Running traffic for ${DEMO_MS / 1000} s …`);
  for (const scenario of SCENARIOS) {
    await delay(SCENARIO_DELAY_MS);
    await demo.setScenario(scenario);
    await delay(DEMO_MS / SCENARIOS.length - SCENARIO_DELAY_MS);
  }
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
    const page = await browser.newPage({ viewport: { width: PAGE_WIDTH, height: 100 } });
    for (const dashboard of readDashboards()) {
      // Skips dashboards that read only Prometheus, because the demo doesn't run Prometheus.
      if (dashboard.panels.every(({ targets }) => targets.every(({ rawSql }) => !rawSql))) continue;
      const name = dashboard.uid.slice('perfscope-'.length);
      if (NAMES.length > 0 && !NAMES.includes(name)) continue;
      const getResult = ({ title }: { title: string }) => results.get(`${dashboard.uid}: ${title}`);
      await page.setContent(renderPage(dashboard, getResult));
      const screenshot = await page.screenshot({ fullPage: true });
      const file = join(OUTPUT_DIR, `${name}.png`);
      await sharp(screenshot).png({ palette: true, colours: COLOR_COUNT, effort: 10 }).toFile(file);
      log(`Saved ${dashboard.title}`);
    }
  } finally {
    await browser.close();
  }
}
