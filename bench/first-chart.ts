import { execFileSync } from 'node:child_process';
import pg from 'pg';
import { parseAllDocuments } from 'yaml';
import { waitFor } from '../test/support/wait-for.ts';
import { FreshClone } from './fresh-clone.ts';
import { atMost, type BenchOptions, type Report } from './report.ts';

/** Requests per second, as in a Grafana chart. */
const CHART_SQL = `SELECT timestamp AS time, sum(count) / 10.0 AS requests FROM performance_metrics
  WHERE metric_type = 'API_RESPONSE_TIME' AND timestamp > dateadd('m', -15, now())
  SAMPLE BY 10s ORDER BY time`;

/**
 * Measures the time from a fresh clone to the first chart with data: install, start, `perfscope grafana`, and a
 * chart query with the printed data source. The npm and Maven caches are warm.
 */
export async function benchFirstChart({ log }: BenchOptions): Promise<Report> {
  const startMs = performance.now();
  const clone = new FreshClone();
  try {
    log('npm start in a fresh clone …');
    const ready = await clone.start();
    // Creates a request to measure.
    await fetch(`${clone.url}/api/performance/dashboard`);
    const output = execFileSync(process.execPath, ['dist/bin.js', 'grafana'], {
      cwd: clone.path,
      env: clone.env,
      encoding: 'utf8',
    });
    const { url, user, secureJsonData, database } = parseDataSource(output);
    log('waiting for the first row …');
    const [host, port] = url.split(':');
    const password = secureJsonData.password.replaceAll('$$', '$');
    const client = new pg.Client({ host, port: Number(port), database, user, password });
    await client.connect();
    try {
      const rows = await waitFor(async () => {
        const { rows: chartRows } = await client.query(CHART_SQL);
        return chartRows.length > 0 && chartRows.length;
      }, 120_000);
      const seconds = (performance.now() - startMs) / 1000;
      return {
        targets: [atMost('time until the first chart has rows', seconds, 75, 's')],
        details: { serverReadySeconds: ready.toFixed(1), rows },
      };
    } finally {
      await client.end();
    }
  } finally {
    await clone.remove();
  }
}

interface DataSource {
  readonly url: string;
  readonly user: string;
  readonly database: string;
  readonly secureJsonData: { readonly password: string };
}

/** Returns the QuestDB data source from the output of `perfscope grafana`. */
function parseDataSource(output: string): DataSource {
  const { datasources } = parseAllDocuments(output)[0]!.toJS() as { datasources: DataSource[] };
  return datasources[0]!;
}
