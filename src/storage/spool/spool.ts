import { startInterval } from '../../core/guarded-timers.ts';
import { createError } from '../../core/perfscope-error.ts';
import type { Batch } from './batch.ts';
import { FreeSpace } from './free-space.ts';
import type { RowGroup } from './row-group.ts';
import type { Segment } from './segment.ts';
import { SegmentQueue } from './segment-queue.ts';
import { SegmentReader } from './segment-reader.ts';
import { SegmentStates } from './segment-states.ts';
import type { BatchPosition } from './segment-writer.ts';
import type { SkippedRange } from './skipped-range.ts';
import { type AdoptOptions, adoptOrphans, getSpoolRoot, type SpoolRoot } from './spool-adoption.ts';
import type { SpoolOptions } from './spool-options.ts';
import {
  type CurrentReading,
  createMemoryReading,
  createSavedSource,
  createSegmentReading,
  type SpoolReading,
} from './spool-reading.ts';
import { SpoolReporter } from './spool-reporter.ts';
import { UnsavedBatches } from './unsaved-batches.ts';
import { NOTHING_UNSENT, type UnsentRows, type UnsentTable } from './unsent-rows.ts';

const PART = 'the spool';
const MAINTENANCE_INTERVAL_MS = 1000;

/**
 * Stores batches in segment files until QuestDB has acknowledged them. Only `read` rejects if a file
 * operation fails, because the other methods run in timers and when the process exits.
 */
export class Spool {
  readonly #options: SpoolOptions;
  readonly #roots: readonly [SpoolRoot, ...SpoolRoot[]];
  readonly #reporter: SpoolReporter;
  readonly #queue: SegmentQueue;
  readonly #reader: SegmentReader;
  readonly #unsaved: UnsavedBatches;
  readonly #states: SegmentStates;
  #reading: CurrentReading | undefined;
  /** Ranges with the unsent rows of ended readings. Readings of batches in memory have none. */
  readonly #ranges = new WeakMap<SpoolReading, { segment: Segment; range: SkippedRange }>();
  /** Whether the next reading is preferably one of skipped rows. */
  #prefersSkipped = true;
  /** Batches are appended one after the other. */
  #adding: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #isMaintaining = false;
  /** Number of calls of `close`. */
  #closes = 0;
  readonly #freeSpace: FreeSpace;

