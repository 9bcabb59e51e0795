import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FakeQuestdb } from '../support/fake-questdb.ts';
import { installExample } from '../support/install-example.ts';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { parseLine } from '../support/parse-line-protocol.ts';

const questdb = new FakeQuestdb();
const folder = mkdtempSync(join(tmpdir(), 'perfscope-example-script-'));
const cwd = join(folder, 'script');
const SERVICE = 'perfscope-example-script';

beforeAll(async () => {
  const scripts = installExample('script', cwd);
  expect(scripts.start).toBe('node --import @perfscope/agent/register import-prices.js prices.csv');
  await questdb.start();
});
afterAll(() => {
  questdb.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs the import with and without the agent, and returns the exit code and the output of both runs. */
async function runBoth(file: string): Promise<unknown[]> {
  const env = {
    XDG_RUNTIME_DIR: folder,
    PERFORMANCE_QUESTDB_URL: questdb.url,
    PERFORMANCE_SPOOL_DIR: join(folder, 'spool'),
    // A busy machine can need more than the default to send the last rows.
    PERFORMANCE_EXIT_TIMEOUT: '60000',
  };
  const measured = new InstrumentedApp('import-prices.js', { cwd, args: [file], env });
  const plain = new InstrumentedApp('import-prices.js', {
    cwd,
    args: [file],
    flags: [],
    env: { XDG_RUNTIME_DIR: folder, PERFORMANCE_MONITORING_ENABLED: 'false' },
  });
  return [
    [await measured.exited, measured.stdout, measured.stderr],
    [await plain.exited, plain.stdout, plain.stderr],
  ];
}

/**
 * Returns name, type, value, and number of failures of the script's own metrics, and forgets them. QuestDB has received
 * them before the script ended.
 */
function takeMetrics(): unknown[][] {
  return questdb.lines
    .splice(0)
    .map(parseLine)
    .filter(({ table }) => table === 'performance_metrics')
    .filter(({ columns: { name = '' } }) => name.startsWith('import.'))
    .map(({ columns }) => {
      expect(columns.service).toBe(SERVICE);
      const value = columns.name === 'import.duration' ? columns.unit : Number(columns.value);
      return [columns.name, columns.metric_type, value, Number(columns.error_count)];
    })
    .toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1));
}

it('stores the metrics of a script that exits at once, and keeps its exit code', async () => {
  const result = [3, 'imported 3 prices, 1 invalid\n', ''];
  expect(await runBoth('prices.csv')).toEqual([result, result]);
  expect(takeMetrics()).toEqual([
    ['import.duration', 'CUSTOM', 'ms', 0],
    ['import.rows', 'CUSTOM', 3, 0],
    ['import.rows.invalid', 'CUSTOM', 1, 0],
  ]);
});

it('stores the failure of a script that can not read its file', async () => {
  const result = [1, '', expect.stringMatching(/^ENOENT: .*missing\.csv'\n$/)];
  expect(await runBoth('missing.csv')).toEqual([result, result]);
  expect(takeMetrics()).toEqual([['import.duration', 'CUSTOM', 'ms', 1]]);
});
