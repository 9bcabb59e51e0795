import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  findUnsupportedRuntime,
  formatUnsupportedRuntime,
} from '../../../src/core/supported-runtime.ts';

describe('findUnsupportedRuntime', () => {
  it.each([
    [{ node: '22.14.0' }, undefined],
    [{ node: '24.0.0' }, undefined],
    [{ node: '26.10.0' }, undefined],
    [{ node: '22.13.1' }, 'Node.js 22.13.1'],
    [{ node: '20.20.2' }, 'Node.js 20.20.2'],
    [{ node: '8.17.0' }, 'Node.js 8.17.0'],
    [{ node: '26.3.0', bun: '1.4.5' }, 'Bun 1.4.5'],
    [{ node: '26.3.0', deno: '2.9.6' }, 'Deno 2.9.6'],
  ])('returns for %o: %s', (versions, expected) => {
    expect(findUnsupportedRuntime(versions)).toBe(expected);
  });
});

function readJson<T>(file: string): T {
  return JSON.parse(readFileSync(file, 'utf8')) as T;
}

interface Engines {
  readonly engines?: { readonly node?: string };
}

/** Returns the lowest version in a range such as `>=22.14`, as a number. 0 for other ranges. */
function toMinimum({ engines }: Engines): number {
  const [, major = 0, minor = 0] = /^>= ?(\d+)(?:\.(\d+))?/.exec(engines?.node ?? '') ?? [];
  return Number(major) + Number(minor) / 1000;
}

it('requires the same version of Node.js as the agent package', () => {
  const { engines } = readJson<{ engines: { node: string } }>('packages/agent/package.json');
  const minimum = engines.node.replace('>=', '');
  expect(formatUnsupportedRuntime({ runtime: 'Bun 1.4.5' })).toContain(`Node.js ${minimum} `);
  expect(findUnsupportedRuntime({ node: `${minimum}.0` })).toBeUndefined();
  const [major, minor] = minimum.split('.').map(Number);
  expect(findUnsupportedRuntime({ node: `${major}.${minor! - 1}.0` })).toBeDefined();
});

it('no package that the server installs requires a newer version of Node.js than the server', () => {
  const lock = readJson<{ packages: Record<string, Engines & { dev?: boolean }> }>(
    'package-lock.json',
  );
  const minimum = toMinimum(readJson<Engines>('package.json'));
  const newer = Object.entries(lock.packages).filter(
    ([, each]) => !each.dev && toMinimum(each) > minimum,
  );
  expect(newer).toEqual([]);
  expect(minimum).toBeGreaterThan(22);
});
