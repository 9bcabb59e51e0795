import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InstrumentedApp } from '../../test/support/instrumented-app.ts';
import { PerfscopeServer } from '../../test/support/perfscope-server.ts';
import { waitFor } from '../../test/support/wait-for.ts';

export const FLUSH_INTERVAL_MS = 2000;
export const EVALUATION_INTERVAL_MS = 2000;

/**
 * Measures the time from the end of a slow request to the transition of its alert, in ms. Returns one time for
 * each of the `tries` attempts.
 */
export async function measureAlertLatencies(
  tries: number,
  log: (line: string) => void,
): Promise<number[]> {
  const perfscope = new PerfscopeServer({ PERFORMANCE_FLUSH_INTERVAL: String(FLUSH_INTERVAL_MS) });
  const rules = join(perfscope.folder, 'rules.yaml');
  writeFileSync(
    rules,
    `interval: ${EVALUATION_INTERVAL_MS / 1000}s
rules:
  - name: too-slow
    measure: { type: API_RESPONSE_TIME, aggregate: max, groupBy: [service], window: 5m }
    thresholds: { warning: 1000 }
`,
  );
  perfscope.env.PERFORMANCE_RULES_FILE = rules;
  const latencies: number[] = [];
  try {
    await perfscope.start();
    for (let i = 0; i < tries; i++) {
      const env = { ...perfscope.env, OTEL_SERVICE_NAME: `slow-${i}` };
      const app = new InstrumentedApp('bench/alerts/slow-service.mjs', { env });
      const url = await app.url();
      await (await fetch(url)).text();
      await (await fetch(`${url}/?ms=1200`)).text();
      const endMs = Date.now();
      const firedMs = await waitFor(async () => {
        const rows = await perfscope.sql(
          `SELECT cast(timestamp AS long) / 1000 FROM alerts WHERE rule = 'too-slow' AND service = 'slow-${i}' AND state = 'firing'`,
        );
        return rows[0] && Number(rows[0][0]);
      }, 60_000);
      latencies.push(firedMs - endMs);
      log(`alert ${i + 1} of ${tries} after ${firedMs - endMs} ms`);
      await app.stop();
    }
    return latencies;
  } finally {
    await perfscope.remove();
  }
}
