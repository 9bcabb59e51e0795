import { formatBytes } from '../../core/format.ts';
import { startTask } from '../../core/guard.ts';
import { createError, errorMessage } from '../../core/perfscope-error.ts';
import { AcknowledgedSegments } from './acknowledged-segments.ts';
import type { Batch } from './batch.ts';
import type { RowGroup } from './row-group.ts';
import type { Segment } from './segment.ts';
import type { SegmentReading } from './segment-progress.ts';
import { getRecordBytes } from './segment-record.ts';
import type { SegmentStates } from './segment-states.ts';
import { type BatchPosition, SegmentWriter } from './segment-writer.ts';
import type { SkippedRange } from './skipped-range.ts';
import type { SpoolReporter } from './spool-reporter.ts';
import type { UnsentRows } from './unsent-rows.ts';

const PART = 'the spool';
const MAX_SEGMENT_BYTES = 16 * 1024 * 1024;
/** A segment's share of the size limit, so that few rows are dropped when the limit is reached. */
const SEGMENT_SHARE = 1 / 8;
/** Share of the size limit up to which groups are added. Other rows, which can't be sent again, need the rest. */
const GROUP_SHARE = 0.9;
/** Acknowledged segments are needed for their states only. If they have this share, the states are kept elsewhere soon. */
const KEPT_SHARE = 1 / 4;
/** Time after which the segment of a process without new rows is ended, so that it can be deleted. */
const IDLE_SEGMENT_MS = 60_000;

export interface SegmentQueueOptions {
  /** Folder in which this process creates its own folder. */
  readonly root: string;
  /** Whether `root` must not be writable by other users. */
  readonly mustTrustRoot: boolean;
  /** Whether rows are written to the disk, so that they survive a power failure. */
  readonly syncsToDisk: boolean;
  readonly maxBytes: number;
  readonly states: SegmentStates;
  readonly reporter: SpoolReporter;
}

/** The segments of this process on disk, in the order in which they are sent. */
export class SegmentQueue {
  readonly #options: SegmentQueueOptions;
  readonly #writer: SegmentWriter;
  readonly #acknowledged: AcknowledgedSegments;
  /** Segments with waiting rows, and the active segment. */
  #segments: Segment[] = [];
  readonly #undeletable = new WeakSet<Segment>();
  /** The segment whose rows are being read or sent. It is not dropped. */
  inUse: Segment | undefined;

