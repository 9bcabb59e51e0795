import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeBinary } from '../../scripts/node-versions.mjs';
import { EVENT_LOOP_BLOCK_METRIC_NAME } from '../../src/core/suggestion-metrics.ts';
import { loadAgentPackage } from '../../src/server/agent-package/agent-package-file.ts';
import { expectRows } from '../support/expect-rows.ts';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { PackedInstall } from '../support/packed-install.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { RegistryStub } from '../support/registry-stub.ts';
import { sendRequests } from '../support/send-requests.ts';

const server = new PerfscopeServer({ OTEL_METRIC_EXPORT_INTERVAL: '500' });
const registry = new RegistryStub();
beforeAll(() => Promise.all([server.start(), registry.start()]));
afterAll(async () => {
  registry.remove();
  await server.remove();
});

const NAMES = ['perfscope', '@perfscope/agent'];
const NODE_VERSIONS = [22, 24, 26];
const SCRIPTS = ['module-systems-esm.mjs', 'module-systems-cjs.cjs'];
/** Returns the flags of Node and the value of NODE_OPTIONS that load a module before the application. */
const PRELOADS = {
  '--import': (module: string) => [['--import', module], ''],
  '--require': (module: string) => [['--require', module], ''],
  'NODE_OPTIONS=--import': (module: string) => [[], `--import ${module}`],
  'NODE_OPTIONS=--require': (module: string) => [[], `--require ${module}`],
  'no flag': () => [[], ''],
} satisfies Record<string, (module: string) => [readonly string[], string]>;
const CASES = NODE_VERSIONS.flatMap((major) =>
  SCRIPTS.flatMap((script) =>
    Object.keys(PRELOADS).map((flag) => ({ major, script, flag: flag as Flag })),
  ),
);
const REQUESTS = 5;

type Flag = keyof typeof PRELOADS;
interface Case {
  readonly folder: string;
  /** Package whose `register` the flag loads. */
  readonly preloaded: string;
  /** Package that the application loads. */
  readonly library: string;
  readonly major: number;
  readonly script: string;
  readonly flag: Flag;
}

/** Checks the streams, the exit code, and the rows of an application. */
async function checkApp({ folder, preloaded, library, major, script, flag }: Case): Promise<void> {
  const service = [preloaded, library, major, script, flag].join(' ');
  const [flags, nodeOptions] = PRELOADS[flag](`${preloaded}/register`);
  const app = new InstrumentedApp(script, {
    env: {
      ...server.env,
      OTEL_SERVICE_NAME: service,
      NODE_OPTIONS: nodeOptions,
      SERVER_URL: server.url,
    },
    cwd: folder,
    node: nodeBinary(major),
    flags,
    args: [library],
  });
  const closed = once(app.child, 'close');
  const url = await app.url();
  await sendRequests(`${url}/hotel/rooms/7`, REQUESTS);
  const isInstrumented = flag !== 'no flag';
  await fetch(`${url}/stop`);
  // The exit code of the application, without a signal.
  expect(await closed).toEqual([3, null]);
  expect(app.stdout.split('\n')).toEqual([
    'same classes: true',
    'PerfscopeError PS_ROW_INVALID',
    'Perfscope',
    'Perfscope',
    `listening on ${url}`,
    'stopped',
    '',
  ]);
  expect(app.stderr).toBe('');
  await expectRows(
    () =>
      server.sql(`SELECT coalesce(endpoint, name), operation, organization_id, sum(count)
        FROM performance_metrics
        WHERE service = '${service}' AND (endpoint LIKE '/hotel%' OR name = 'probe')
          AND name != '${EVENT_LOOP_BLOCK_METRIC_NAME}'
        ORDER BY operation, organization_id`),
    [
      // A request belongs to the first tenant that its handler sets.
      ...(isInstrumented ? [['/hotel/rooms/:id', 'GET', 'from import', REQUESTS]] : []),
      ['probe', 'import', 'from require', REQUESTS],
      ['probe', 'require', 'from import', REQUESTS],
    ],
  );
}

/** Selects a quarter of the cases, so that each pair of two values is in one of them. */
function isInCi(name: string, { major, script, flag }: (typeof CASES)[number]): boolean {
  const node = NODE_VERSIONS.indexOf(major);
  const preload = Object.keys(PRELOADS).indexOf(flag);
  return (
    SCRIPTS.indexOf(script) === (node + preload) % 2 &&
    NAMES.indexOf(name) === (node + (preload >> 1)) % 2
  );
}

describe.each(NAMES)('%s', (name) => {
  const install = new PackedInstall(name, registry);
  beforeAll(() => install.install('express@5'));
  afterAll(() => install.remove());

  const title = 'works on Node $major in $script with $flag';
  const check = (options: (typeof CASES)[number]) =>
    checkApp({ folder: install.folder, preloaded: name, library: name, ...options });
  it.concurrent.each(CASES.filter((each) => isInCi(name, each)))(title, check);
  // Long: the cases in CI have all pairs of a package, a Node version, a script, and a flag.
  it.concurrent.each(CASES.filter((each) => !isInCi(name, each)))(title, { tags: 'long' }, check);
});

describe('both packages in one application', () => {
  const install = new PackedInstall('perfscope', registry);
  beforeAll(() => install.install('express@5', loadAgentPackage().file));
  afterAll(() => install.remove());

  it.concurrent.each([
    ['perfscope', '@perfscope/agent', 'module-systems-esm.mjs', '--import'],
    ['perfscope', '@perfscope/agent', 'module-systems-cjs.cjs', '--require'],
    ['@perfscope/agent', 'perfscope', 'module-systems-esm.mjs', '--require'],
    ['@perfscope/agent', 'perfscope', 'module-systems-cjs.cjs', '--import'],
  ] as const)(
    '%s measures with the library of %s in %s with %s',
    (preloaded, library, script, flag) =>
      checkApp({ folder: install.folder, preloaded, library, major: 26, script, flag }),
  );
});
