import { withTimeout } from '../../core/concurrency.ts';
import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import { formatBytes, formatDuration } from '../../core/format.ts';
import { startTask } from '../../core/guard.ts';
import type { Logger } from '../../core/log.ts';
import { createError, type PerfscopeError } from '../../core/perfscope-error.ts';
import { UNRESTRICTED_SCOPE } from '../../core/tenant-scope.ts';
import { sql } from '../sql/sql-builder.ts';
import { type DiskSpace, getMinFreeBytes, isDiskLow, readDiskSpace } from './disk-space.ts';
import type { ReadRows } from './postgres-wire-reader.ts';
import { ResponseMonitor } from './response-monitor.ts';
import { canHideRows, type StorageProblem, type StorageStatus } from './storage-status.ts';
import { WalLagTracker } from './wal-lag-tracker.ts';
import { createSuspendedError, WalResumer } from './wal-resumer.ts';
import { readWalTables, type WalTable } from './wal-tables.ts';

const CHECK_INTERVAL_MS = 2000;
const REQUEST_OPTIONS = { timeoutMs: 15_000, keepsProcessAlive: false };
/** Maximum age of the results that `check` returns without a new request, in ms. */
const MAX_RESULT_AGE_MS = 250;
const STOP_TIMEOUT_MS = 1000;
/** Time after which a check of QuestDB doesn't wait for the disk, for example a hung network disk. */
const DISK_TIMEOUT_MS = 1000;
const LAG_LIMIT_MS = 30_000;
const PAUSE_REASON = 'little disk space is left';

export interface StorageMonitorOptions {
  readonly target: () => WriteTarget;
  /** Reads over a connection that slow queries don't use. */
  readonly read: ReadRows;
  /** Returns the parts of the schema that can't be repaired. Default: none. */
  readonly getConflicts?: () => readonly PerfscopeError[];
  /** Folder of the embedded QuestDB. Undefined for an external QuestDB. */
  readonly questdbDir?: string | undefined;
  /** Value of PERFORMANCE_MIN_FREE_DISK_BYTES. */
  readonly minFreeDiskBytes?: number | undefined;
  readonly log: Logger;
  /** Returns the time in ms, from any monotonic clock. */
  readonly now?: () => number;
  readonly readDisk?: typeof readDiskSpace;
}

/**
 * Checks every 2 s whether QuestDB stores rows. Resumes suspended tables, and pauses writes while little
 * disk space is left. Logs each change.
 */
export class StorageMonitor {
  readonly #options: StorageMonitorOptions;
  readonly #now: () => number;
  readonly #writes: ResponseMonitor<readonly WalTable[]>;
  readonly #reads: ResponseMonitor<unknown>;
  readonly #lag = new WalLagTracker();
  readonly #resumer: WalResumer;
  readonly #listeners: (() => void)[] = [];
  #disk: DiskSpace | undefined;
  #isDiskLow = false;
  #walLagMs = 0;
  #checkedMs = Number.NEGATIVE_INFINITY;
  #checking: Promise<void> | undefined;
  #checkingDisk: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #ticking: Promise<void> | undefined;
  /** Kinds of the problems at the last tick. */
  #known: ReadonlySet<StorageProblem['kind']> = new Set();
  #isOutageLogged = false;
  #lastDegradedMs: number | undefined;
  #unreachable = new AbortController();

  constructor(options: StorageMonitorOptions) {
    const { target, read, log, now = () => performance.now() } = options;
    this.#options = options;
    this.#now = now;
    this.#writes = new ResponseMonitor(() => readWalTables(target(), REQUEST_OPTIONS), now);
    this.#reads = new ResponseMonitor(() => read(UNRESTRICTED_SCOPE, sql`SELECT 1`), now);
    this.#resumer = new WalResumer(target, log);
  }

  /** Checks the disk, and starts the periodic checks. */
  async start(): Promise<void> {
    await this.#checkDisk();
    this.#reportChanges();
    const tick = () => startTask('the storage check', () => this.tick());
    this.#timer = setInterval(tick, CHECK_INTERVAL_MS);
  }

  /** Stops after the current check, or after 1 s. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await withTimeout(STOP_TIMEOUT_MS, this.#ticking ?? Promise.resolve(), () => {});
  }

  /** Calls `listener` when a problem starts or ends. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  get status(): StorageStatus {
    return {
      problems: this.#listProblems(),
      freeDiskBytes: this.#disk?.freeBytes,
      minFreeDiskBytes: this.#minFreeBytes,
      walLagMs: this.#walLagMs,
    };
  }

  /** Why rows must not be written now. Undefined if writes are allowed. */
  get pauseReason(): string | undefined {
    return this.#isDiskLow ? PAUSE_REASON : undefined;
  }

  get isReachable(): boolean {
    return this.#failure === undefined;
  }

  /**
   * Last time at which a check found a problem that can delay or hide rows, in ms since the epoch.
   * Undefined: never.
   */
  get lastDegradedMs(): number | undefined {
    return this.#lastDegradedMs;
  }

  /** Aborted with PS_UNAVAILABLE while QuestDB is unreachable. */
  get unreachableSignal(): AbortSignal {
    return this.#unreachable.signal;
  }

