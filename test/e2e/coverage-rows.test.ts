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

it.concurrent.each([22, 24, 26] as const)(
  'stores the libraries that an application measures on Node.js %d',
  async (version) => {
    const service = `coverage-${version}`;
    const app = new InstrumentedApp('test/apps/routes.mjs', {
      node: nodeBinary(version),
      env: {
        PATH: process.env.PATH,
        PERFORMANCE_QUESTDB_URL: questdb.url,
        PERFORMANCE_SPOOL_DIR: join(folder, service),
        PERFORMANCE_FLUSH_INTERVAL: '100',
        OTEL_SERVICE_NAME: service,
      },
    });
    await app.url();
    const findRows = () =>
      questdb.lines.filter(
        (line) => line.includes(`service=${service},`) && line.includes('name=perfscope.coverage,'),
      );
    await waitFor(async () => findRows().length > 0);
    expect(await app.stop()).toBe(0);
    // Internal packages, such as `router`, are not listed.
    expect(findRows()).toHaveLength(1);
    const [row = ''] = findRows();
    expect(row).toContain(',endpoint=express,');
    expect(row).toMatch(/,operation=5\.\d+\.\d+[, ]/);
    expect(row).toMatch(/[ ,]value=1[, ]/);
    expect(row).not.toContain('tags=');
  },
);
