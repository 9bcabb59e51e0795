// npm run screenshots [-- web | grafana | NAME …]: starts the demo, and takes pictures of the web UI and of all dashboards.
// `web` takes pictures only of the web UI, `grafana` of all dashboards, and names of single dashboards.
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Demo } from '../../demo/demo.ts';
import { parseScenarios } from '../../demo/scenarios.ts';
import { openBrowser } from '../../test/support/open-browser.ts';
import { PerfscopeServer } from '../../test/support/perfscope-server.ts';
import { installGrafanaPackages, takeDashboardPictures } from './dashboard-pictures.ts';
import { takeWebPictures } from './web-pictures.ts';

const [kind, ...others] = process.argv.slice(2);
const hasWeb = kind === undefined || kind === 'web';
const hasDashboards = kind !== 'web';
const names = kind === undefined || kind === 'web' || kind === 'grafana' ? [] : [kind, ...others];
/** How long the demo runs with its scenarios before the pictures are taken, in ms. */
const DEMO_MS = Number(process.env.SCREENSHOTS_AFTER_MS ?? (hasWeb ? 420_000 : 300_000));
/** Normal traffic before the scenarios, in ms. The web UI compares 15 minutes with the 15 minutes before. */
const QUIET_MS = hasWeb ? 1_380_000 : 0;
/** Pause before each scenario, so that the charts show how it starts. */
const SCENARIO_DELAY_MS = 20_000;
/**
 * The demo scenarios to run, one after another. For the Actions dashboard, use
 * `demand-peak,backlog,stuck-database`.
 */
const SCENARIOS = parseScenarios(process.env.SCREENSHOTS_SCENARIOS ?? 'error-burst');
if (typeof SCENARIOS === 'string') throw new Error(`unknown scenario ${SCENARIOS}`);

const log = (line: string) => console.log(`screenshots: ${line}`);
if (hasDashboards) installGrafanaPackages(log);
const server = new PerfscopeServer({
  PERFORMANCE_FLUSH_INTERVAL: '2000',
  PERFORMANCE_RULES_FILE: join(import.meta.dirname, 'rules.yaml'),
});
const demo = new Demo({ fast: true, env: server.env, log });
try {
  await demo.start();
  log(`Running traffic for ${(QUIET_MS + DEMO_MS) / 1000} s …`);
  await delay(QUIET_MS);
  for (const scenario of SCENARIOS) {
    await delay(SCENARIO_DELAY_MS);
    await demo.setScenarios(scenario);
    await delay(DEMO_MS / SCENARIOS.length - SCENARIO_DELAY_MS);
  }
  if (SCENARIOS.length === 0) await delay(DEMO_MS);
  const browser = await openBrowser(['--disable-lcd-text']);
  try {
    if (hasWeb) await takeWebPictures(browser, demo.serverUrl, log);
    if (hasDashboards) {
      await takeDashboardPictures(browser, { server, names, rangeMs: 2 * DEMO_MS, log });
    }
  } finally {
    await browser.close();
  }
} finally {
  await demo.stop();
  await server.remove();
}
