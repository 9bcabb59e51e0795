import { isServiceTable } from '../../core/schema/table-registry.ts';
import { UntrustedFileError } from '../../core/trusted-file.ts';
import type { Batch } from './batch.ts';
import { containsOnlyRowsOf } from './line-protocol-check.ts';
import type { Segment } from './segment.ts';
import type { SegmentReading } from './segment-progress.ts';
import type { SegmentQueue } from './segment-queue.ts';
import type { SegmentStates } from './segment-states.ts';
import type { SkippedRange } from './skipped-range.ts';
import type { SpoolReporter } from './spool-reporter.ts';

/** Content of other processes is checked byte by byte, so less of it is read at once. */
const MAX_FOREIGN_BYTES = 1024 * 1024;
/** Time after which a segment that could not be read is read again. */
const RETRY_MS = 5000;

/** Receives the rows in the spool that must not be sent. */
export interface SpoolDeadLetters {
  /** Size of all dead letters. */
  readonly bytes: number;
  /** Called before rows of other processes are read. They can be dead letters already. */
  onAdopted(): void;
  /** Resolves when the rows are written. Copies `lines` before it returns. Never rejects. */
  add(table: string, lines: Buffer, reason: string): Promise<void>;
}

/**
 * Batches of a segment:
 * - `records`: batches that can be sent.
 * - `skipped`: batches that were read before, but could not be sent.
 */
export type SegmentBatches =
  | {
      readonly kind: 'records';
      readonly segment: Segment;
      readonly reading: SegmentReading;
      readonly batches: readonly Batch[];
    }
  | {
      readonly kind: 'skipped';
      readonly segment: Segment;
      readonly range: SkippedRange;
      readonly batches: readonly Batch[];
    };

/**
 * The result of a read:
 * - `empty`: no batches can be read now.
 * - `failed`: the segment is read again later.
 * - `lost`: the segment can never be read. Its rows are counted.
 */
type SegmentReaderResult =
  | SegmentBatches
  | { readonly kind: 'empty' }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'lost' };

/** Reads segments, counts damaged records, and checks the rows of other processes. */
export class SegmentReader {
  readonly #deadLetters: SpoolDeadLetters;
  readonly #states: Pick<SegmentStates, 'onRead'>;
  readonly #reporter: SpoolReporter;
  readonly #retryAtMs = new WeakMap<Segment, number>();
  /** Memory of the batches of the last reading. */
  #buffer: Buffer | undefined;

  constructor(
    deadLetters: SpoolDeadLetters,
    states: Pick<SegmentStates, 'onRead'>,
    reporter: SpoolReporter,
  ) {
    this.#deadLetters = deadLetters;
    this.#states = states;
    this.#reporter = reporter;
  }

  /**
   * Reads the next batches of the oldest segment that has some. They are valid until the next call. Never rejects.
   *
   * @param options.isBlocked whether rows of a table can't be sent now
   * @param options.prefersSkipped whether to look first for rows that were read before, but could not be sent
   * @returns `failure`: why a segment could not be read
   */
  async readNext(
    queue: SegmentQueue,
    {
      maxBytes,
      isBlocked,
      prefersSkipped,
    }: { maxBytes: number; isBlocked: (table: string) => boolean; prefersSkipped: boolean },
  ): Promise<{ found?: SegmentBatches; failure?: unknown }> {
    const failures: unknown[] = [];
    for (const readsSkipped of [prefersSkipped, !prefersSkipped]) {
      for (const segment of queue.waiting) {
        // The size limit can have dropped it in the meantime.
        if (!queue.has(segment)) continue;
        queue.inUse = segment;
        const skip = (reading: SegmentReading) => void queue.advance(segment, reading);
        const result = readsSkipped
          ? await this.#readSkipped(queue, segment, isBlocked)
          : await this.#read(segment, maxBytes, skip);
        if (result.kind === 'failed') failures.push(result.error);
        else if (result.kind === 'lost') queue.remove(segment);
        else if (result.kind !== 'empty') return { found: result };
      }
    }
    queue.inUse = undefined;
    return { failure: failures[0] };
  }

