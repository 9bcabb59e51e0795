import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectRows } from '../support/expect-rows.ts';
import { QuestdbWithSpoolSender } from '../support/questdb-with-spool-sender.ts';
import { waitFor } from '../support/wait-for.ts';

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'perfscope-pm2-'));
const questdb = new QuestdbWithSpoolSender();

beforeAll(async () => {
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  const quiet = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
  await Promise.all([
    questdb.start(),
    run('npm', ['install', ...quiet, 'pm2@7.0.4'], { cwd: folder }),
  ]);
});
afterAll(async () => {
  await pm2('kill');
  await questdb.remove();
  rmSync(folder, { recursive: true, force: true });
});

function pm2(...args: string[]) {
  return run(process.execPath, [join(folder, 'node_modules/pm2/bin/pm2'), ...args], {
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      PM2_HOME: join(folder, 'home'),
      XDG_RUNTIME_DIR: questdb.folder,
      ...questdb.env,
      OTEL_SERVICE_NAME: 'pm2',
      PERFORMANCE_SPOOL_DIR: `${questdb.folder}/spool`,
      PERFORMANCE_FLUSH_INTERVAL: '300',
    },
  });
}

const instances = () =>
  questdb.sql(`SELECT count(), sum(recorded) = sum(told) FROM (
    SELECT instance, count() told, max(value) recorded FROM performance_metrics
    WHERE service = 'pm2' AND name = 'steady')`);

it('measures each process of PM2, through a reload, and loses nothing of any', async () => {
  const script = resolve('test/apps/steady.mjs');
  const flag = `--node-args=--import ${resolve('dist/register.js')}`;
  await pm2('start', script, '-i', '2', flag);
  const [two, four] = [2, 4].map((n) => async () => Number((await instances())[0]?.[0]) === n);
  await waitFor(two!);
  await pm2('reload', 'steady');
  await waitFor(four!);
  await pm2('stop', 'steady');
  await expectRows(instances, [[4, true]]);
  expect((await pm2('jlist')).stdout).not.toContain('"status":"errored"');
});
