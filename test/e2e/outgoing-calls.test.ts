import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { nodeBinary } from '../../scripts/node-versions.mjs';
import { createTemporaryCertificate } from '../support/certificate.ts';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { type LineProtocolRow, parseLine } from '../support/parse-line-protocol.ts';
import { readSpooledLines } from '../support/spool-fixtures.ts';

const { cert, key, remove } = createTemporaryCertificate();
const folder = mkdtempSync(join(tmpdir(), 'perfscope-outgoing-'));
afterAll(() => {
  remove();
  rmSync(folder, { recursive: true });
});

const NODE_VERSIONS = [22, 24, 26] as const;
const CASES = [
  ...['fetch', 'http', 'undici', 'axios', 'got', 'node-fetch'].map(
    (client) => ['outgoing/calls.mjs', client] as const,
  ),
  ...['fetch', 'http', 'undici', 'axios'].map((client) => ['outgoing/calls.cjs', client] as const),
  ['undici-7/calls.mjs', 'undici'] as const,
  ['undici-7/calls.cjs', 'undici'] as const,
].flatMap(([script, client], i) =>
  NODE_VERSIONS.map((node, j) => ({ script, client, node, isInCi: (i + j) % 3 !== 1 })),
);

/** The calls with the same name that a program has made. */
interface ExpectedCalls {
  readonly count: number;
  /** Sum of the delays of the server, and of the durations that the program measured. */
  readonly minMs: number;
  readonly maxMs: number;
}

type Case = { script: string; client: string; node: (typeof NODE_VERSIONS)[number] };

async function run(
  { script, client, node }: Case,
  flags?: readonly string[],
): Promise<{ app: InstrumentedApp; spool: string }> {
  const spool = mkdtempSync(join(folder, 'spool-'));
  const app = new InstrumentedApp(`test/libraries/${script}`, {
    args: [client],
    env: {
      PERFORMANCE_QUESTDB_URL: 'http://127.0.0.1:1',
      PERFORMANCE_SPOOL_DIR: spool,
      CERT: cert,
      KEY: key,
    },
    node: nodeBinary(node),
    ...(flags && { flags }),
  });
  expect(await app.exited, app.output).toBe(0);
  return { app, spool };
}

const title =
  'records the calls of $client in $script on Node $node, and does not change their results';
it.concurrent.each(CASES.filter(({ isInCi }) => isInCi))(title, checkCalls);
// Long: in CI, each program runs on two versions of Node.js, and each version runs both module systems.
it.concurrent.each(CASES.filter(({ isInCi }) => !isInCi))(title, { tags: 'long' }, checkCalls);

async function checkCalls(options: Case): Promise<void> {
  const [plain, { app, spool }] = await Promise.all([run(options, []), run(options)]);
  const results = ({ stdout }: InstrumentedApp) => stdout.replace(/^calls .*/m, '').split('\n');
  expect(results(app)).toEqual(results(plain.app));
  const expected = new Map(
    JSON.parse(/^calls (.*)/m.exec(app.stdout)?.[1] ?? '[]') as [string, ExpectedCalls][],
  );
  const rows = readCalls(spool);
  const counts = rows.map((row) => [toName(row), Number(row.count)]);
  const expectedCounts = [...expected].map(([name, { count }]) => [name, count]);
  expect(counts.toSorted()).toEqual(expectedCounts.toSorted());
  expect(JSON.stringify(rows)).not.toContain('secret');
  for (const row of rows) {
    const { minMs, maxMs } = expected.get(toName(row))!;
    // Some clients reject before they destroy the request.
    if (row.error_type !== 'aborted') expect(Number(row.sum)).toBeLessThanOrEqual(maxMs);
    // Timers of Node.js can fire 1 ms early.
    expect(Number(row.sum)).toBeGreaterThanOrEqual(minMs - 2);
    expect(row.error_count).toBe(row.error_type ? row.count : '0');
  }
}

it('records tenants, templates, redirects, canceled calls, and bodies that are not read', async () => {
  const { app, spool } = await run({
    script: '../apps/outgoing-contexts.mjs',
    client: '',
    node: 26,
  });
  const port = /host (\d+)/.exec(app.stdout)?.[1];
  const rows = readCalls(spool).map((row) => [
    toName(row).replace(`127.0.0.1:${port}`, 'host'),
    row.organization_id,
    row.property_id,
    Number(row.count),
  ]);
  expect(rows.toSorted()).toEqual([
    ['host GET  aborted', undefined, undefined, 1],
    ['host GET /guests/{id} 200 ', undefined, undefined, 4],
    ['host GET /rooms/{id} 200 ', 'grand', 'lake', 2],
    ['host GET 200 ', undefined, undefined, 7],
    ['host GET 302 ', undefined, undefined, 1],
  ]);
});

/** Returns the rows of outgoing calls in a spool. */
function readCalls(spool: string): LineProtocolRow['columns'][] {
  return readSpooledLines(spool)
    .map(parseLine)
    .filter(({ table }) => table === 'performance_metrics')
    .map(({ columns }) => columns)
    .filter((columns) => columns.metric_type === 'OUTGOING_REQUEST_TIME');
}

function toName({
  endpoint,
  operation,
  tags = '{}',
  error_type: error = '',
}: Record<string, string>) {
  const { 'http.response.status_code': status = '' } = JSON.parse(tags) as Record<string, unknown>;
  return `${endpoint} ${operation} ${status} ${error}`;
}
