import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectRows } from '../support/expect-rows.ts';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { PackedInstall } from '../support/packed-install.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';

const API = '@opentelemetry/api';
/** Another copy of the API, with another version. */
const OTHER_API = 'other-api';
const VERSIONS = [
  { api: '1.9.1', sdkNode: '0.223.0', otherApi: '1.10.0' },
  { api: '1.10.0', sdkNode: '0.301.0', otherApi: '1.9.1' },
];

/** Programs that start an SDK. */
const PROGRAMS: readonly {
  name: string;
  script: string;
  args: string[];
  /** Flags before the agent's flag. */
  before: string[];
  /** Flags after the agent's flag. */
  after: string[];
}[] = [
  {
    name: 'an ES module application',
    script: 'opentelemetry-app.mjs',
    args: [API, './opentelemetry-sdk.mjs'],
    before: [],
    after: [],
  },
  {
    name: 'a CommonJS application',
    script: 'opentelemetry-app.cjs',
    args: [API, './opentelemetry-sdk.cjs'],
    before: [],
    after: [],
  },
  {
    name: 'an ES module before the agent',
    script: 'opentelemetry-app.mjs',
    args: [API],
    before: ['--import', './opentelemetry-sdk.mjs'],
    after: [],
  },
  {
    name: 'a CommonJS module after the agent',
    script: 'opentelemetry-app.cjs',
    args: [API],
    before: [],
    after: ['--require', './opentelemetry-sdk.cjs'],
  },
];

const server = new PerfscopeServer();
beforeAll(() => server.start());
afterAll(() => server.remove());

/** Runs a program, and returns what it prints. The agent's own log lines are omitted. */
async function run(
  script: string,
  args: string[],
  options: { cwd: string; flags: string[]; service: string },
): Promise<{ exit: unknown; stdout: string; stderr: string }> {
  const { cwd, flags, service } = options;
  const env = { ...server.env, OTEL_SERVICE_NAME: service };
  const app = new InstrumentedApp(script, { env, args, cwd, flags });
  const exit = await app.exited;
  const stderr = app.stderr.replace(/^perfscope: .*\n/gm, '');
  return { exit, stdout: app.stdout, stderr };
}

interface Program {
  script: string;
  args: string[];
  /** Flags before and after the agent's flag. */
  before?: string[];
  after?: string[];
  service: string;
}

/** Runs a program with and without the agent, and returns the output. */
async function expectSameOutput(install: PackedInstall, program: Program): Promise<string> {
  const { script, args, before = [], after = [], service } = program;
  const agent = [after.includes('--require') ? '--require' : '--import', install.register];
  const options = { cwd: install.folder, service };
  const [without, withAgent] = await Promise.all([
    run(script, args, { ...options, flags: [...before, ...after] }),
    run(script, args, { ...options, flags: [...before, ...agent, ...after] }),
  ]);
  expect(without.exit).toBe(0);
  expect(withAgent).toEqual(without);
  return without.stdout;
}

/** Expects the values that `opentelemetry-exercise.cjs` records. */
async function expectStored(service: string, expected: unknown[][]): Promise<void> {
  const names = "'orders', 'price', 'again.orders', 'http.server.request.duration'";
  const query = `SELECT name, sum(value) FROM performance_metrics
    WHERE service = '${service}' AND name IN (${names}) ORDER BY name`;
  await expectRows(() => server.sql(query), expected);
}

const STORED = [
  ['again.orders', 3],
  ['orders', 3],
  ['price', 80],
];

const TITLE = 'with API $api and sdk-node $sdkNode';
describe.each(VERSIONS.slice(0, 1))(TITLE, checkVersion);
// Long: in CI, the first version also loads the other version of the API.
describe.each(VERSIONS.slice(1))(TITLE, { tags: 'long' }, checkVersion);

function checkVersion({ api, sdkNode, otherApi }: (typeof VERSIONS)[number]): void {
  const install = new PackedInstall('@perfscope/agent');
  beforeAll(() =>
    install.install(
      `${API}@${api}`,
      `@opentelemetry/sdk-node@${sdkNode}`,
      `${OTHER_API}@npm:${API}@${otherApi}`,
    ),
  );
  afterAll(() => install.remove());

  it.each(PROGRAMS)(
    'exports the same if $name starts the SDK, and stores the metrics',
    async ({ name, ...program }) => {
      const service = `${api} ${name}`.replace(/\W+/g, '-');
      const output = await expectSameOutput(install, { ...program, service });
      expect(output).toContain('"again":true');
      await expectStored(service, STORED);
    },
  );

  it.each(['mjs', 'cjs'])(
    'stores the metrics of a .%s application without an SDK',
    async (type) => {
      const service = `${api}-no-sdk-${type}`;
      const script = `opentelemetry-app.${type}`;
      await expectSameOutput(install, { script, args: [API], service });
      await expectStored(service, [
        ['orders', 3],
        ['price', 80],
      ]);
    },
  );

  it.each(['mjs', 'cjs'])('stores the metrics of a .%s module with another API', async (type) => {
    const service = `${api}-other-api-${type}`;
    const script = `opentelemetry-app.${type}`;
    const args = [OTHER_API, `./opentelemetry-sdk.${type}`];
    await expectSameOutput(install, { script, args, service });
    await expectStored(service, STORED);
  });

  it('exports the same from a minified bundle, and stores the metrics', async () => {
    const service = `${api}-minified`;
    const bundle = await rolldown({
      input: join(install.folder, 'opentelemetry-bundled.mjs'),
      platform: 'node',
      logLevel: 'silent',
    });
    const fileNames = { entryFileNames: 'bundled.mjs', chunkFileNames: '[name]-[hash].mjs' };
    await bundle.write({ dir: join(install.folder, 'bundle'), minify: true, ...fileNames });
    await bundle.close();
    const program = { script: 'bundle/bundled.mjs', args: [], service };
    expect(await expectSameOutput(install, program)).toContain('"again":true');
    await expectStored(service, STORED);
  });
}
