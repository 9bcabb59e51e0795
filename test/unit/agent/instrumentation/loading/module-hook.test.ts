import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import pLimit from 'p-limit';
import { afterAll, describe, expect, it } from 'vitest';
import { nodeBinary } from '../../../../../scripts/node-versions.mjs';
import {
  canHookModules,
  findPackageFile,
} from '../../../../../src/agent/instrumentation/loading/module-hook.ts';

const run = promisify(execFile);
const runConcurrently = pLimit(2);
const HOOK = resolve('test/apps/module-hook.ts');
const root = mkdtempSync(join(tmpdir(), 'perfscope-module-hook-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('findPackageFile', () => {
  const file = {
    name: 'hono',
    path: 'dist/context.js',
    folderUrl: 'file:///app/node_modules/hono',
  };

  it.each([
    ['file:///app/node_modules/hono/dist/context.js', file],
    ['file:///app/node_modules/hono/dist/context.js?version=1', file],
    ['file:///app/node_modules/hono/dist/context.js#part', file],
    [
      'file:///app/node_modules/.pnpm/hono@4.13.19/node_modules/hono/dist/context.js',
      { ...file, folderUrl: 'file:///app/node_modules/.pnpm/hono@4.13.19/node_modules/hono' },
    ],
    [
      'file:///app/node_modules/api/node_modules/hono/dist/context.js',
      { ...file, folderUrl: 'file:///app/node_modules/api/node_modules/hono' },
    ],
    [
      'file:///C:/my%20app/node_modules/@nestjs/core/index.js',
      {
        name: '@nestjs/core',
        path: 'index.js',
        folderUrl: 'file:///C:/my%20app/node_modules/@nestjs/core',
      },
    ],
    ['file:///app/main.js?from=/node_modules/hono/dist/context.js', undefined],
    ['file:///app/main.js#/node_modules/hono/dist/context.js', undefined],
    ['file:///app/node_modules/hono', undefined],
    ['file:///app/node_modules/@nestjs/core', undefined],
    ['file:///app/node_modules/', undefined],
    ['https://example.com/node_modules/hono/dist/context.js', undefined],
    ['data:text/javascript,/node_modules/hono/dist/context.js', undefined],
    ['node:fs', undefined],
    ['', undefined],
  ])('splits %s', (url, expected) => {
    expect(findPackageFile(url)).toEqual(expected);
  });
});

it.each([
  ['22.14.0', false],
  ['22.22.1', false],
  ['22.23.0', true],
  ['23.11.0', false],
  ['24.0.0', false],
  ['24.11.0', false],
  ['24.11.1', true],
  ['24.12.0', true],
  ['25.0.0', false],
  ['26.0.0', true],
  ['27.1.0-nightly', true],
])('hooks modules on Node %s: %s', (version, expected) => {
  expect(canHookModules(version)).toBe(expected);
});

const CLIENT = `
export class Client {
  name() { return 'original'; }
}
export let limit = 1;
`;
const MAIN = `
import { Client, limit } from 'traced/client.js';
console.log(new Client().name(), limit);
`;
const PACKAGE = '{ "name": "traced", "version": "1.0.0", "type": "module" }';
const PATCHED = 'patched original 2\n';
/** Replaces a word in the library, as a loader that compiles it. */
const TRANSFORM = `
function transform({ source, ...result }, url) {
  if (!url.endsWith('/client.js')) return { source, ...result };
  return { ...result, source: Buffer.from(String(source).replace("'original'", "'transformed'")) };
}
`;
const SYNC_LOADER = `
import { registerHooks } from 'node:module';
${TRANSFORM}
registerHooks({ load: (url, context, next) => transform(next(url, context), url) });
`;
const ASYNC_LOADER = `
import { register } from 'node:module';
register('./hooks.mjs', import.meta.url);
`;
const ASYNC_HOOKS = `
${TRANSFORM}
export async function load(url, context, next) { return transform(await next(url, context), url); }
`;

interface Scenario {
  /** Files of the application by their path. Default: a library with \`CLIENT\`, and \`MAIN\`. */
  readonly files?: Readonly<Record<string, string>>;
  readonly flags?: readonly string[];
  /** Modules to load before and after the hook. */
  readonly before?: string;
  readonly after?: string;
  /** Paths of symbolic links, and their targets. */
  readonly links?: Readonly<Record<string, string>>;
  readonly main?: string;
  readonly output: string;
}

