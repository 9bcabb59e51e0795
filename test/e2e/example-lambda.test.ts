import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FakeQuestdb } from '../support/fake-questdb.ts';
import { installExample } from '../support/install-example.ts';
import { parseLine } from '../support/parse-line-protocol.ts';

const questdb = new FakeQuestdb();
const folder = mkdtempSync(join(tmpdir(), 'perfscope-example-lambda-'));
const cwd = join(folder, 'lambda');
/** The function calls the runtime API, which is not recorded. */
const NAMES = /^(?:http\.(?:server|client)\.request|perfscope\.function)\.duration$/;

beforeAll(async () => {
  expect(installExample('lambda', cwd).start).toBe('node start-locally.js');
  await questdb.start();
});
afterAll(() => {
  questdb.stop();
  rmSync(folder, { recursive: true, force: true });
});

it('records the invocations of a function that is frozen after each result', async () => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['start-locally.js'], {
    cwd,
    env: {
      PERFORMANCE_QUESTDB_URL: questdb.url,
      PERFORMANCE_SPOOL_DIR: join(folder, 'spool'),
      // A busy machine can need more than the defaults.
      PERFORMANCE_LAMBDA_FLUSH_TIMEOUT: '20000',
      PERFORMANCE_EXIT_TIMEOUT: '20000',
    },
  });
  expect(stderr).toBe('');
  expect(stdout.trim().split('\n')).toEqual([
    'response {"statusCode":200,"body":"{\\"id\\":\\"7\\"}"}',
    'response {"statusCode":201,"body":"{\\"price\\":240}"}',
    'error {"errorType":"RangeError","errorMessage":"There is no order 0"}',
    'response null',
  ]);
  const rows = questdb.lines.map(parseLine).filter(({ table }) => table === 'performance_metrics');
  const counts = new Map<string, number>();
  for (const { columns } of rows) {
    const { name = '', operation, endpoint = '' } = columns;
    if (!NAMES.test(name)) continue;
    const key = `${name} ${operation} ${endpoint}`.trim();
    counts.set(key, (counts.get(key) ?? 0) + Number(columns.count));
  }
  expect(Object.fromEntries(counts)).toEqual({
    'http.server.request.duration GET /orders/{id}': 2,
    'http.server.request.duration POST /orders': 1,
    'http.server.request.duration _OTHER sqs orders': 1,
    'perfscope.function.duration priceOrder': 2,
  });
});
