import { expect, it } from 'vitest';
import { HOUR_MS } from '../../../../src/core/duration.ts';
import { findRecentDeploys } from '../../../../src/server/anomalies/recent-deploys.ts';

const NOW = Date.UTC(2026, 10, 30, 10);
const run = (version: string, hoursAgo: number, service = 'shop', environment = 'production') => ({
  ...{ service, environment, version },
  firstMs: NOW - hoursAgo * HOUR_MS,
  lastMs: NOW,
});

it('finds versions that replaced another version in the last hours', () => {
  const runs = [run('1.4.1', 40), run('1.4.2', 2), run('2.0.0', 3, 'bank')];
  expect(findRecentDeploys(runs, NOW)).toEqual([
    { service: 'shop', version: '1.4.2', atMs: NOW - 2 * HOUR_MS },
  ]);
});

it('ignores old deploys, and other environments', () => {
  expect(findRecentDeploys([run('1', 40), run('2', 20)], NOW)).toEqual([]);
  expect(findRecentDeploys([run('1', 40, 'shop', 'staging'), run('2', 1)], NOW)).toEqual([]);
});
