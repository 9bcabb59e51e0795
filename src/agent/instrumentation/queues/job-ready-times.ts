/** Maximum number of jobs with a known ready time, and of recorded arrivals. */
const MAX_JOBS = 10_000;

/** A job that starts earlier than this before it is due was promoted. Clocks can differ by less. */
const MAX_EARLY_START_MS = 100;

/** An active job of BullMQ or Bull. Bull has no `attemptsStarted` and `stalledCounter`. */
interface ActiveJob {
  readonly timestamp: number;
  readonly opts?: { readonly delay?: number | undefined };
  readonly attemptsMade: number;
  readonly attemptsStarted?: number | undefined;
  readonly stalledCounter?: number | undefined;
  readonly stacktrace?: readonly unknown[] | null;
}

interface ReadyTime {
  readonly ms: number | undefined;
  /** Value of `attemptsStarted` when the attempt runs, or undefined if unknown. */
  readonly attempt: number | undefined;
}

/**
 * Remembers when jobs become ready for their next attempt, in ms since the epoch. Redis doesn't store
 * this time, so only the process that moves a job knows it.
 */
export class JobReadyTimes {
  readonly #times = new Map<string, ReadyTime>();

  /**
   * Stores the ready time of the job with `key`.
   *
   * @param ms undefined if another process possibly knows the time
   * @param attempt value of `attemptsStarted` when the attempt runs, or undefined if unknown
   */
  set(key: string, ms: number | undefined, attempt: number | undefined): void {
    this.#times.delete(key);
    limitSize(this.#times);
    this.#times.set(key, { ms, attempt });
  }

  delete(key: string): void {
    this.#times.delete(key);
  }

  /**
   * Returns when the attempt that starts now became ready, and forgets the time.
   *
   * @returns undefined if another process moved the job, because the time is then unknown
   */
  take(key: string, job: ActiveJob, startedMs: number): number | undefined {
    const known = this.#times.get(key);
    this.#times.delete(key);
    const { attemptsStarted } = job;
    const isOther =
      known?.attempt !== undefined &&
      attemptsStarted !== undefined &&
      known.attempt !== attemptsStarted;
    const readyMs = known && !isOther ? known.ms : getFirstReadyMs(job);
    const isEarly = readyMs !== undefined && startedMs < readyMs - MAX_EARLY_START_MS;
    return isEarly ? undefined : readyMs;
  }
}

/** Returns when a job's first attempt is due, in ms since the epoch. Returns undefined for other attempts. */
function getFirstReadyMs(job: ActiveJob): number | undefined {
  if (!isFirstStart(job)) return undefined;
  return job.timestamp + (job.opts?.delay ?? 0);
}

/**
 * Returns whether an active job was never started before. A retry can reset the number of attempts, but
 * not the stack traces.
 */
export function isFirstStart(job: ActiveJob): boolean {
  return (
    job.attemptsMade === 0 &&
    (job.attemptsStarted ?? 1) <= 1 &&
    (job.stalledCounter ?? 0) === 0 &&
    (job.stacktrace?.length ?? 0) === 0
  );
}

/** Remembers the keys of the arrivals that this process has recorded, oldest first. */
export class RecordedArrivals {
  readonly #keys = new Map<string, true>();

  /** Returns whether `key` is new, and remembers it. */
  add(key: string): boolean {
    if (this.#keys.has(key)) return false;
    limitSize(this.#keys);
    this.#keys.set(key, true);
    return true;
  }
}

/**
 * Makes room in a map that has the maximum number of jobs. Removes the oldest tenth at once, because finding the first
 * entry of a map takes longer with each entry that was deleted before it.
 */
export function limitSize(map: Map<string, unknown>): void {
  if (map.size < MAX_JOBS) return;
  let removed = 0;
  for (const key of map.keys()) {
    map.delete(key);
    removed += 1;
    if (removed >= MAX_JOBS / 10) return;
  }
}
