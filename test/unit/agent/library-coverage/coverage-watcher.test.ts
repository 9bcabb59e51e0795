import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { LibraryState } from '../../../../src/agent/instrumentation/loading/instrumentation-registry.ts';
import { CoverageWatcher } from '../../../../src/agent/library-coverage/coverage-watcher.ts';
import { findDeclaredLibraries } from '../../../../src/agent/library-coverage/declared-libraries.ts';
import type { PerformanceMetricRow } from '../../../../src/core/schema/tables/performance-metrics-table.ts';

const MINUTE_MS = 60_000;
const folder = mkdtempSync(join(tmpdir(), 'perfscope-coverage-'));
afterAll(() => rmSync(folder, { recursive: true }));
writeFileSync(
  join(folder, 'package.json'),
  JSON.stringify({
    dependencies: { bullmq: '5', pg: '8', lodash: '4' },
    devDependencies: { express: '5' },
  }),
);

beforeEach(() => void vi.useFakeTimers({ now: 0 }));
afterEach(() => void vi.useRealTimers());

const pg = { name: 'pg', version: '8.1.0', measured: true, reason: undefined };
const pool = { name: 'pg-pool', version: '3.0.0', measured: true, reason: undefined };
const partial = { name: 'express', version: '5.0.0', measured: false, reason: undefined };

/** Starts a watcher for libraries that the test changes. */
function startWatcher({ isLogging = true, unhooked = [] as string[] } = {}) {
  const libraries: LibraryState[] = [];
  const rows: (readonly unknown[])[] = [];
  const lines: string[] = [];
  let onChange = () => {};
  const watcher = new CoverageWatcher({
    agent: {
      loadedLibraries: libraries,
      unhookedLibraries: unhooked,
      watchLibraries: (listener) => {
        onChange = listener;
      },
    },
    resource: { service: 'booking', instance: 'a' },
    add: (_table, added) => {
      for (const { timestamp, endpoint, operation, value, tags } of added as PerformanceMetricRow[])
        rows.push([timestamp / MINUTE_MS, endpoint, operation, value, tags]);
    },
    folder,
    isLogging,
    log: { info: (line) => lines.push(line), warn: () => {}, error: () => {} },
    onListed: () => {},
  });
  watcher.start();
  return { watcher, libraries, rows, lines, change: () => onChange() };
}

it('writes the coverage after the start, after each change, and every ten minutes', () => {
  const { libraries, rows, lines, change } = startWatcher();
  libraries.push(pg, pool, { ...partial });
  vi.advanceTimersByTime(MINUTE_MS);
  expect(rows.splice(0)).toEqual([[1 / 60, 'pg', '8.1.0', 1, undefined]]);
  libraries[2]!.measured = true;
  change();
  change();
  vi.advanceTimersByTime(MINUTE_MS);
  expect(rows.splice(0)).toEqual([
    [1 + 1 / 60, 'pg', '8.1.0', 1, undefined],
    [1 + 1 / 60, 'express', '5.0.0', 1, undefined],
  ]);
  change();
  vi.advanceTimersByTime(MINUTE_MS);
  expect(rows).toEqual([]);
  vi.advanceTimersByTime(17 * MINUTE_MS);
  const notLoaded = JSON.stringify({
    reason: 'it is in package.json, but not loaded from node_modules',
  });
  const later = rows.splice(0);
  expect(later.filter(([minute]) => minute === 20)).toEqual([
    [20, 'pg', '8.1.0', 1, undefined],
    [20, 'express', '5.0.0', 1, undefined],
    [20, 'bullmq', '', 0, notLoaded],
  ]);
  expect(new Set(later.map(([minute]) => minute))).toEqual(new Set([10, 20]));
  expect(lines).toEqual([
    expect.stringMatching(/^measuring HTTP.*, pg 8\.1\.0; express 5\.0\.0 is not measured/),
    'measuring express 5.0.0',
  ]);
});

it('writes the coverage of a process that ends early once, without a log line', () => {
  const { watcher, libraries, rows, lines } = startWatcher();
  expect(watcher.writeChanges()).toBe(false);
  libraries.push(pg, { ...partial });
  expect([watcher.writeChanges(), watcher.writeChanges()]).toEqual([true, false]);
  expect(rows).toEqual([[0, 'pg', '8.1.0', 1, undefined]]);
  expect(lines).toEqual([]);
});

it('logs late libraries for ten minutes, and stores later ones only as rows', () => {
  const { libraries, rows, lines, change } = startWatcher();
  vi.advanceTimersByTime(9 * MINUTE_MS);
  expect(rows).toEqual([]);
  libraries.push(pg);
  change();
  vi.advanceTimersByTime(2 * MINUTE_MS);
  expect(lines.slice(1)).toEqual(['measuring pg 8.1.0']);
  libraries.push({ ...partial, measured: true });
  rows.length = 0;
  change();
  vi.advanceTimersByTime(MINUTE_MS);
  expect(lines).toHaveLength(2);
  expect(rows.map(([, name]) => name)).toContain('express');
});

it('reports a library that stays partly loaded, an old version, and ES modules on an old Node.js', () => {
  const { libraries, rows, lines } = startWatcher({ isLogging: false, unhooked: ['bullmq'] });
  libraries.push(
    { ...partial },
    { ...pg, version: '7.0.0', measured: false, reason: 'only version 8 is supported' },
  );
  vi.advanceTimersByTime(MINUTE_MS);
  expect(rows.map(([, name, version, value]) => [name, version, value])).toEqual([
    ['pg', '7.0.0', 0],
  ]);
  vi.advanceTimersByTime(10 * MINUTE_MS);
  const last = new Map(rows.map(([, name, , value, tags]) => [name, [value, String(tags)]]));
  expect(last.get('express')).toEqual([0, '{"reason":"it is only partly loaded"}']);
  expect(last.get('bullmq')).toEqual([0, expect.stringContaining('Node.js 22.23')]);
  expect(lines).toEqual([]);
});

it('reads the supported libraries in the nearest package.json, with their installed versions', () => {
  expect(findDeclaredLibraries(join(folder, 'missing', 'folder'))).toEqual([
    { name: 'pg', version: undefined },
    { name: 'bullmq', version: undefined },
  ]);
  const own = findDeclaredLibraries('src');
  expect(own).toContainEqual({ name: 'express', version: expect.stringMatching(/^5\./) });
  writeFileSync(join(folder, 'broken.json'), '{');
  expect(findDeclaredLibraries('/')).toEqual([]);
});
