import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { perfscopePlugin as PerfscopePlugin } from '../../src/esbuild.ts';
import { runPerfscope } from '../support/run-perfscope.ts';

/** esbuild's function `build`, as far as the test uses it. */
type Build = (options: object) => Promise<{ warnings: { text: string }[] }>;

const LIBRARIES = resolve('test/libraries/bundlers');
const { build } = createRequire(join(LIBRARIES, 'package.json'))('esbuild') as { build: Build };
const { perfscopePlugin } = createRequire(import.meta.url)(
  resolve('dist/agent-package/esbuild.js'),
) as { perfscopePlugin: typeof PerfscopePlugin };
/** In the folder with the libraries, so that the bundles find them. */
const folder = mkdtempSync(join(LIBRARIES, 'out-'));
afterAll(() => rmSync(folder, { recursive: true }));

const env = { PATH: process.env.PATH, HOME: tmpdir() };
const source = join(folder, 'app.js');
writeFileSync(
  source,
  "import express from 'express'; console.log(typeof express()); setTimeout(() => {}, 1000);",
);

async function bundle(outfile: string, format: 'esm' | 'cjs', options: object = {}) {
  const common = { bundle: true, platform: 'node', minify: true, logLevel: 'silent' };
  const file = join(folder, outfile);
  // esbuild's documentation recommends this banner for CommonJS packages in ES modules.
  const js =
    "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";
  const banner = format === 'esm' ? { banner: { js } } : {};
  const { warnings } = await build({
    ...common,
    ...banner,
    entryPoints: [source],
    outfile: file,
    format,
    ...options,
  });
  return { file, warnings };
}

it.concurrent.each([
  ['esm', 'app.mjs'],
  ['cjs', 'app.cjs'],
] as const)(
  'doctor finds express in a bundle (%s), and the plugin excludes it',
  async (format, name) => {
    const plain = await bundle(`plain-${name}`, format);
    const measured = await bundle(`measured-${name}`, format, { plugins: [perfscopePlugin()] });
    const [bundled, external] = await Promise.all(
      [plain, measured].map(({ file }) => runPerfscope(['doctor', file], env)),
    );
    expect(bundled?.stdout).toContain('function\n');
    expect(bundled?.stdout).toContain('✗ express is bundled into the script.');
    expect(external?.stdout).toContain('function\n');
    expect(external?.stdout).toMatch(/✓ express 5\.\d/);
    expect(external?.stdout).not.toContain('bundled');
    expect(measured.warnings).toEqual([]);
  },
);

it('bundles a library on request, and a library that the bundle could not load', async () => {
  const chosen = await bundle('chosen.cjs', 'cjs', {
    plugins: [perfscopePlugin({ bundle: ['express', 'router'] })],
  });
  expect(chosen.warnings).toEqual([]);
  const nested = join(folder, 'nested');
  for (const path of ['node_modules/pg', 'lib']) mkdirSync(join(nested, path), { recursive: true });
  writeFileSync(join(nested, 'node_modules/pg/package.json'), '{"name":"pg","main":"index.js"}');
  writeFileSync(join(nested, 'node_modules/pg/index.js'), 'module.exports = 5;');
  const entry = join(nested, 'lib/app.js');
  writeFileSync(entry, "console.log(require('pg'));");
  const outside = join(folder, 'outside.cjs');
  const { warnings } = await build({
    entryPoints: [entry],
    outfile: outside,
    bundle: true,
    platform: 'node',
    logLevel: 'silent',
    plugins: [perfscopePlugin()],
  });
  expect(warnings.map(({ text }) => text)).toEqual([
    expect.stringMatching(/^pg is bundled, so Perfscope can't measure it: the bundle can't load/),
  ]);
  expect(spawnSync(process.execPath, [outside], { encoding: 'utf8' }).stdout).toBe('5\n');
  expect(() => perfscopePlugin({ bundle: ['left-pad'] })).toThrow('left-pad');
});

it("the plugin has the type of esbuild's plugins", () => {
  const file = join(folder, 'types.ts');
  cpSync(resolve('dist/agent-package/esbuild.d.ts'), join(folder, 'perfscope.d.ts'));
  writeFileSync(
    file,
    `import type { Plugin } from 'esbuild';
     import { perfscopePlugin } from './perfscope.js';
     export const plugin: Plugin = perfscopePlugin();`,
  );
  const flags = '--noEmit --strict --exactOptionalPropertyTypes --module nodenext --types node';
  const { stdout } = spawnSync(
    process.execPath,
    [resolve('node_modules/typescript/bin/tsc'), ...flags.split(' '), '--ignoreConfig', file],
    { cwd: folder, encoding: 'utf8' },
  );
  expect(stdout).toBe('');
});
