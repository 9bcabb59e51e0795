import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { findPerfscopeVersion, VERSION } from '../../../src/core/version.ts';

const folder = mkdtempSync(join(tmpdir(), 'perfscope-version-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('is the version in package.json', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  expect(VERSION).toBe(version);
});

it("is found above the module, and other packages' versions are skipped", () => {
  const inner = join(folder, 'dist', 'core');
  mkdirSync(inner, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "name": "perfscope", "version": "7.8.9" }');
  writeFileSync(join(folder, 'dist', 'package.json'), '{ "name": "other", "version": "1.0.0" }');
  writeFileSync(join(inner, 'package.json'), 'not JSON');
  expect(findPerfscopeVersion(inner)).toBe('7.8.9');
});

it('is unknown if there is no package.json of Perfscope', () => {
  expect(findPerfscopeVersion(tmpdir())).toBe('unknown');
});
