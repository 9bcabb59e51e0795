import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { nodeBinary } from '../../scripts/node-versions.mjs';
import { FakeQuestdb } from '../support/fake-questdb.ts';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { waitFor } from '../support/wait-for.ts';

const questdb = new FakeQuestdb();
const folder = mkdtempSync(join(tmpdir(), 'perfscope-coverage-'));
beforeAll(() => questdb.start());
afterAll(() => {
  questdb.stop();
  rmSync(folder, { recursive: true, force: true });
});

const getEnv = (service: string) => ({
  PATH: process.env.PATH,
  PERFORMANCE_QUESTDB_URL: questdb.url,
  PERFORMANCE_SPOOL_DIR: join(folder, service),
  PERFORMANCE_FLUSH_INTERVAL: '100',
  OTEL_SERVICE_NAME: service,
});
const findRows = (service: string) =>
  questdb.lines.filter((line) => line.includes(`service=${service},`));
const isCoverage = (line: string) => line.includes('name=perfscope.coverage,');

it.concurrent.each([22, 24, 26] as const)(
  'stores the libraries that an application measures on Node.js %d',
  async (version) => {
    const service = `coverage-${version}`;
    const app = new InstrumentedApp('test/apps/routes.mjs', {
      node: nodeBinary(version),
      env: getEnv(service),
    });
    await app.url();
    const findCoverage = () => findRows(service).filter(isCoverage);
    await waitFor(async () => findCoverage().length > 0);
    expect(await app.stop()).toBe(0);
    // Internal packages, such as `router`, are not listed.
    expect(findCoverage()).toHaveLength(1);
    const [row = ''] = findCoverage();
    expect(row).toContain(',endpoint=express,');
    expect(row).toMatch(/,operation=5\.\d+\.\d+[, ]/);
    expect(row).toMatch(/[ ,]value=1[, ]/);
    expect(row).not.toContain('tags=');
  },
);

it('stores the libraries of a script that ends before they are listed', async () => {
  const service = 'short-script';
  const script = new InstrumentedApp('test/apps/short-script.mjs', {
    args: ['--request'],
    env: getEnv(service),
  });
  expect(await script.exited).toBe(0);
  const rows = findRows(service);
  expect(rows.filter(isCoverage)).toEqual([expect.stringContaining(',endpoint=express,')]);
  expect(rows).toContainEqual(expect.stringContaining('/rooms'));
});

it('sends nothing for a script that only loads a library, so that its end is not delayed', async () => {
  const service = 'idle-script';
  const script = new InstrumentedApp('test/apps/short-script.mjs', { env: getEnv(service) });
  expect([await script.exited, script.output]).toEqual([0, '']);
  expect(findRows(service)).toEqual([]);
});
