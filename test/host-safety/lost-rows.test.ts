import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HostProgramRunner } from '../support/host-program.ts';

const runner = new HostProgramRunner();
const file = join(runner.folder, 'file');
const library = resolve('dist/agent-package/index.js');

const TOTAL =
  /^perfscope: (.*) (\d+) dropped (\d+) rows in total: the process ended, and the spool folder .* is not writable\.$/;

beforeAll(() => writeFileSync(file, ''));
afterAll(() => runner.remove());

describe.each([
  ['fork', ['Process']],
  ['cluster', ['Process', 'Process']],
  ['worker', ['Worker thread 1 of process']],
])('rows of other processes and threads: %s', (scenario, names) => {
  const run = async (env: NodeJS.ProcessEnv) => {
    const program = { args: ['lost-rows.cjs', scenario, library], env };
    const result = await runner.runWithAgent(program, { flag: '--require', questdb: 'refuses' });
    expect(result).toMatchObject({ exit: 'code 0', stdout: '' });
    return result.stderr.split('\n').filter(Boolean);
  };

  it.concurrent('logs one line with the number of lost rows', async () => {
    const lines = await run({ PERFORMANCE_SPOOL_DIR: join(file, 'spool') });
    const totals = lines.map((line) => TOTAL.exec(line)).filter((match) => match !== null);
    const sources = totals.map(([, name, pid]) => `${name} ${pid}`);
    expect(new Set(sources).size).toBe(totals.length);
    // The main process can lose rows too, such as its own metrics.
    const large = totals.filter(([, , , rows]) => Number(rows) >= 100);
    expect(large.map(([, name]) => name)).toEqual(names);
  });

  it.concurrent('logs nothing if no rows are lost', async () => {
    expect(await run({})).toEqual([]);
  });
});
