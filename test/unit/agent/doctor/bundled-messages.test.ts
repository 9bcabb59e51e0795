import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { findBundledLibraries } from '../../../../src/agent/doctor/bundled-libraries.ts';
import { findInstalledLibraries, OWN_LIBRARIES } from '../../../support/installed-libraries.ts';

type Build = (options: object) => Promise<unknown>;
const { build } = createRequire(resolve('test/libraries/bundlers/package.json'))('esbuild') as {
  build: Build;
};
const folder = mkdtempSync(join(tmpdir(), 'perfscope-messages-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Libraries that bundlers don't include in the script of a server. */
const NEVER_BUNDLED = new Set(['next', '@prisma/client']);
const RECOGNIZED = OWN_LIBRARIES.filter(({ name }) => !NEVER_BUNDLED.has(name));
const CASES = RECOGNIZED.flatMap(findInstalledLibraries).map(
  ({ library, version, project }) => [library.name, version, project] as const,
);

it('each library of the table has messages, and a version of it is installed', () => {
  const missing = RECOGNIZED.filter(({ bundledMessages = [] }) => bundledMessages.length === 0);
  expect(missing.map(({ name }) => name)).toEqual([]);
  const installed = new Set(CASES.map(([name]) => name));
  expect(RECOGNIZED.map(({ name }) => name).filter((name) => !installed.has(name))).toEqual([]);
});

it.concurrent.each(CASES)(
  'a minified bundle of %s %s contains a message',
  async (name, _version, project) => {
    // Several projects can contain the same version, and the tests run at the same time.
    const outfile = join(mkdtempSync(join(folder, 'bundle-')), 'bundle.mjs');
    const contents = `import * as library from '${name}'; console.log(library);`;
    await build({
      stdin: { contents, resolveDir: project },
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

interface BuildHooks {
  onResolve(
    options: { filter: RegExp },
    callback: (args: { path: string }) => object | undefined,
  ): void;
}

/** Bundles only the files of one package, so that the messages of its dependencies don't count. */
function bundleOnly(name: string) {
  return {
    name: 'one-package',
    setup: (hooks: BuildHooks) =>
      hooks.onResolve({ filter: /^[^./]/ }, ({ path }) => {
        // `#` starts the name of a file in the same package.
        const isOwn = [name, '#'].some((each) => path.startsWith(each));
        return isOwn ? undefined : { path, external: true };
      }),
  };
}
