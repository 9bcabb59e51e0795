import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { nodeBinary } from '../../scripts/node-versions.mjs';
import { FakeQuestdb } from '../support/fake-questdb.ts';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { waitFor } from '../support/wait-for.ts';

const questdb = new FakeQuestdb();
const folder = mkdtempSync(join(tmpdir(), 'perfscope-names-'));
beforeAll(() => questdb.start());
afterAll(() => {
  questdb.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Returns the instances of a service, from all tables. */
function listInstances(service: string): string[] {
  const lines = questdb.lines.filter((line) => line.includes(`service=${service},`));
  const instances = lines.map((line) => /[, ]instance=((?:\\.|[^,\\ ])*)/.exec(line)?.[1] ?? '');
  return [...new Set(instances.map((text) => text.replaceAll('\\', '')))].toSorted();
}

it.concurrent.each([22, 24, 26] as const)(
  'names the worker threads and cluster workers of one instance on Node.js %d',
  async (version) => {
    const service = `names-${version}`;
    const app = new InstrumentedApp('test/apps/threads.mjs', {
      node: nodeBinary(version),
      env: {
        PATH: process.env.PATH,
        PERFORMANCE_QUESTDB_URL: questdb.url,
        PERFORMANCE_SPOOL_DIR: join(folder, service),
        PERFORMANCE_EXIT_TIMEOUT: '20000',
        OTEL_RESOURCE_ATTRIBUTES: `service.name=${service},service.instance.id=pod-1`,
      },
    });
    expect(await app.exited).toBe(0);
    expect(app.output).toBe('');
    const expected = [
      'pod-1',
      'pod-1 cluster worker 1',
      'pod-1 cluster worker 2',
      'pod-1 worker thread 1 (threads.mjs)',
      'pod-1 worker thread 2 (threads.mjs)',
    ];
    await waitFor(async () => listInstances(service).length >= expected.length);
    expect(listInstances(service)).toEqual(expected);
  },
);
