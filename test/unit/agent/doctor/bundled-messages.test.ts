import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { findBundledLibraries } from '../../../../src/agent/doctor/bundled-libraries.ts';
import { LIBRARIES } from '../../../../src/agent/instrumentation/library-table.ts';
import { isSupportedVersion } from '../../../../src/agent/instrumentation/loading/library.ts';

type Build = (options: object) => Promise<unknown>;
const { build } = createRequire(resolve('test/libraries/bundlers/package.json'))('esbuild') as {
  build: Build;
};
const folder = mkdtempSync(join(tmpdir(), 'perfscope-messages-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Libraries that bundlers don't include in the script of a server. */
const NEVER_BUNDLED = new Set(['next', '@prisma/client']);

const RECOGNIZED = LIBRARIES.filter(
  ({ name, partOf, through, instrument }) =>
    !partOf && !through && instrument && !NEVER_BUNDLED.has(name) && !name.startsWith('node:'),
);

/** The folders in which tests install libraries. */
const PROJECTS = [
  '.',
  'test/libraries',
  ...readdirSync('test/libraries').map((name) => join('test/libraries', name)),
].map((each) => resolve(each));

interface Manifest {
  readonly version: string;
  readonly main?: string;
  readonly exports?: unknown;
}

/** Returns the folders of the supported copies of a library that are installed. */
function findCopies(library: (typeof LIBRARIES)[number]): Map<string, Manifest> {
  const copies = new Map<string, Manifest>();
  for (const project of PROJECTS) {
    const path = join(project, 'node_modules', library.name);
    if (!existsSync(join(path, 'package.json'))) continue;
    const manifest = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')) as Manifest;
    if (isSupportedVersion(manifest.version, library.versions))
      copies.set(realpathSync(path), manifest);
  }
  return copies;
}

const CASES = RECOGNIZED.flatMap((library) =>
  [...findCopies(library)].map(([path, { version }]) => [library.name, version, path] as const),
);

it('each library of the table has messages', () => {
  const missing = RECOGNIZED.filter(({ bundledMessages = [] }) => bundledMessages.length === 0);
  expect(missing.map(({ name }) => name)).toEqual([]);
  expect(CASES.length).toBeGreaterThan(0);
});

it.concurrent.each(CASES)(
  'a minified bundle of %s %s contains a message',
  async (name, version, path) => {
    const outfile = join(folder, `${name.replace('/', '-')}-${version}.mjs`);
    await build({
      stdin: {
        contents: `import * as library from '${name}'; console.log(library);`,
        resolveDir: dirname(path),
      },
      outfile,
      bundle: true,
      minify: true,
      platform: 'node',
      format: 'esm',
      logLevel: 'silent',
      plugins: [bundleOnly(name)],
    });
    expect(findBundledLibraries(outfile)).toContain(name);
  },
);

/** Bundles only the files of one package, so that the messages of its dependencies don't count. */
function bundleOnly(name: string) {
  interface Hooks {
    onResolve(
      options: { filter: RegExp },
      callback: (args: { path: string }) => object | undefined,
    ): void;
  }
  return {
    name: 'one-package',
    setup: (hooks: Hooks) =>
      hooks.onResolve({ filter: /^[^./]/ }, (args) => {
        // `#` starts the name of a file in the same package.
        const isOwn = [name, '#'].some((each) => args.path.startsWith(each));
        return isOwn ? undefined : { path: args.path, external: true };
      }),
  };
}
