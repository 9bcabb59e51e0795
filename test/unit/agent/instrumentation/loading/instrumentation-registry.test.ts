import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { ORMS } from '../../../../../src/agent/instrumentation/databases/orms.ts';
import { InstrumentationRegistry } from '../../../../../src/agent/instrumentation/loading/instrumentation-registry.ts';
import type { Library } from '../../../../../src/agent/instrumentation/loading/library.ts';
import { createTestContext } from '../../../../support/instrumentation-context.ts';

const folder = mkdtempSync(join(tmpdir(), 'perfscope-registry-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Creates a package, and returns a function that loads it. */
function createPackage(name: string, version: string): () => unknown {
  const application = mkdtempSync(join(folder, 'app-'));
  const path = join(application, 'node_modules', name);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'package.json'), JSON.stringify({ name, version, main: 'index.js' }));
  writeFileSync(join(path, 'index.js'), 'module.exports = {};');
  return () => createRequire(join(application, 'index.js'))(name);
}

const LIBRARY: Library = {
  name: 'test-channels',
  category: 'http-client',
  versions: { from: '6.0.0', to: 8 },
  usesChannels: true,
  measured: 'All requests.',
};

it('knows that a package with channels is measured, also if it was loaded before the agent', () => {
  createPackage('test-channels', '6.1.0')();
  const registry = new InstrumentationRegistry([LIBRARY], createTestContext());
  createPackage('test-channels', '7.2.0')();
  createPackage('test-channels', '5.0.0')();
  expect(registry.loadedLibraries).toEqual([
    { name: 'test-channels', version: '6.1.0', measured: true, reason: undefined },
    { name: 'test-channels', version: '7.2.0', measured: true, reason: undefined },
    {
      name: 'test-channels',
      version: '5.0.0',
      measured: false,
      reason: 'only version 6 to 8 is supported',
    },
  ]);
});

it('starts the instrumentation of a part of Node.js, and ignores a package with the same name', () => {
  let isStarted = false;
  const builtIn: Library = {
    ...LIBRARY,
    name: 'test-built-in',
    isBuiltIn: true,
    instrument: () => {
      isStarted = true;
      return {};
    },
  };
  const registry = new InstrumentationRegistry([builtIn], createTestContext());
  createPackage('test-built-in', '7.0.0')();
  expect(isStarted).toBe(true);
  expect(registry.loadedLibraries).toEqual([]);
});

it('measures an ORM when a driver that is measured is loaded', () => {
  const pg: Library = {
    name: 'pg',
    category: 'database',
    versions: { from: '8.0.0', to: 8 },
    measured: '',
    instrument: () => ({ patches: { 'lib/client.js': () => undefined } }),
  };
  const registry = new InstrumentationRegistry([pg, ...ORMS], createTestContext());
  const findKnex = () => registry.loadedLibraries.find(({ name }) => name === 'knex');
  expect(findKnex()).toBeUndefined();
  const require = createRequire(resolve('test/libraries/orms/test.cjs'));
  require('knex');
  expect(findKnex()).toMatchObject({
    measured: false,
    reason: 'none of its drivers is measured: pg, mysql2',
  });
  require('pg');
  expect(findKnex()).toMatchObject({ measured: true, reason: undefined, through: 'pg' });
});
