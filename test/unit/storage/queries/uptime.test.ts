import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MINUTE_MS } from '../../../../src/core/duration.ts';
import {
  computeUptime,
  findEndedServices,
  type LastReport,
} from '../../../../src/storage/queries/uptime.ts';

const T0 = Date.UTC(2026, 10, 2, 9);
const minutes = (...spans: readonly (readonly [number, number])[]) =>
  spans.flatMap(([from, to]) =>
    Array.from({ length: to - from }, (_, i) => T0 + (from + i) * MINUTE_MS),
  );
/** Returns the uptime of a service that reported in these minutes of 100, and stopped in `stops`. */
function run(
  spans: readonly (readonly [number, number])[],
  stops: readonly number[] = [],
  wasRunning = false,
) {
  const range = { fromMs: T0, toMs: T0 + 100 * MINUTE_MS };
  const stoppedMs = stops.map((minute) => T0 + minute * MINUTE_MS + 10_000);
  const reports = { reportedMs: minutes(...spans), stoppedMs, wasRunning };
  return computeUptime(reports, range, MINUTE_MS);
}

describe('the uptime for alerts', () => {
  const range = { fromMs: T0, toMs: T0 + 100 * MINUTE_MS };
  const reportedMs = minutes([0, 40], [60, 100]);

  it('excludes the time in which no process of any service reported', () => {
    const reports = { reportedMs, stoppedMs: [], wasRunning: false };
    const suspended = { ...reports, knownMs: new Set(minutes([0, 41], [58, 100])) };
    expect(computeUptime(suspended, range, MINUTE_MS)).toMatchObject({
      uptime: 81,
      unplannedUptime: 98,
    });
    const knownMs = new Set(minutes([0, 100]));
    expect(computeUptime({ ...reports, knownMs }, range, MINUTE_MS).unplannedUptime).toBe(81);
    expect(computeUptime(reports, range, MINUTE_MS).unplannedUptime).toBe(81);
  });

  it('excludes planned restarts', () => {
    const restart = { reportedMs: minutes([0, 40], [44, 100]), wasRunning: false };
    const stoppedMs = [T0 + 39 * MINUTE_MS + 10_000];
    expect(computeUptime({ ...restart, stoppedMs }, range, MINUTE_MS)).toMatchObject({
      uptime: 97,
      unplannedUptime: 100,
    });
    expect(computeUptime({ ...restart, stoppedMs: [] }, range, MINUTE_MS).unplannedUptime).toBe(97);
  });
});

describe('the uptime', () => {
  it('is 100 % from the first report', () => {
    expect(run([[0, 100]]).uptime).toBe(100);
    expect(run([[97, 100]])).toMatchObject({ uptime: 100, intervals: 3, expectedMs: 180_000 });
  });

  it('is not affected by one interval without a report', () => {
    // Two reports that are 60.01 s apart can be in minutes 40 and 42.
    expect(
      run([
        [0, 41],
        [42, 100],
      ]).uptime,
    ).toBe(100);
    expect(
      run([
        [0, 1],
        [2, 99],
      ]).uptime,
    ).toBe(100);
  });

  it('counts an outage', () => {
    expect(
      run([
        [0, 40],
        [51, 100],
      ]),
    ).toMatchObject({ uptime: 90, intervals: 100, reported: 89 });
    expect(run([[0, 49]]).uptime).toBe(50);
    expect(run([], [], true)).toMatchObject({ uptime: 1, reported: 0 });
    expect(run([[31, 100]], [], true).uptime).toBe(70);
  });

  it('excludes the time after a normal end', () => {
    expect(run([[0, 3]], [2])).toMatchObject({ uptime: 100, expectedMs: 3 * MINUTE_MS });
    expect(
      run(
        [
          [0, 3],
          [60, 63],
        ],
        [2, 62],
      ),
    ).toMatchObject({ uptime: 100, intervals: 6 });
  });

  it('counts a planned restart of a service, but not the pauses of a repeated script', () => {
    expect(
      run(
        [
          [0, 40],
          [44, 100],
        ],
        [39],
      ).uptime,
    ).toBe(97);
    expect(
      run(
        [
          [0, 2],
          [5, 7],
          [10, 12],
        ],
        [1, 6, 11],
      ).uptime,
    ).toBe(100);
  });

  it('is between 0 % and 100 %', () => {
    const minute = fc.integer({ min: 0, max: 99 });
    fc.assert(
      fc.property(
        fc.uniqueArray(minute),
        fc.array(minute),
        fc.boolean(),
        (reported, stops, wasRunning) => {
          const spans = reported.map((each) => [each, each + 1] as const);
          const { uptime, expectedMs } = run(spans, stops, wasRunning);
          expect(expectedMs).toBeGreaterThanOrEqual(0);
          expect(expectedMs).toBeLessThanOrEqual(100 * MINUTE_MS);
          if (expectedMs === 0) return;
          expect(uptime).toBeGreaterThanOrEqual(0);
          expect(uptime).toBeLessThanOrEqual(100);
        },
      ),
    );
  });
});

describe('a service has ended', () => {
  const report = (service: string, status: string, seconds: number): LastReport => ({
    service,
    status,
    timestampMs: T0 + seconds * 1000,
  });
  const find = (...reports: LastReport[]) => findEndedServices(reports, 180_000);

  it('if each of its processes has stopped', () => {
    expect(find(report('a', 'stopped', 0), report('a', 'stopped', 100))).toEqual(['a']);
    expect(find(report('a', 'stopped', 0), report('b', 'healthy', 100))).toEqual(['a']);
  });

  it('unless one of its processes vanished', () => {
    expect(find(report('a', 'stopped', 100), report('a', 'healthy', 90))).toEqual([]);
    expect(find(report('a', 'stopped', 0), report('a', 'healthy', 1000))).toEqual([]);
  });

  it('even if another of its processes vanished long before', () => {
    expect(find(report('a', 'stopped', 5000), report('a', 'healthy', 0))).toEqual(['a']);
  });
});