  constructor(options: SegmentQueueOptions) {
    this.#options = options;
    const { root, mustTrustRoot, syncsToDisk, maxBytes, reporter } = options;
    this.#acknowledged = new AcknowledgedSegments(reporter);
    this.#writer = new SegmentWriter({
      root,
      mustTrustRoot,
      syncsToDisk,
      segmentBytes: Math.min(MAX_SEGMENT_BYTES, maxBytes * SEGMENT_SHARE),
      onSegment: (segment) => this.insert(segment),
      reporter,
    });
  }

  get waiting(): readonly Segment[] {
    return this.#segments.filter((segment) => segment.isWaiting);
  }

  get waitingRows(): number {
    return this.waiting.reduce((sum, segment) => sum + segment.waitingRows, 0);
  }

  get waitingBytes(): number {
    return this.waiting.reduce((sum, segment) => sum + segment.waitingBytes, 0);
  }

  /** Size in bytes of the segments that can't be deleted without losing rows. */
  get requiredBytes(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** See {@link SegmentWriter.getFolder}. */
  getFolder(): string {
    return this.#writer.getFolder();
  }

  /** See {@link SegmentWriter.append}. */
  append(batch: Batch): Promise<BatchPosition | undefined> {
    return this.#writer.append(batch);
  }

  /**
   * Appends a group. Drops no earlier rows for it, because its sender can send it again.
   *
   * @param otherBytes see `enforceLimit`
   * @throws PS_SPOOL_FULL or PS_SPOOL_REFUSED. Then the group is not in a segment.
   */
  async appendGroup(group: RowGroup, otherBytes: number): Promise<void> {
    const { maxBytes, root, states } = this.#options;
    const kept = this.#acknowledged.countBytes((each) => !states.canDelete(each));
    const bytes = this.requiredBytes + kept + otherBytes + getRecordBytes(group);
    if (kept > maxBytes * KEPT_SHARE) states.keepSoon();
    if (bytes > maxBytes * GROUP_SHARE) {
      throw createError('PS_SPOOL_FULL', { limit: formatBytes(maxBytes) });
    }
    try {
      const { segment } = await this.#writer.appendGroup(group);
      if (group.state) states.onAdded(segment);
    } catch (error) {
      throw createError('PS_SPOOL_REFUSED', { dir: root, reason: errorMessage(error) });
    }
  }

  /** See {@link SegmentWriter.appendSync}. */
  appendSync(batch: Batch): BatchPosition | undefined {
    return this.#writer.appendSync(batch);
  }

  /** See {@link SegmentWriter.createSegmentSync}. */
  createSegmentSync(batches: readonly Batch[]): Segment | undefined {
    return this.#writer.createSegmentSync(batches);
  }

  /** See {@link SegmentWriter.startSealing}. */
  startSealing(segment: Segment): void {
    this.#writer.startSealing(segment);
  }

  /** Adds a segment of another process. Older segments are sent first. */
  insert(segment: Segment): void {
    const index = this.#segments.findIndex((each) => each.createdMs > segment.createdMs);
    this.#segments.splice(index === -1 ? this.#segments.length : index, 0, segment);
  }

  has(segment: Segment): boolean {
    return this.#segments.includes(segment);
  }

  /** Whether the rows before a position were stored or dropped. */
  isHandled({ segment, end }: BatchPosition): boolean {
    return segment.progress.isHandledUpTo(end) || !this.#segments.includes(segment);
  }

  /**
   * Continues after records whose rows were handled, except for the unsent rows. See `SegmentProgress.advance`.
   */
  advance(
    segment: Segment,
    reading: SegmentReading,
    unsent?: UnsentRows,
  ): SkippedRange | undefined {
    const { damagedRows, damagedBytes } = reading;
    // Not earlier, because another process can read the records again if this process ends.
    if (damagedRows > 0 || damagedBytes > 0) {
      this.#options.reporter.reportDamage(segment.path, damagedRows, damagedBytes);
    }
    const range = segment.progress.advance(reading, unsent);
    this.#collectAcknowledged();
    return range;
  }

  /** Removes the ranges of a segment whose rows were sent. */
  removeSent(segment: Segment): void {
    segment.progress.removeSent();
    this.#collectAcknowledged();
  }

  /** Makes all rows wait again that QuestDB has acknowledged in the last minute. */
  rewind(): void {
    for (const segment of this.#acknowledged.takeAll()) this.insert(segment);
    for (const segment of this.#segments) segment.progress.rewind();
  }

  /** Removes a segment that can't be read. */
  remove(segment: Segment): void {
    this.#take(segment);
    startTask(PART, () => segment.close());
  }

  /**
   * Deletes acknowledged segments, and then drops the oldest rows, until their size is within the limit. Segments
   * with states that are not kept in another file come last: without them, a series can be stored twice.
   *
   * @param otherBytes size of rows and dead letters outside of the segments
   */
  enforceLimit(otherBytes: number): void {
    const { maxBytes, states } = this.#options;
    const exceedsLimit = () =>
      this.requiredBytes + this.#acknowledged.bytes + otherBytes > maxBytes;
    for (const isAllowed of [(each: Segment) => states.canDelete(each), () => true]) {
      while (exceedsLimit() && this.#acknowledged.deleteOldest(isAllowed));
      while (exceedsLimit()) {
        const oldest = this.#segments.find((each) => isAllowed(each) && this.#canDrop(each));
        if (!oldest) break;
        this.#drop(oldest);
      }
    }
  }

  /** Writes rows to the disk, and deletes segments that are no longer needed. Never rejects. */
  async maintain(): Promise<void> {
    const { active } = this.#writer;
    const isIdle = active !== undefined && !active.isWaiting && !active.isWriting;
    if (isIdle && active.bytes > 0 && active.createdMs < Date.now() - IDLE_SEGMENT_MS) {
      this.#writer.seal();
    }
    this.#collectAcknowledged();
    const { states, syncsToDisk } = this.#options;
    await this.#acknowledged.deleteExpired(performance.now(), (each) => states.canDelete(each));
    this.#writer.releaseLeftFolders([...this.#segments, ...this.#acknowledged.all]);
    if (syncsToDisk) await this.sync();
  }

  /** See {@link SegmentWriter.sync}. */
  async sync(): Promise<void> {
    await this.#writer.sync();
  }

  /** Leaves all segments to other processes. Never throws. */
  close(): void {
    // The name of a complete segment contains its number of rows.
    if (this.#writer.active?.isWriting === false) this.#writer.seal();
    for (const segment of this.#segments) segment.leaveSync();
    this.#acknowledged.leaveAll();
    this.#writer.release();
    this.#segments = [];
    this.inUse = undefined;
  }

  /** Moves the segments without waiting rows, except the active one. */
  #collectAcknowledged(): void {
    const { active } = this.#writer;
    for (const segment of this.#segments) {
      if (segment === active || segment.isWaiting || segment === this.inUse) continue;
      this.#take(segment);
      if (segment.isDetached) startTask(PART, () => segment.close());
      else this.#acknowledged.add(segment, performance.now());
    }
  }

  #canDrop(segment: Segment): boolean {
    if (segment === this.inUse || segment.isWriting || segment.progress.isInFlight) return false;
    return !this.#undeletable.has(segment);
  }

  #take(segment: Segment): void {
    this.#segments = this.#segments.filter((each) => each !== segment);
  }

  #drop(segment: Segment): void {
    if (segment === this.#writer.active) this.#writer.seal();
    const { unhandledRows } = segment;
    try {
      segment.deleteSync();
    } catch (error) {
      // For example, after the process has dropped its privileges. Another process can send the rows.
      this.#undeletable.add(segment);
      this.#options.reporter.reportFailure('deleted', error);
      return;
    }
    this.#take(segment);
    const limit = formatBytes(this.#options.maxBytes);
    this.#options.reporter.reportDropped(
      'spool_full',
      unhandledRows,
      `the spool reached its limit of ${limit}. Check that QuestDB is running, or raise PERFORMANCE_SPOOL_MAX_BYTES`,
    );
  }
}
