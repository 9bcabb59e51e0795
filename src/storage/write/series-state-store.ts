import { startTask } from '../../core/guard.ts';
import { startInterval } from '../../core/guarded-timers.ts';
import { randomBytes } from '../../core/lazy-crypto.ts';
import type { Logger } from '../../core/log.ts';
import { createWarnOnce } from '../../core/log.ts';
import { CumulativeSeries } from '../../core/otel/series/cumulative-series.ts';
import { readStateOwner, SeriesStates } from '../../core/otel/series/series-states.ts';
import { createError, errorMessage } from '../../core/perfscope-error.ts';
import type { StateKeeper } from '../spool/segment-states.ts';
import { removeOrphanedFolder } from '../spool/spool-owner.ts';
import { listStateFolders, readSpoolStates } from '../spool/spool-states.ts';
import {
  deleteSnapshot,
  readSnapshot,
  type SnapshotHeader,
  writeSnapshot,
} from './state-snapshot.ts';

const PART = 'the state of cumulative metrics';
const CHECK_INTERVAL_MS = 1000;
/** Minimum time between two snapshots, in ms. Much shorter than the time for which acknowledged rows are kept. */
const MIN_INTERVAL_MS = 15_000;
/** A snapshot uses at most this share of the time. */
const MAX_CPU_SHARE = 0.02;

export interface SeriesStateStoreOptions {
  readonly log: Logger;
  /** Returns the current time in ms since the epoch. Default: `Date.now`. */
  readonly now?: () => number;
  /** Maximum number of series. Default: 200,000. */
  readonly maxSeries?: number;
}

/** The part of a writer that the store uses. */
interface StateSpool {
  /** Folder with the folders of all servers and commands. */
  readonly root: string;
  /** Returns the folder of this process, and creates it if necessary. @throws the error of the file system */
  getFolder(): string;
  /** Writes all rows to the disk. Never rejects. */
  sync(): Promise<void>;
}

/**
 * Keeps the last points of cumulative series over restarts of the server. Changes are in the same spool records as the
 * rows. From time to time, a snapshot of all series replaces them. After a restart, the series are the snapshot and the
 * states in the remaining segments.
 *
 * Pass the store to the writer, which connects it. Accept cumulative points only after `ready` has resolved.
 */
export interface SeriesStateStore extends StateKeeper {
  readonly series: CumulativeSeries;
  /** Since when the series are kept without a gap, in ms since the epoch. */
  readonly sinceMs: number;
  /**
   * Resolves when the writer has taken over the segments of ended processes. Their rows are sent before rows that are
   * added later, which can replace them.
   */
  readonly adopted: Promise<void>;
  /** Called by the writer each time it has taken over the segments of ended processes. */
  onAdopted(): void;
  /** Called by the writer, before it takes over the segments of ended processes. */
  connect(spool: StateSpool): void;
  /** Writes the last snapshot. Called by the writer when it is closed. Never rejects. */
  close(): Promise<void>;
}

export function openSeriesStateStore(options: SeriesStateStoreOptions): SeriesStateStore {
  return new SpooledSeriesStates(options);
}

class SpooledSeriesStates implements SeriesStateStore {
  readonly series: CumulativeSeries;
  readonly ready: Promise<void>;
  readonly #setReady: () => void;
  readonly adopted: Promise<void>;
  readonly onAdopted: () => void;
  readonly #now: () => number;
  readonly #warnOnce: (kind: string, message: string) => boolean;
  /** The states of other servers that have ended while this server was running. They are kept for their next start. */
  readonly #foreign = new Map<string, SeriesStates>();
  /** The servers whose states were added to `series` at the start. */
  readonly #inherited = new Set<string>();
  /** Folders of ended processes whose snapshots are part of `series`. */
  #inheritedFolders: string[] = [];
  #spool: StateSpool | undefined;
  #folder: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #number = 0;
  #keptNumber = 0;
  #writing: Promise<void> | undefined;
  #nextWriteMs = 0;
  #lastWriteMs = 0;
  #isClosed = false;

