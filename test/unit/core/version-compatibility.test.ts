import { expect, it } from 'vitest';
import { areVersionsCompatible } from '../../../src/core/version-compatibility.ts';

it.each([
  ['1.2.3', '1.9.0', true],
  ['1.2.3', '2.0.0', false],
  ['10.0.0', '1.0.0', false],
  ['0.1.0', '0.1.7', true],
  ['0.1.0', '0.2.0', false],
  ['0.1.0', '1.1.0', false],
  ['0.0.3', '0.0.3', true],
  ['0.0.3', '0.0.4', false],
  ['1.2.3+build.1', '1.2.3+build.2', true],
  // A range contains prereleases only if it names the same version.
  ['1.2.3-beta.1', '1.2.3-beta.2', true],
  ['1.2.3-beta.1', '1.2.3', true],
  ['1.2.3-beta.1', '1.3.0', true],
  ['1.2.3', '1.3.0-beta.1', false],
  ['1.2.3-beta.1', '1.2.4-beta.1', false],
  ['2.0.0-beta.1', '2.1.0', true],
  ['1.9.0', '2.0.0-beta.1', false],
])('%s and %s: %s', (first, second, compatible) => {
  expect(areVersionsCompatible(first, second)).toBe(compatible);
  expect(areVersionsCompatible(second, first)).toBe(compatible);
});

it.each([undefined, '', 'unknown', 'v1', '1.2', '1.2.3.4', '1.2.x'])(
  'an unknown version is compatible: %s',
  (version) => {
    expect(areVersionsCompatible(version, '0.1.0')).toBe(true);
  },
);

it.each(['1.2.3\nperfscope: forged', '1.2.3 <script>', `1.2.3-${'a'.repeat(1000)}`])(
  'text that must not be logged is not a version: %j',
  (text) => {
    expect(areVersionsCompatible(text, '9.0.0')).toBe(true);
  },
);