const withClient = (client: string) => ({ 'node_modules/traced/client.js': client });
const withMain = (main: string) => ({ 'main.mjs': main });

const SCENARIOS: Record<string, Scenario> = {
  'a module': { output: PATCHED },
  'a module that ends with a comment': {
    files: withClient(`${CLIENT}// the end`),
    output: PATCHED,
  },
  'a module with a byte order mark and a directive': {
    files: withClient(`\uFEFF'use strict';\n/* no semicolon */${CLIENT}`),
    output: PATCHED,
  },
  'a module with top-level await': {
    files: withClient(`${CLIENT}await null`),
    output: PATCHED,
  },
  'a default export': {
    files: {
      ...withClient(
        'class Client { name() { return "original"; } }\nlet limit = 1;\nexport { Client as default, limit };',
      ),
      ...withMain(
        "import Client, { limit } from 'traced/client.js';\nconsole.log(new Client().name(), limit);",
      ),
    },
    output: PATCHED,
  },
  'variables that are exported with other names': {
    files: withClient(
      'class a { name() { return "original"; } }let b=1;export{a as Client,b as limit};',
    ),
    output: PATCHED,
  },
  'a CommonJS file that is imported, and its copy from require': {
    files: {
      'node_modules/traced/client.cjs': "'use strict';\nexports.key = {};\nexports.limit = 1;",
      ...withMain(`import { createRequire } from 'node:module';
import { key, limit } from 'traced/client.cjs';
const required = createRequire(import.meta.url)('traced/client.cjs');
console.log(limit, required.limit, key === required.key);`),
    },
    output: '2 2 true\n',
  },
  'a CommonJS file that is required and then imported': {
    files: {
      'node_modules/traced/client.cjs': "'use strict';\nexports.key = {};\nexports.limit = 1;",
      ...withMain(`import { createRequire } from 'node:module';
const required = createRequire(import.meta.url)('traced/client.cjs');
const { key, limit } = await import('traced/client.cjs');
console.log(limit, required.limit, key === required.key);`),
    },
    output: '2 2 true\n',
  },
  'a constant, which stays as it is': {
    files: withClient(
      'export const Client = class { name() { return "original"; } };\nexport let limit = 1;',
    ),
    output: 'TypeError: Assignment to constant variable.\noriginal 1\n',
  },
  'a module without the variables': {
    files: {
      ...withClient('export default 5;'),
      ...withMain("import five from 'traced/client.js';\nconsole.log(five);"),
    },
    output: 'TypeError: Class extends value undefined is not a constructor or null\n5\n',
  },
  'a module that throws': {
    files: {
      ...withClient(`${CLIENT}throw new Error('not supported');`),
      ...withMain(
        "import('traced/client.js').catch((error) => console.log(error.stack.split('\\n', 2).join('').replace(/file.*node_modules/, '')));",
      ),
    },
    output: 'Error: not supported    at /traced/client.js:6:7\n',
  },
  'source maps': {
    files: {
      'node_modules/traced/client.js': `${CLIENT}export function fail() { throw new Error('mapped'); }
//# ${'source'}MappingURL=data:application/json;base64,${Buffer.from(
        JSON.stringify({
          version: 3,
          sources: ['client.ts'],
          names: [],
          mappings: 'AAAA;AACA;AACA;AACA;AACA;AACA',
        }),
      ).toString('base64')}`,
      ...withMain(`${MAIN}import { fail } from 'traced/client.js';
try { fail(); } catch (error) { console.log(/client\\.\\w+:\\d+/.exec(error.stack)[0]); }`),
    },
    flags: ['--enable-source-maps'],
    output: `${PATCHED}client.ts:6\n`,
  },
  'a module that is loaded again with a query': {
    files: withMain(`${MAIN}const again = await import('traced/client.js?again');
console.log(new again.Client().name(), again.Client === Client);`),
    output: `${PATCHED}patched original false\n`,
  },
  'a query that looks like the library': {
    files: {
      ...withMain("await import('./client.js?/node_modules/traced/client.js');"),
      'client.js': "export class Client {}\nconsole.log('loaded');",
    },
    output: 'loaded\n',
  },
  'require of a module': {
    files: {
      'main.cjs':
        "const { Client, limit } = require('traced/client.js');\nconsole.log(new Client().name(), limit);",
    },
    main: 'main.cjs',
    output: PATCHED,
  },
  'a CommonJS file, which stays as it is': {
    files: {
      'node_modules/traced/package.json': '{ "name": "traced", "type": "commonjs" }',
      ...withClient(
        'exports.Client = class { name() { return "original"; } };\nexports.limit = 1;',
      ),
    },
    output: 'original 1\n',
  },
  'two copies': {
    files: {
      'copy-a/package.json': PACKAGE,
      'node_modules/copy-b/node_modules/traced/package.json': PACKAGE,
      'node_modules/copy-b/node_modules/traced/client.js': CLIENT,
      'node_modules/copy-b/index.mjs': "export { Client } from 'traced/client.js';",
      ...withMain(
        `${MAIN}import { Client as Other } from 'copy-b/index.mjs';\nconsole.log(new Other().name());`,
      ),
    },
    output: `${PATCHED}patched originalcopy-b\n`,
  },
  'a folder of pnpm': {
    files: {
      'node_modules/.pnpm/traced@1.0.0/node_modules/traced/package.json': PACKAGE,
      'node_modules/.pnpm/traced@1.0.0/node_modules/traced/client.js': CLIENT,
      ...withMain(
        "import { Client, limit } from 'linked/client.js';\nconsole.log(new Client().name(), limit);",
      ),
    },
    links: { 'node_modules/linked': '.pnpm/traced@1.0.0/node_modules/traced' },
    output: PATCHED,
  },
  'a worker thread': {
    files: withMain(`import { Worker } from 'node:worker_threads';
new Worker(new URL('./worker.mjs', import.meta.url));`),
    output: PATCHED,
  },
  'a synchronous loader before the hook': {
    before: SYNC_LOADER,
    output: 'patched transformed 2\n',
  },
  'a synchronous loader after the hook': { after: SYNC_LOADER, output: 'patched transformed 2\n' },
  'an asynchronous loader before the hook': {
    before: ASYNC_LOADER,
    output: 'patched transformed 2\n',
  },
  'an asynchronous loader after the hook': {
    after: ASYNC_LOADER,
    output: 'patched transformed 2\n',
  },
  'frozen intrinsics': { flags: ['--frozen-intrinsics'], output: PATCHED },
  'no __proto__': { flags: ['--disable-proto=delete'], output: PATCHED },
  'a throwing __proto__': { flags: ['--disable-proto=throw'], output: PATCHED },
  'symbolic links that are kept': { flags: ['--preserve-symlinks'], output: PATCHED },
  'a frozen global object': { after: 'Object.freeze(globalThis);', output: PATCHED },
  'a global callback that was deleted': {
    after: "delete globalThis[Symbol.for('perfscope.module')];",
    output: 'original 1\n',
  },
};

