import { describe, expect, it } from 'vitest';
import { findServiceEvents } from '../../../../src/storage/queries/service-events.ts';

const MINUTE_MS = 60_000;
const RANGE = { fromMs: 0, toMs: 100 * MINUTE_MS };
const RUNNING = 100;

/** Times in minutes. */
type Run = readonly [instance: string | undefined, version: string, from: number, to: number];

const find = (...runs: Run[]) =>
  findServiceEvents(
    runs.map(([instance, version, from, to]) => ({
      ...{ service: 'booking', instance, version },
      ...{ firstMs: from * MINUTE_MS, lastMs: to * MINUTE_MS },
    })),
    RANGE,
    3 * MINUTE_MS,
  ).map((event) =>
    event.kind === 'version'
      ? `${event.atMs / MINUTE_MS} ${event.previousVersion} → ${event.version}`
      : `${event.atMs / MINUTE_MS} ${event.count} restarted`,
  );

describe('restarts', () => {
  it.each<{ name: string; runs: Run[]; expected: string[] }>([
    {
      name: 'a process that starts after another one ended',
      runs: [
        ['a', '1', -10, 20],
        ['b', '1', 21, RUNNING],
      ],
      expected: ['21 1 restarted'],
    },
    {
      name: 'several processes in one minute, also if the old ones end a little later',
      runs: [
        ['a', '1', -10, 20],
        ['b', '1', -10, 20.5],
        ['c', '1', 20, RUNNING],
        ['d', '1', 20.2, RUNNING],
      ],
      expected: ['20 2 restarted'],
    },
    {
      name: 'an additional process is not a restart',
      runs: [
        ['a', '1', -10, RUNNING],
        ['b', '1', 20, RUNNING],
      ],
      expected: [],
    },
    {
      name: 'each end counts once',
      runs: [
        ['a', '1', -10, 20],
        ['b', '1', 21, RUNNING],
        ['c', '1', 50, RUNNING],
      ],
      expected: ['21 1 restarted'],
    },
    {
      name: 'a restart before the range',
      runs: [
        ['a', '1', -30, -20],
        ['b', '1', -19, RUNNING],
      ],
      expected: [],
    },
  ])('$name', ({ runs, expected }) => expect(find(...runs)).toEqual(expected));
});

describe('versions', () => {
  it.each<{ name: string; runs: Run[]; expected: string[] }>([
    {
      name: 'a new version, whose processes are not restarts',
      runs: [
        ['a', '1', -10, 20],
        ['b', '2', 21, RUNNING],
      ],
      expected: ['21 1 → 2'],
    },
    {
      name: 'a rolling update has one mark',
      runs: [
        ['a', '1', -10, 20],
        ['b', '1', -10, 25],
        ['c', '2', 20, RUNNING],
        ['d', '2', 25, RUNNING],
      ],
      expected: ['20 1 → 2'],
    },
    {
      name: 'a return to the previous version',
      runs: [
        ['a', '1', -10, 20],
        ['b', '2', 21, 40],
        ['c', '1', 41, RUNNING],
      ],
      expected: ['21 1 → 2', '41 2 → 1', '41 1 restarted'],
    },
    {
      name: 'another process of a version that still runs is not a new version',
      runs: [
        ['a', '1', -10, RUNNING],
        ['b', '2', 20, RUNNING],
        ['c', '1', 30, RUNNING],
      ],
      expected: ['20 1 → 2'],
    },
    { name: 'the first version', runs: [['a', '1', 10, RUNNING]], expected: [] },
    {
      name: 'versions without processes',
      runs: [
        [undefined, '1', -10, 30],
        [undefined, '2', 20, RUNNING],
      ],
      expected: ['20 1 → 2'],
    },
  ])('$name', ({ runs, expected }) => expect(find(...runs)).toEqual(expected));
});
