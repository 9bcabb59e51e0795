import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { afterAll, expect, it } from 'vitest';
import { findBundledLibraries } from '../../../../src/agent/doctor/bundled-libraries.ts';

const folder = mkdtempSync(join(tmpdir(), 'perfscope-bundles-'));
afterAll(() => rmSync(folder, { recursive: true }));

it.each([
  [['express'], []],
  [['pg'], []],
  // BullMQ loads `pg` too.
  [['bullmq'], ['pg']],
  [['express', 'pg'], ['pg']],
])('finds %j in a minified bundle without %j', async (libraries, external) => {
  const input = join(import.meta.dirname, `${libraries.join('-')}-input.cjs`);
  const code = libraries.map((name) => `console.log(require('${name}'));`).join('\n');
  const bundle = await rolldown({
    input,
    platform: 'node',
    external,
    logLevel: 'silent',
    plugins: [
      {
        name: 'input',
        resolveId: (id) => (id === input ? id : null),
        load: (id) => (id === input ? code : null),
      },
    ],
  });
  const file = join(folder, `${libraries.join('-')}.cjs`);
  await bundle.write({ file, format: 'cjs', minify: true, codeSplitting: false });
  const expected = libraries.filter((name) => !external.some((other) => other === name));
  // Libraries such as ioredis are dependencies of these libraries.
  const found = findBundledLibraries(file);
  expect(found).toEqual(expect.arrayContaining(expected));
  expect(found.filter((name) => external.some((other) => other === name))).toEqual([]);
});

it('finds nothing in a script that loads the libraries, and in a missing script', () => {
  const file = join(folder, 'app.cjs');
  writeFileSync(file, "require('express'); require('pg'); require('bullmq');");
  expect(findBundledLibraries(file)).toEqual([]);
  expect(findBundledLibraries(join(folder, 'missing'))).toEqual([]);
});

it('finds a library in another file of the bundle, but not in an installed package', () => {
  const chunk = join(folder, 'chunk-a.mjs');
  mkdirSync(join(folder, 'node_modules/express'), { recursive: true });
  const message = '"app.use() requires a middleware function"';
  writeFileSync(join(folder, 'node_modules/express/index.js'), message);
  writeFileSync(chunk, "import './chunk-b.cjs'; import './split.mjs'; import './missing.mjs';");
  writeFileSync(join(folder, 'chunk-b.cjs'), '"Missing lock for job"');
  const file = join(folder, 'split.mjs');
  writeFileSync(file, 'import{a}from"./chunk-a.mjs";import("./node_modules/express/index.js");');
  expect(findBundledLibraries(file)).toEqual(['bullmq']);
});

it('finds a library in a build of Next.js', () => {
  const chunks = join(folder, '.next/server/chunks');
  mkdirSync(chunks, { recursive: true });
  writeFileSync(join(chunks, '12.js'), '"[ioredis] Unhandled error event:"');
  expect(findBundledLibraries(join(folder, 'node_modules/next/dist/bin/next'), folder)).toEqual([
    'ioredis',
  ]);
  rmSync(join(folder, '.next'), { recursive: true });
});