  constructor(options: SpoolOptions) {
    this.#options = options;
    const { dir, isServer = false, maxBytes, dropped, log } = options;
    const shared: SpoolRoot = { dir, isShared: true, mustBeTrusted: false };
    const own: SpoolRoot = { dir: getSpoolRoot(dir, true), isShared: false, mustBeTrusted: true };
    this.#roots = isServer ? [own, shared] : [shared];
    this.#reporter = new SpoolReporter(dir, dropped, log);
    this.#states = new SegmentStates(options.states);
    this.#freeSpace = new FreeSpace(dir);
    this.#reader = new SegmentReader(options.deadLetters, this.#states, this.#reporter);
    this.#queue = new SegmentQueue({
      root: this.#roots[0].dir,
      mustTrustRoot: isServer,
      syncsToDisk: isServer,
      maxBytes,
      states: this.#states,
      reporter: this.#reporter,
    });
    this.#unsaved = new UnsavedBatches(this.#queue, this.#reporter);
  }

  get waitingRows(): number {
    return this.#queue.waitingRows + this.#unsaved.rows;
  }

  /** Size of the waiting rows, in bytes. */
  get waitingBytes(): number {
    return this.#queue.waitingBytes + this.#unsaved.bytes;
  }

  /**
   * Since when the oldest rows have been waiting, in ms since the epoch. For a segment, this is the time
   * of its oldest record that has not been read. Undefined if no rows are waiting.
   */
  get oldestWaitingMs(): number | undefined {
    const [segment] = this.#queue.waiting;
    return segment ? segment.progress.waitingSinceMs : this.#unsaved.all[0]?.newestMs;
  }

  /**
   * Returns the folder of this process, and creates it on the first call.
   *
   * @throws UntrustedFileError, or the error of the file system
   */
  getFolder(): string {
    return this.#queue.getFolder();
  }

  /** Free space of the disk in bytes, as of the last 10 s. Undefined if it is unknown. */
  get freeDiskBytes(): number | undefined {
    return this.#freeSpace.bytes;
  }

  /** Adds a batch. Resolves when it is in a segment, or in memory if the disk refuses it. */
  add(batch: Batch): Promise<void> {
    this.#adding = this.#adding.then(async () => {
      await this.#unsaved.append(batch);
      this.#enforceLimits();
    });
    return this.#adding;
  }

  /**
   * Adds rows and a state in one record. Resolves when they are in a segment.
   *
   * @throws PS_SPOOL_FULL if the size limit is almost reached, or PS_SPOOL_REFUSED if the disk refuses the record. Also
   * PS_WRITER_CLOSED if `close` is called before the write starts. Then the rows are not added.
   */
  async addDurably(group: RowGroup): Promise<void> {
    const closes = this.#closes;
    const adding = this.#adding.then(async () => {
      if (closes !== this.#closes) throw createError('PS_WRITER_CLOSED', {});
      await this.#queue.appendGroup(group, this.#otherBytes);
    });
    this.#adding = adding.catch(() => {});
    await adding;
    // It would start the timer again.
    if (closes === this.#closes) this.#enforceLimits();
  }

  /** Writes all rows to the disk, so that they survive a power failure. Never rejects. */
  async sync(): Promise<void> {
    await this.#queue.sync();
  }

  /** Adds a batch synchronously, for use when the process exits or its memory limit is reached. */
  addSync(batch: Batch): void {
    this.#unsaved.appendSync(batch);
    this.#enforceLimits();
  }

  /** Writes the batches to the disk that it refused before, for use when the process exits. */
  saveUnsavedSync(): void {
    this.#unsaved.saveSync();
  }

  /**
   * Reads the next waiting batches, up to about `maxBytes`, and at least one. Returns the same batches
   * until `remove` is called, and undefined if no batches can be sent.
   *
   * @param isBlocked whether rows of a table can't be sent now. Then unsent rows of the table are not read again.
   * Default: no table is blocked
   * @throws the error of the file system if a later attempt can succeed
   */
  async read(
    maxBytes: number,
    isBlocked: (table: string) => boolean = () => false,
  ): Promise<SpoolReading | undefined> {
    if (this.#reading) return this.#reading;
    // Alternately, so that a long list of skipped rows doesn't delay new rows.
    this.#prefersSkipped = !this.#prefersSkipped;
    const { found, failure } = await this.#reader.readNext(this.#queue, {
      maxBytes,
      isBlocked,
      prefersSkipped: this.#prefersSkipped,
    });
    if (found) {
      this.#reading = createSegmentReading(found);
      return this.#reading;
    }
    const batches = this.#unsaved.takeOldest(maxBytes, isBlocked);
    if (batches.length > 0) {
      this.#options.beforeMemoryRead?.();
      this.#unsaved.startSending(batches);
      this.#reading = createMemoryReading(batches);
      return this.#reading;
    }
    if (failure !== undefined) throw failure;
    return undefined;
  }

  /**
   * Ends a reading, after its rows were stored, set aside as dead letters, or dropped. Its batches are
   * no longer valid.
   *
   * @param unsent rows that could not be sent. `read` returns them again later. Default: none
   * @returns false if `close` has ended the reading. Another process can then read its rows again.
   */
  remove(reading: SpoolReading, unsent?: UnsentRows): boolean {
    if (this.#reading !== reading) return false;
    const { source, batches } = this.#reading;
    this.#reading = undefined;
    this.#queue.inUse = undefined;
    if (!source) this.#unsaved.endSending(batches, unsent);
    else if ('reading' in source) {
      const range = this.#queue.advance(source.segment, source.reading, unsent);
      if (range) this.#ranges.set(reading, { segment: source.segment, range });
    } else {
      if (unsent?.tableInFlight !== undefined) source.range.isInFlight = true;
      this.#ranges.set(reading, source);
      for (const table of new Set(batches.map((batch) => batch.table))) {
        source.range.update(table, unsent?.tables.get(table) ?? NOTHING_UNSENT);
      }
      this.#queue.removeSent(source.segment);
    }
    if (this.waitingRows === 0 || unsent?.tableInFlight !== undefined) this.#reader.releaseBuffer();
    return true;
  }

  /** Records the progress of a table whose rows were being sent when the reading ended. */
  updateUnsent(reading: SpoolReading, table: string, unsent: UnsentTable): void {
    const entry = this.#ranges.get(reading);
    if (entry) {
      entry.range.isInFlight = false;
      entry.range.update(table, unsent);
      this.#queue.removeSent(entry.segment);
    } else this.#unsaved.update(reading.batches, table, unsent);
  }

  /**
   * Makes all rows wait again that QuestDB has acknowledged in the last minute. Storing a row again changes
   * nothing.
   */
  resendAcknowledged(): void {
    this.#queue.rewind();
  }

  /** Returns a function that returns whether all rows that are waiting now have been handled. */
  capturePending(): () => boolean {
    const ends = this.#queue.waiting.map((segment) => ({ segment, end: segment.bytes }));
    const isHandled = (position: BatchPosition) => this.#queue.isHandled(position);
    const unsaved = [...this.#unsaved.all];
    return () =>
      ends.every(isHandled) && unsaved.every((batch) => this.#unsaved.isHandled(batch, isHandled));
  }

  /**
   * Takes over the segments of processes and worker threads that have ended, as far as the size limit
   * allows. Never rejects.
   *
   * @returns the number of rows
   */
  async adopt({ ownProcessOnly = false }: AdoptOptions = {}): Promise<number> {
    let rows = 0;
    const closes = this.#closes;
    for (const root of this.#roots) {
      await adoptOrphans(root, {
        ownProcessOnly,
        getFolder: () => this.#queue.getFolder(),
        canAdopt: (bytes) =>
          closes === this.#closes &&
          this.#queue.requiredBytes + this.#otherBytes + bytes <= this.#options.maxBytes,
        seal: (segment) => this.#queue.startSealing(segment),
        onSegment: (segment) => {
          rows += segment.waitingRows;
          this.#options.deadLetters.onAdopted();
          this.#queue.insert(segment);
          this.#enforceLimits();
        },
        onBatch: async (batch) => {
          rows += batch.rows;
          await this.add(batch);
        },
        checkStates: (path) => this.#states.checkFile(path),
        readCheckpoint: this.#options.readCheckpoint,
        reporter: this.#reporter,
      });
    }
    return rows;
  }

  /**
   * Deletes the folder of this process, or leaves the waiting rows in it to other processes. This process
   * can continue to run, because a worker thread can end earlier.
   */
  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    // Batches that are being sent are written too. Storing a row again changes nothing.
    this.#reading = undefined;
    this.#closes++;
    this.#unsaved.stopSending();
    this.#unsaved.saveSync();
    this.#reporter.reportDropped(
      'process_exit',
      this.#unsaved.rows,
      `the process ended, and the spool folder ${this.#options.dir} is not writable`,
    );
    this.#queue.close();
    this.#unsaved.clear();
  }

  /** Size of rows and dead letters outside of the segments. */
  get #otherBytes(): number {
    return this.#unsaved.bytes + this.#options.deadLetters.bytes;
  }

  /** Drops the oldest rows if a size limit is reached. */
  #enforceLimits(): void {
    this.#timer ??= startInterval(PART, () => this.#maintain(), MAINTENANCE_INTERVAL_MS);
    this.#queue.enforceLimit(this.#otherBytes);
    this.#unsaved.enforceLimit();
  }

  /** A slow disk must not occupy all threads of the application. */
  async #maintain(): Promise<void> {
    if (this.#isMaintaining) return;
    this.#isMaintaining = true;
    try {
      if (this.#unsaved.rows > 0) await this.#retryUnsaved();
      await this.#queue.maintain();
      await this.#freeSpace.update();
    } finally {
      this.#isMaintaining = false;
    }
  }

  /** The disk can accept rows again although no new rows are added. */
  async #retryUnsaved(): Promise<void> {
    this.#adding = this.#adding.then(() => this.#unsaved.save());
    await this.#adding;
    if (this.#unsaved.areAllBeingSent) this.#saveReading();
    this.#enforceLimits();
  }

  /**
   * Writes the batches that are being sent to a separate segment, so that they are not sent again. Synchronous, because
   * the reading can end at any time.
   */
  #saveReading(): void {
    const reading = this.#reading;
    if (!reading || reading.source) return;
    const { batches } = reading;
    const segment = this.#queue.createSegmentSync(batches);
    if (!segment) return;
    for (const batch of batches) this.#unsaved.setSaved(batch, { segment, end: segment.bytes });
    reading.source = createSavedSource(segment, batches);
    this.#queue.inUse = segment;
  }
}
