import { execFileSync } from 'node:child_process';
import pg from 'pg';
import { parseAllDocuments } from 'yaml';
import { waitFor } from '../test/support/wait-for.ts';
import { FreshClone } from './fresh-clone.ts';
import { atMost, type BenchOptions, type Report } from './report.ts';

/** Requests a second, as a chart of Grafana asks for them. */
const CHART_SQL = `SELECT timestamp AS time, sum(count) / 10.0 AS requests FROM performance_metrics
  WHERE metric_type = 'API_RESPONSE_TIME' AND timestamp > dateadd('m', -15, now())
  SAMPLE BY 10s ORDER BY time`;

/**
 * From a fresh clone to the first chart with something in it: install, start, `perfscope grafana`,
 * and a chart's query over the data source that it prints. The caches of npm and Maven are warm.
 */
export async function benchFirstChart({ say }: BenchOptions): Promise<Report> {
  const startMs = performance.now();
  const clone = new FreshClone();
  try {
    say('npm start in a fresh clone …');
    const ready = await clone.start();
    // Something to be seen.
    await fetch(`${clone.url}/api/performance/dashboard`);
    const printed = execFileSync(process.execPath, ['dist/bin.js', 'grafana'], {
      cwd: clone.path,
      env: clone.env,
      encoding: 'utf8',
    });
    const { url, user, secureJsonData, database } = parseDataSource(printed);
    say('waiting for the first row …');
    const [host, port] = url.split(':');
    const password = secureJsonData.password.replaceAll('$$', '$');
    const client = new pg.Client({ host, port: Number(port), database, user, password });
    await client.connect();
    try {
      const rows = await waitFor(async () => {
        const found = (await client.query(CHART_SQL)).rows;
        return found.length > 0 && found.length;
      }, 120_000);
      const seconds = (performance.now() - startMs) / 1000;
      return {
        targets: [atMost('first chart with rows', seconds, 75, 's')],
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

/** QuestDB among the data sources that `perfscope grafana` prints. */
function parseDataSource(printed: string): DataSource {
  const { datasources } = parseAllDocuments(printed)[0]!.toJS() as { datasources: DataSource[] };
  return datasources[0]!;
}
