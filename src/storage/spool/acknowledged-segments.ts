import { startTask } from '../../core/guard.ts';
import type { Segment } from './segment.ts';
import type { SpoolReporter } from './spool-reporter.ts';

const PART = 'the spool';
/**
 * Time for which acknowledged rows are kept. QuestDB acknowledges rows before they are on its disk. After a
 * power failure, the rows are sent again. Linux writes data to the disk after about 30 s
 * (`vm.dirty_expire_centisecs`).
 */
export const KEEP_MS = 60_000;

/** Segments whose rows QuestDB has acknowledged, oldest first. They are deleted after a minute. */
export class AcknowledgedSegments {
  readonly #reporter: SpoolReporter;
  #segments: { segment: Segment; sinceMs: number }[] = [];

  constructor(reporter: SpoolReporter) {
    this.#reporter = reporter;
  }

  get all(): readonly Segment[] {
    return this.#segments.map(({ segment }) => segment);
  }

  get bytes(): number {
    return this.countBytes(() => true);
  }

  countBytes(matches: (segment: Segment) => boolean): number {
    return this.#segments.reduce(
      (sum, { segment }) => sum + (matches(segment) ? segment.bytes : 0),
      0,
    );
  }

  /** @param nowMs monotonic time, as of `performance.now()` */
  add(segment: Segment, nowMs: number): void {
    this.#segments.push({ segment, sinceMs: nowMs });
    // Otherwise, many small segments would keep many files open.
    startTask(PART, () => segment.close());
  }

  /**
   * Deletes the segments that were added more than a minute ago.
   *
   * @param nowMs monotonic time, as of `performance.now()`
   * @param canDelete whether a segment can be deleted without losing states
   */
  async deleteExpired(nowMs: number, canDelete: (segment: Segment) => boolean): Promise<void> {
    const [expired, others] = partition(
      this.#segments,
      ({ segment, sinceMs }) => sinceMs <= nowMs - KEEP_MS && canDelete(segment),
    );
    if (expired.length === 0) return;
    this.#segments = others;
    await Promise.all(expired.map(({ segment }) => this.delete(segment)));
  }

  /** Removes all segments from the list, and returns them, oldest first. */
  takeAll(): Segment[] {
    const segments = this.#segments.map(({ segment }) => segment);
    this.#segments = [];
    return segments;
  }

  /** Deletes the oldest allowed segment. Returns whether there was one. */
  deleteOldest(isAllowed: (segment: Segment) => boolean): boolean {
    const index = this.#segments.findIndex(({ segment }) => isAllowed(segment));
    const [oldest] = index === -1 ? [] : this.#segments.splice(index, 1);
    if (oldest) startTask(PART, () => this.delete(oldest.segment));
    return oldest !== undefined;
  }

  /** Leaves all segments to other processes, which delete them after a minute. Never throws. */
  leaveAll(): void {
    for (const segment of this.takeAll()) segment.leaveSync();
  }

  /** Deletes a segment. Never rejects. */
  async delete(segment: Segment): Promise<void> {
    try {
      await segment.delete();
    } catch (error) {
      // The rows are stored. A later process sends them again, which changes nothing.
      this.#reporter.reportFailure('deleted', error);
    }
  }
}

function partition<T>(values: readonly T[], test: (value: T) => boolean): [T[], T[]] {
  const passed = new Set(values.filter(test));
  return [[...passed], values.filter((value) => !passed.has(value))];
}