  constructor({ log, now = Date.now, maxSeries }: SeriesStateStoreOptions) {
    this.#now = now;
    this.#warnOnce = createWarnOnce(log);
    const owner = randomBytes(8).toString('hex');
    const limits = maxSeries === undefined ? {} : { maxSeries };
    this.series = new CumulativeSeries({ owner, sinceMs: now(), ...limits });
    const ready = Promise.withResolvers<void>();
    this.ready = ready.promise;
    this.#setReady = ready.resolve;
    const adopted = Promise.withResolvers<void>();
    this.adopted = adopted.promise;
    this.onAdopted = adopted.resolve;
  }

  get sinceMs(): number {
    return this.series.states.sinceMs;
  }

  get keptNumber(): number {
    return this.#keptNumber;
  }

  connect(spool: StateSpool): void {
    this.#spool = spool;
    startTask(PART, async () => {
      try {
        await this.#recover(spool);
        // Other servers find out from it that this process is running.
        await this.#write();
      } finally {
        this.#setReady();
      }
    });
    this.#timer = startInterval(PART, () => this.#writeIfDue(), CHECK_INTERVAL_MS);
  }

  onOwnState(): number {
    return ++this.#number;
  }

  keepSoon(): void {
    this.#nextWriteMs = Math.min(this.#nextWriteMs, this.#lastWriteMs + CHECK_INTERVAL_MS);
  }

