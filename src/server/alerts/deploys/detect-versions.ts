import { DAY_MS, MINUTE_MS } from '../../../core/duration.ts';
import type { VersionRun } from '../../../storage/queries/version-runs.ts';
import { type DeployTarget, toTargetKey } from './deploy.ts';

/** A version that doesn't send rows for this long has stopped. */
export const GONE_AFTER_MS = 5 * MINUTE_MS;
/** Versions are forgotten after this time without rows, unless no newer version ran since. */
const FORGET_AFTER_MS = 2 * DAY_MS;

interface SeenVersion {
  readonly firstMs: number;
  readonly lastMs: number;
}

/** Versions of each service and environment, keyed by `toTargetKey`. */
export type SeenVersions = ReadonlyMap<
  string,
  { readonly target: DeployTarget; readonly versions: ReadonlyMap<string, SeenVersion> }
>;

/** A version that started. */
export interface DetectedDeploy extends DeployTarget {
  readonly version: string;
  readonly previousVersion: string;
  readonly startsMs: number;
}

/**
 * Finds new versions. A version is new if another version of the service ran before, and no process of the version was
 * running. The first version of a service and more instances of a running version are not deploys. Neither is a version
 * that returns after a pause without another version.
 *
 * @param runs versions with rows since the last call, in any order. Rows from the future are ignored.
 * @returns the new state, and the deploys, oldest first
 */
export function detectVersions(
  seen: SeenVersions,
  runs: readonly VersionRun[],
  now: number,
): { seen: SeenVersions; deploys: DetectedDeploy[] } {
  const next = new Map(seen);
  const deploys: DetectedDeploy[] = [];
  for (const run of runs.toSorted((a, b) => a.firstMs - b.firstMs)) {
    if (run.firstMs > now) continue;
    const { service, environment, version, firstMs } = run;
    const key = toTargetKey(run);
    const versions = new Map(next.get(key)?.versions);
    const known = versions.get(version);
    const isRunning = known !== undefined && firstMs - known.lastMs <= GONE_AFTER_MS;
    const previous = findPrevious(versions, version, firstMs);
    const hasPaused = known !== undefined && (previous?.lastMs ?? 0) <= known.lastMs;
    if (!isRunning && !hasPaused && previous) {
      const previousVersion = previous.version;
      deploys.push({ service, environment, version, previousVersion, startsMs: firstMs });
    }
    versions.set(version, {
      firstMs: isRunning ? Math.min(known.firstMs, firstMs) : firstMs,
      lastMs: Math.max(known?.lastMs ?? 0, Math.min(run.lastMs, now)),
    });
    next.set(key, { target: { service, environment }, versions: forgetOld(versions) });
  }
  return { seen: next, deploys };
}

/** Returns the other version that started last before a time. */
function findPrevious(
  versions: ReadonlyMap<string, SeenVersion>,
  version: string,
  beforeMs: number,
): (SeenVersion & { version: string }) | undefined {
  return [...versions]
    .filter(([name, { firstMs }]) => name !== version && firstMs < beforeMs)
    .map(([name, times]) => ({ ...times, version: name }))
    .toSorted((a, b) => a.lastMs - b.lastMs)
    .at(-1);
}

function forgetOld(versions: ReadonlyMap<string, SeenVersion>): ReadonlyMap<string, SeenVersion> {
  const newestMs = Math.max(...[...versions.values()].map(({ lastMs }) => lastMs));
  return new Map([...versions].filter(([, { lastMs }]) => newestMs - lastMs < FORGET_AFTER_MS));
}

/**
 * Returns whether a version stopped while another version of the service continues.
 *
 * @returns false if nothing is known about the service
 */
export function isVersionGone(seen: SeenVersions, target: DeployTarget, version: string): boolean {
  const versions = seen.get(toTargetKey(target))?.versions;
  const own = versions?.get(version);
  if (!versions || !own) return false;
  return [...versions].some(
    ([name, { lastMs }]) => name !== version && lastMs - own.lastMs > GONE_AFTER_MS,
  );
}