  /** Checks QuestDB and the disk now. Resolves with the status within `timeoutMs`. Never rejects. */
  async check(timeoutMs: number): Promise<StorageStatus> {
    if (this.#now() - this.#checkedMs > MAX_RESULT_AGE_MS) {
      await withTimeout(timeoutMs, this.#check(), () => {}, { keepAlive: false });
    }
    return this.status;
  }

  /** Checks once, reports changes, and resumes suspended tables. Skipped while another tick runs. */
  tick(): Promise<void> {
    this.#ticking ??= this.#runTick().finally(() => {
      this.#ticking = undefined;
    });
    return this.#ticking;
  }

  async #runTick(): Promise<void> {
    await withTimeout(CHECK_INTERVAL_MS, this.#check(), () => {}, { keepAlive: false });
    this.#reportChanges();
    if (this.#failure !== undefined) return;
    // A resume can take as long as its time limit. The next checks must not wait for it.
    startTask('the resumption of suspended tables', () =>
      this.#resumer.update(this.#writes.latest ?? [], this.#isDiskLow, this.#now()),
    );
  }

  #check(): Promise<void> {
    this.#checking ??= Promise.all([this.#checkQuestdb(), this.#checkDisk()]).then(() => {
      this.#checking = undefined;
      this.#checkedMs = this.#now();
    });
    return this.#checking;
  }

  async #checkQuestdb(): Promise<void> {
    await Promise.all([this.#writes.run(), this.#reads.run()]);
    const lags = this.#lag.update(this.#writes.latest ?? [], this.#now());
    this.#walLagMs = Math.max(0, ...lags.map(({ lagMs }) => lagMs));
  }

  /** Reads the free space, unless a read is still running. Waits for at most 1 s. */
  #checkDisk(): Promise<void> {
    this.#checkingDisk ??= this.#readDisk().finally(() => {
      this.#checkingDisk = undefined;
    });
    return withTimeout(DISK_TIMEOUT_MS, this.#checkingDisk, () => {}, { keepAlive: false });
  }

  async #readDisk(): Promise<void> {
    const { questdbDir, readDisk = readDiskSpace } = this.#options;
    if (questdbDir === undefined) return;
    this.#disk = await readDisk(questdbDir);
    const { freeBytes = Number.POSITIVE_INFINITY } = this.#disk ?? {};
    this.#isDiskLow = isDiskLow(freeBytes, this.#minFreeBytes ?? 0, this.#isDiskLow);
  }

  get #minFreeBytes(): number | undefined {
    return this.#disk && getMinFreeBytes(this.#disk.totalBytes, this.#options.minFreeDiskBytes);
  }

  get #failure(): string | undefined {
    return this.#writes.failure ?? this.#reads.failure;
  }

  #listProblems(): StorageProblem[] {
    const problems: StorageProblem[] = [];
    const failure = this.#failure;
    if (failure !== undefined) {
      const error = createUnavailableError(failure);
      problems.push({ kind: 'unreachable', error });
    }
    if (this.#isDiskLow) problems.push({ kind: 'low_disk', error: this.#createDiskError() });
    const suspended = (this.#writes.latest ?? []).filter((table) => table.suspended);
    if (suspended.length > 0) {
      problems.push({ kind: 'suspended', error: createSuspendedError(suspended) });
    }
    if (this.#walLagMs > LAG_LIMIT_MS) {
      const lag = formatDuration(this.#walLagMs);
      problems.push({ kind: 'lagging', error: createError('PS_STORAGE_LAGGING', { lag }) });
    }
    const conflicts = this.#options.getConflicts?.() ?? [];
    return [...problems, ...conflicts.map((error) => ({ kind: 'schema' as const, error }))];
  }

  #createDiskError(): PerfscopeError {
    return createError('PS_DISK_LOW', {
      dir: this.#options.questdbDir ?? '',
      free: formatBytes(this.#disk?.freeBytes ?? 0),
      limit: formatBytes(this.#minFreeBytes ?? 0),
    });
  }

  #reportChanges(): void {
    const { log } = this.#options;
    const kinds = new Set(this.#listProblems().map(({ kind }) => kind));
    const known = this.#known;
    this.#known = kinds;
    if ([...kinds, ...known].some(canHideRows)) this.#lastDegradedMs = Date.now();
    if (kinds.has('low_disk') && !known.has('low_disk')) log.warn(this.#createDiskError().message);
    if (!kinds.has('low_disk') && known.has('low_disk')) {
      log.info('Enough disk space is free again. Database writes continue.');
    }
    this.#reportOutage(kinds.has('unreachable') && known.has('unreachable'));
    if (kinds.has('unreachable') && !known.has('unreachable')) {
      this.#unreachable.abort(createUnavailableError(this.#failure ?? ''));
    }
    if (!kinds.has('unreachable') && known.has('unreachable')) {
      this.#unreachable = new AbortController();
    }
    const isChanged = kinds.size !== known.size || [...kinds].some((kind) => !known.has(kind));
    if (isChanged) for (const listener of this.#listeners) listener();
  }

  /** @param isOutage whether QuestDB was unreachable twice in a row. A restart takes less time. */
  #reportOutage(isOutage: boolean): void {
    if (isOutage && !this.#isOutageLogged) {
      const reason = this.#failure ?? '';
      this.#options.log.warn(createError('PS_STORAGE_UNREACHABLE', { reason }).message);
      this.#isOutageLogged = true;
    }
    if (this.#isOutageLogged && this.#failure === undefined) {
      this.#options.log.info('QuestDB responds again.');
      this.#isOutageLogged = false;
    }
  }
}

function createUnavailableError(failure: string): PerfscopeError {
  return createError('PS_UNAVAILABLE', { reason: `QuestDB does not respond (${failure})` });
}