  /** @param skip continues after records without rows that can be sent */
  async #read(
    segment: Segment,
    maxBytes: number,
    skip: (reading: SegmentReading) => void,
  ): Promise<SegmentReaderResult> {
    if ((this.#retryAtMs.get(segment) ?? 0) > performance.now()) return { kind: 'empty' };
    try {
      return await this.#readRecords(segment, maxBytes, skip);
    } catch (error) {
      return this.#onFailure(segment, error);
    }
  }

  /** Reads batches again that could not be sent. */
  async #readSkipped(
    queue: SegmentQueue,
    segment: Segment,
    isBlocked: (table: string) => boolean,
  ): Promise<SegmentReaderResult> {
    const range = segment.progress.findSkipped(isBlocked);
    if (!range || (this.#retryAtMs.get(segment) ?? 0) > performance.now()) return { kind: 'empty' };
    try {
      const getBuffer = (bytes: number) => this.#getBuffer(bytes);
      // Evaluated once, because a table can become free during the read.
      const blocked = new Set([...range.tables.keys()].filter(isBlocked));
      const isLeftOut = (table: string) => blocked.has(table);
      const batches = await segment.readSkipped(range, isLeftOut, getBuffer);
      // Rows that can't be trusted were already counted.
      const trusted = batches.filter(
        (batch) => !segment.isForeign || getRejectionReason(batch, segment) === undefined,
      );
      const missingRows = range.removeMissing(trusted, isLeftOut);
      if (missingRows > 0 && !range.position.isRepeated) {
        this.#reporter.reportDamage(segment.path, missingRows, 0);
      }
      if (trusted.length > 0) return { kind: 'skipped', segment, range, batches: trusted };
      queue.removeSent(segment);
      return { kind: 'empty' };
    } catch (error) {
      return this.#onFailure(segment, error);
    }
  }

  async #readRecords(
    segment: Segment,
    maxBytes: number,
    skip: (reading: SegmentReading) => void,
  ): Promise<SegmentReaderResult> {
    while (segment.isUnread) {
      const limit = segment.isForeign ? Math.min(maxBytes, MAX_FOREIGN_BYTES) : maxBytes;
      const reading = await segment.read(limit, (bytes) => this.#getBuffer(bytes));
      // The first record is still being written.
      if (reading.end === segment.progress.position && reading.damagedRows === 0) break;
      this.#states.onRead(segment, reading.states);
      const batches = segment.isForeign
        ? await this.#removeUntrusted(reading, segment)
        : reading.batches;
      if (batches.length > 0) return { kind: 'records', segment, reading, batches };
      skip(reading);
    }
    return { kind: 'empty' };
  }

  /** Returns the same memory again and again, because the garbage collector frees buffers late. */
  #getBuffer(bytes: number): Buffer {
    if (this.#buffer === undefined || this.#buffer.length < bytes) {
      this.#buffer = Buffer.allocUnsafeSlow(bytes);
    }
    return this.#buffer.subarray(0, bytes);
  }

  /** Frees the memory of the last reading. */
  releaseBuffer(): void {
    this.#buffer = undefined;
  }

  /** Checks the batches of another process. Rows that can't be trusted become dead letters. */
  async #removeUntrusted(
    { batches, isRepeated }: SegmentReading,
    segment: Segment,
  ): Promise<readonly Batch[]> {
    const trusted: Batch[] = [];
    for (const batch of batches) {
      const reason = getRejectionReason(batch, segment);
      if (reason === undefined) trusted.push(batch);
      else if (!isRepeated) {
        this.#reporter.reportUntrusted(segment.path, reason);
        await this.#deadLetters.add(batch.table, batch.lines, reason);
      }
    }
    return trusted;
  }

  #onFailure(segment: Segment, error: unknown): SegmentReaderResult {
    const { path, unhandledRows } = segment;
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      const reason = `another program deleted the file ${path}`;
      this.#reporter.reportDropped('missing', unhandledRows, reason);
      return { kind: 'lost' };
    }
    if (error instanceof UntrustedFileError) {
      this.#reporter.reportUntrusted(path, error.message);
      this.#reporter.reportDropped('untrusted', unhandledRows, error.message);
      return { kind: 'lost' };
    }
    // Any other failure can be temporary. The rows stay in the file.
    this.#reporter.reportFailure('read', error);
    this.#retryAtMs.set(segment, performance.now() + RETRY_MS);
    return { kind: 'failed', error };
  }
}

function getRejectionReason({ table, lines }: Batch, { isShared }: Segment): string | undefined {
  if (!containsOnlyRowsOf(table, lines)) return `lines are not rows of ${table}`;
  return isShared && !isServiceTable(table) ? `services can't write to ${table}` : undefined;
}
