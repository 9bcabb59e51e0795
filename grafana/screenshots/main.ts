// npm run screenshots [-- NAME …]: a picture of each dashboard, or of those that are named, over the demo,
// from the queries that Grafana sends.
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
/** How long people book rooms before the pictures are taken. */
const DEMO_MS = Number(process.env.SCREENSHOTS_AFTER_MS ?? 300_000);
/** So that the beginning of each is seen. */
const SCENARIO_DELAY_MS = 20_000;
const SHOWN_RANGE_MS = 2 * DEMO_MS;
const NAMES = process.argv.slice(2);
/** What goes wrong meanwhile, one after another: demand-peak,backlog,stuck-database for the actions. */
const SCENARIOS = (process.env.SCREENSHOTS_SCENARIOS ?? 'error-burst')
  .split(',')
  .filter(isScenario);
/** So that a picture stays small. */
const COLOURS = 96;
const CHROMIUM_PATH = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync);

const server = new PerfscopeServer({ PERFORMANCE_FLUSH_INTERVAL: '2000' });
const say = (line: string) => console.log(`screenshots: ${line}`);
const demo = new Demo({ fast: true, scenario: undefined, env: server.env, say });
try {
  await demo.start();
  say(`${DEMO_MS / 1000} s of traffic …`);
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
  const answers = await checkDashboards(client, view);
  await client.end();
  mkdirSync(OUTPUT_DIR, { recursive: true });
  const browser = await chromium.launch({
    ...(CHROMIUM_PATH !== undefined && { executablePath: CHROMIUM_PATH }),
    args: ['--no-sandbox', '--disable-lcd-text'],
  });
  try {
    const page = await browser.newPage({ viewport: { width: PAGE_WIDTH, height: 100 } });
    for (const dashboard of readDashboards()) {
      // What asks Prometheus needs one that has scraped for a while.
      if (dashboard.panels.every(({ targets }) => targets.every(({ rawSql }) => !rawSql))) continue;
      const name = dashboard.uid.slice('perfscope-'.length);
      if (NAMES.length > 0 && !NAMES.includes(name)) continue;
      const answerOf = ({ title }: { title: string }) => answers.get(`${dashboard.uid}: ${title}`);
      await page.setContent(renderPage(dashboard, answerOf));
      const picture = await page.screenshot({ fullPage: true });
      const file = join(OUTPUT_DIR, `${name}.png`);
      await sharp(picture).png({ palette: true, colours: COLOURS, effort: 10 }).toFile(file);
      say(dashboard.title);
    }
  } finally {
    await browser.close();
  }
}