const CASES = Object.keys(SCENARIOS).flatMap((name, i) =>
  [22, 24, 26].map((major, j) => ({ name, major, isInCi: i % 3 === j })),
);
const title = 'hooks $name on Node $major';
it.concurrent.each(CASES.filter(({ isInCi }) => isInCi))(title, check);
// Long: in CI, each case runs on one version of Node.js.
it.concurrent.each(CASES.filter(({ isInCi }) => !isInCi))(title, { tags: 'long' }, check);

async function check({ name, major }: (typeof CASES)[number]): Promise<void> {
  const scenario = SCENARIOS[name]!;
  const folder = mkdtempSync(join(root, `${major}-`));
  const { before, after, flags = [], main = 'main.mjs' } = scenario;
  const files: Record<string, string> = {
    'node_modules/traced/package.json': PACKAGE,
    ...withClient(CLIENT),
    ...withMain(MAIN),
    'worker.mjs': MAIN,
    'hooks.mjs': ASYNC_HOOKS,
    'before.mjs': before ?? '',
    'after.mjs': after ?? '',
    ...scenario.files,
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  for (const [path, target] of Object.entries(scenario.links ?? {})) {
    symlinkSync(target, join(folder, path));
  }
  const imports = ['./before.mjs', HOOK, './after.mjs'].flatMap((path) => ['--import', path]);
  const { stdout, stderr } = await runConcurrently(() =>
    run(nodeBinary(major), ['--no-warnings', ...flags, ...imports, main], { cwd: folder }),
  );
  expect(stdout + stderr).toBe(scenario.output);
}
