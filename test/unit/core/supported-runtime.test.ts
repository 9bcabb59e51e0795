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

it.each(['package.json', 'packages/agent/package.json'])(
  'requires the same version of Node.js as %s',
  (file) => {
    const minimum = JSON.parse(readFileSync(file, 'utf8')).engines.node.replace('>=', '');
    expect(formatUnsupportedRuntime({ runtime: 'Bun 1.4.5' })).toContain(`Node.js ${minimum} `);
    expect(findUnsupportedRuntime({ node: `${minimum}.0` })).toBeUndefined();
    const [major, minor] = minimum.split('.').map(Number);
    expect(findUnsupportedRuntime({ node: `${major}.${minor - 1}.0` })).toBeDefined();
  },
);