  onForeignState(state: Uint8Array): number {
    try {
      const owner = readStateOwner(state);
      if (owner === this.series.states.owner || this.#inherited.has(owner)) return 0;
      let states = this.#foreign.get(owner);
      if (!states) {
        states = new SeriesStates({ owner, sinceMs: 0 });
        this.#foreign.set(owner, states);
      }
      states.merge(state);
      return ++this.#number;
    } catch {
      // A newer version wrote it.
      return 0;
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    if (!this.#spool) return;
    await this.ready;
    await this.#writing;
    if (this.#number > this.#keptNumber) await this.#write();
  }

  async #recover({ root }: StateSpool): Promise<void> {
    const byOwner = new Map<string, SeriesStates>();
    const merge = (state: Uint8Array) => {
      const owner = readStateOwner(state);
      const states = byOwner.get(owner) ?? new SeriesStates({ owner, sinceMs: 0 });
      byOwner.set(owner, states);
      states.merge(state);
    };
    await readSpoolStates(root, ignoreInvalid(merge), this.#reportUnreadable);
    const hasStates = byOwner.size > 0;
    const running = new Set<string>();
    const ended: SnapshotHeader[] = [];
    let areAllReadable = true;
    // After the segments, because a server deletes a segment only after it has written a snapshot with its states.
    for (const { path, isRunning } of await listStateFolders(root, this.#reportUnreadable)) {
      const header = await this.#readSnapshot(path, merge);
      if (header === 'unreadable') areAllReadable = false;
      if (!header || header === 'unreadable') continue;
      if (isRunning) running.add(header.owner);
      else {
        ended.push(header);
        this.#inheritedFolders.push(path);
      }
    }
    const { states } = this.series;
    for (const [owner, found] of byOwner) {
      // The other server continues these series.
      if (running.has(owner)) continue;
      this.#inherited.add(owner);
      for (const chunk of found.encodeAll()) states.merge(chunk);
    }
    states.sort();
    if (ended.length > 0 && areAllReadable) {
      states.sinceMs = Math.min(...ended.map((header) => header.sinceMs));
    } else if (hasStates && running.size === 0) {
      this.#reportUnreadable(root, new Error('the file is missing'));
    }
    states.removeExpired(Math.floor(this.#now() / 1000));
  }

  async #readSnapshot(
    folder: string,
    merge: (state: Uint8Array) => void,
  ): Promise<SnapshotHeader | 'unreadable' | undefined> {
    try {
      return await readSnapshot(folder, merge);
    } catch (error) {
      this.#reportUnreadable(folder, error);
      return 'unreadable';
    }
  }

  readonly #reportUnreadable = (path: string, error: unknown): void => {
    const params = { path, reason: errorMessage(error) };
    this.#warnOnce('damaged', createError('PS_SERIES_STATE_DAMAGED', params).message);
  };

  async #writeIfDue(): Promise<void> {
    const isDue = this.#number > this.#keptNumber && performance.now() >= this.#nextWriteMs;
    if (!isDue || this.#isClosed) return;
    await this.ready;
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
    await this.#writing;
  }

  /** Writes a snapshot. Logs a failure once, and never rejects: the states are still in the segments. */
  async #write(): Promise<void> {
    const spool = this.#spool;
    if (!spool) return;
    this.#lastWriteMs = performance.now();
    try {
      const { header, number, chunks } = await this.#capture();
      // A snapshot must not contain points whose rows can be lost in a power failure.
      await spool.sync();
      const folder = spool.getFolder();
      const meter = new CpuMeter(chunks);
      await writeSnapshot(folder, header, meter.measure());
      this.#keptNumber = number;
      const waitMs = Math.max(MIN_INTERVAL_MS, meter.durationMs / MAX_CPU_SHARE);
      this.#nextWriteMs = performance.now() + waitMs;
      this.#deleteOldSnapshots(folder);
    } catch (error) {
      this.#nextWriteMs = performance.now() + MIN_INTERVAL_MS;
      const params = { dir: spool.root, action: 'written', reason: errorMessage(error) };
      this.#warnOnce('written', createError('PS_SPOOL_FAILED', params).message);
    }
  }

  /** Waits until no transaction is open, because its record can already be in a segment. */
  async #capture(): Promise<{
    header: SnapshotHeader;
    number: number;
    chunks: readonly Iterable<Uint8Array>[];
  }> {
    const transaction = await this.series.beginNext(this.#now);
    try {
      const nowSeconds = Math.floor(this.#now() / 1000);
      const { states } = this.series;
      states.removeExpired(nowSeconds);
      for (const [owner, foreign] of this.#foreign) {
        foreign.removeExpired(nowSeconds);
        if (foreign.isEmpty) this.#foreign.delete(owner);
      }
      const chunks = [states, ...this.#foreign.values()].map((each) => each.encodeAll());
      const { owner, sinceMs } = states;
      return { header: { owner, sinceMs }, number: this.#number, chunks };
    } finally {
      transaction.rollback();
    }
  }

  #deleteOldSnapshots(folder: string): void {
    // The spool uses a new folder if the old one was moved.
    if (this.#folder !== undefined && this.#folder !== folder) deleteSnapshot(this.#folder);
    this.#folder = folder;
    for (const ended of this.#inheritedFolders.splice(0)) {
      deleteSnapshot(ended);
      removeOrphanedFolder(ended);
    }
  }
}

/** Measures the time in which chunks are created. */
class CpuMeter {
  readonly #sources: readonly Iterable<Uint8Array>[];
  durationMs = 0;

  constructor(sources: readonly Iterable<Uint8Array>[]) {
    this.#sources = sources;
  }

  *measure(): Generator<Uint8Array> {
    for (const source of this.#sources) {
      const iterator = source[Symbol.iterator]();
      for (;;) {
        const startMs = performance.now();
        const { value, done } = iterator.next();
        this.durationMs += performance.now() - startMs;
        if (done) break;
        yield value;
      }
    }
  }
}

/** A newer version can have written states that this one can't read. */
function ignoreInvalid(merge: (state: Uint8Array) => void): (state: Uint8Array) => void {
  return (state) => {
    try {
      merge(state);
    } catch {
      // The next points of these series are used only as a base.
    }
  };
}
