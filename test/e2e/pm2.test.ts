import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectRows } from '../support/expect-rows.ts';
import { QuestdbWithSpoolSender } from '../support/questdb-with-spool-sender.ts';
import { waitFor } from '../support/wait-for.ts';

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'perfscope-pm2-'));
const questdb = new QuestdbWithSpoolSender();

beforeAll(async () => {
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  const flags = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
  await Promise.all([
    questdb.start(),
    run('npm', ['install', ...flags, 'pm2@7.0.4'], { cwd: folder }),
  ]);
});
afterAll(async () => {
  await pm2(['kill']);
  await questdb.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** @param env additional variables of the command. The daemon keeps the environment of the first command. */
function pm2(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  return run(process.execPath, [join(folder, 'node_modules/pm2/bin/pm2'), ...args], {
    env: {
      ...questdb.serviceEnv,
      HOME: folder,
      PM2_HOME: join(folder, 'home'),
      OTEL_SERVICE_NAME: 'pm2',
      PERFORMANCE_FLUSH_INTERVAL: '300',
      ...env,
    },
  });
}

/** Returns the number of instances, and whether all their values are stored. */
const countInstances = () =>
  questdb.sql(`SELECT count(), sum(recorded) = sum(stored) FROM (
    SELECT instance, count() stored, max(value) recorded FROM performance_metrics
    WHERE service = 'pm2' AND name = 'steady')`);

it('measures each PM2 process, and loses no values during a reload', async () => {
  const script = resolve('test/apps/steady.mjs');
  const flag = `--node-args=--import ${resolve('dist/agent-package/register.js')}`;
  await pm2(['start', script, '-i', '2', flag]);
  const hasInstances = async (count: number) => Number((await countInstances())[0]?.[0]) === count;
  await waitFor(() => hasInstances(2));
  await pm2(['reload', 'steady']);
  await waitFor(() => hasInstances(4));
  await pm2(['stop', 'steady']);
  await expectRows(countInstances, [[4, true]]);
  expect((await pm2(['jlist'])).stdout).not.toContain('"status":"errored"');
});

describe.each([
  ['cluster', ['-i', '1']],
  ['fork', []],
])('in %s mode', (mode, flags) => {
  it('uses the settings of the application', async () => {
    const app = join(folder, mode);
    mkdirSync(app);
    writeFileSync(join(app, 'package.json'), `{ "name": "${mode}-package", "private": true }`);
    const text = readFileSync('test/apps/steady.mjs', 'utf8');
    const library = resolve('dist/agent-package/index.js');
    writeFileSync(join(app, 'steady.mjs'), text.replace(/'[^']*index\.js'/, `'${library}'`));
    const register = resolve('dist/agent-package/register.js');
    const { stdout } = await pm2(
      [
        'start',
        join(app, 'steady.mjs'),
        '--name',
        mode,
        '--cwd',
        app,
        ...flags,
        `--node-args=--import ${register}`,
      ],
      { OTEL_SERVICE_NAME: '', PERFORMANCE_BUFFER_SIZE: 'many', NODE_ENV: `${mode}-env` },
    );
    expect(stdout).toContain(mode);
    await expectRows(
      () =>
        questdb.sql(`SELECT DISTINCT environment FROM performance_metrics
          WHERE service = '${mode}-package' AND name = 'steady'`),
      [[`${mode}-env`]],
    );
    if (mode === 'fork') {
      // In cluster mode, PM2 doesn't capture the file descriptor of the standard error.
      const logs = join(folder, 'home/logs');
      const warnings = await waitFor(async () => {
        const log = readdirSync(logs).find((name) => name.startsWith('fork-error'));
        return log && readFileSync(join(logs, log), 'utf8').trim();
      });
      expect(warnings.split('\n')).toEqual([
        expect.stringContaining('PERFORMANCE_BUFFER_SIZE=many'),
      ]);
    }
    await pm2(['delete', mode]);
  });
});
