import { MINUTE_MS } from '../../core/duration.ts';
import { floorTo, type TimeRange } from './time-range.ts';

/** The time in which a process or a version of a service reported, in ms since the epoch. */
export interface ProcessRun {
  readonly service: string;
  readonly version: string | undefined;
  /** Undefined if the run is about all processes of a version. */
  readonly instance: string | undefined;
  readonly firstMs: number;
  readonly lastMs: number;
}

/** A new version of a service, or the restart of `count` processes in one minute. */
export type ServiceEvent =
  | {
      readonly kind: 'version';
      readonly atMs: number;
      readonly service: string;
      readonly version: string;
      readonly previousVersion: string;
    }
  | {
      readonly kind: 'restart';
      readonly atMs: number;
      readonly service: string;
      readonly count: number;
    };

/**
 * Returns the new versions and the restarts in a range.
 *
 * @param runs also the runs from before the range, so that the versions and processes at its start are known
 * @param toleranceMs maximum time between two reports of a running process
 */
export function findServiceEvents(
  runs: readonly ProcessRun[],
  range: TimeRange,
  toleranceMs: number,
): ServiceEvent[] {
  return [...Map.groupBy(runs, ({ service }) => service).values()].flatMap((ofService) => {
    const sorted = ofService.toSorted((a, b) => a.firstMs - b.firstMs);
    return [
      ...findVersionChanges(sorted, range, toleranceMs),
      ...findRestarts(sorted, range, toleranceMs),
    ];
  });
}

/** A version is new if another version started before, and no process of the version was running. */
function findVersionChanges(
  sorted: readonly ProcessRun[],
  { fromMs, toMs }: TimeRange,
  toleranceMs: number,
): ServiceEvent[] {
  const events: ServiceEvent[] = [];
  let current: string | undefined;
  for (const [i, { service, version, firstMs }] of sorted.entries()) {
    if (version === undefined) continue;
    const wasRunning = sorted
      .slice(0, i)
      .some((other) => other.version === version && other.lastMs >= firstMs - toleranceMs);
    const isInRange = firstMs >= fromMs && firstMs < toMs;
    if (current !== undefined && current !== version && !wasRunning && isInRange) {
      const previousVersion = current;
      events.push({ kind: 'version', atMs: firstMs, service, version, previousVersion });
    }
    current = version;
  }
  return events;
}

/**
 * A process restarted if a process of the same version ended before or shortly after its start. Each end counts
 * once, so additional processes are not restarts.
 */
function findRestarts(
  sorted: readonly ProcessRun[],
  { fromMs, toMs }: TimeRange,
  toleranceMs: number,
): ServiceEvent[] {
  const ended = new Set(
    sorted
      .filter(({ instance, lastMs }) => instance !== undefined && lastMs < toMs - toleranceMs)
      .sort((a, b) => a.lastMs - b.lastMs),
  );
  const counts = new Map<number, number>();
  for (const run of sorted) {
    const { version, firstMs, instance } = run;
    if (instance === undefined || firstMs < fromMs || firstMs >= toMs) continue;
    const replaced = [...ended].find(
      (other) =>
        other.version === version &&
        other.firstMs < firstMs &&
        other.lastMs <= firstMs + toleranceMs,
    );
    if (!replaced) continue;
    ended.delete(replaced);
    const atMs = Math.max(fromMs, floorTo(firstMs, MINUTE_MS));
    counts.set(atMs, (counts.get(atMs) ?? 0) + 1);
  }
  const service = sorted[0]?.service ?? '';
  return [...counts].map(([atMs, count]) => ({ kind: 'restart', atMs, service, count }));
}
