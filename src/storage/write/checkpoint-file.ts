import { constants, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from '../../core/crc32.ts';
import {
  type ExponentialHistogramPoint,
  toBucketRows,
  toStoredBuckets,
} from '../../core/histogram/histogram-buckets.ts';
import { computePointId } from '../../core/schema/row-ids.ts';
import type { AnyRow } from '../../core/schema/table-definition.ts';
import { isTableName, type TableName, toAnyRows } from '../../core/schema/table-registry.ts';
import type { PerformanceMetricRow } from '../../core/schema/tables/performance-metrics-table.ts';
import type { Batch } from '../spool/batch.ts';
import { closeFile, openFile, writeAt } from '../spool/file-io.ts';
import { CHECKPOINT_FILE } from '../spool/spool-adoption.ts';
import type { RowChunk } from './row-buffer.ts';

const UNFINISHED_SUFFIX = '.part';
const VERSION = 'perfscope-checkpoint 1';
/** Version, CRC-32 of the entries, and their length in bytes. */
const HEADER_PATTERN = /^perfscope-checkpoint 1 ([\da-f]{8}) (\d+)\n/;
const HEADER_MAX_BYTES = 64;
const WRITE_FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC;
/** Only the user of the process can read the rows. */
const FILE_MODE = 0o600;

/**
 * A row or a histogram point of an interval that has not ended, as JSON. Histogram points don't contain
 * their bucket rows, because encoding those would take most of the time.
 */
export type CheckpointEntry = string;

/** Encodes a row. Its ID must be the same when the row is stored at the end of the interval. */
export function encodeCheckpointRow(table: TableName, row: { id?: string | undefined }): string {
  return JSON.stringify([table, row]);
}

/** Values of a histogram point that change during the interval. */
export type PointSummary = Pick<PerformanceMetricRow, 'timestamp'> & Partial<PerformanceMetricRow>;

/** Encodes the values of one histogram point. Only the values that change are converted for each entry. */
export class CheckpointPointEncoder {
  readonly #prefix: string;
  readonly #suffix: string;

  /**
   * @param row the values that don't change
   * @param unitsPerBase see {@link toStoredBuckets}
   * @param failed whether all values of the point are failures
   */
  constructor(row: PerformanceMetricRow, unitsPerBase: number, failed: boolean) {
    this.#prefix = `["${HISTOGRAM_TABLE}",${JSON.stringify(row).slice(0, -1)},`;
    this.#suffix = `,${unitsPerBase},${failed}]`;
  }

  encode(summary: PointSummary, point: StoredPoint): CheckpointEntry {
    const failed = point.requests?.failed;
    const suffix = failed ? `${this.#suffix.slice(0, -1)},${encodeCounts(failed)}]` : this.#suffix;
    const counts = `${point.scale},${encodeCounts(point)}`;
    return `${this.#prefix}${JSON.stringify(summary).slice(1)},${counts}${suffix}`;
  }
}

function encodeCounts({ zeroCount, positive }: Omit<StoredPoint, 'requests'>): string {
  return `${zeroCount},${positive.offset},[${positive.bucketCounts.join()}]`;
}

/** A histogram point without negative values. */
export type StoredPoint = Pick<
  ExponentialHistogramPoint,
  'scale' | 'zeroCount' | 'positive' | 'requests'
>;

type DecodedEntry = [
  table: string,
  row: PerformanceMetricRow,
  ...point:
    | []
    | [
        scale: number,
        zeroCount: number,
        offset: number,
        bucketCounts: number[],
        unitsPerBase: number,
        failed: boolean,
        /** Buckets of the failed requests, if only some of the requests failed. */
        ...failedCounts: [] | [zeroCount: number, offset: number, bucketCounts: number[]],
      ],
];

const HISTOGRAM_TABLE = 'performance_metrics';
const BUCKET_TABLE = 'metric_buckets';
const NO_BUCKETS = { offset: 0, bucketCounts: [] };

/**
 * The file with the values of the current interval of a process. It replaces the interval's rows if the
 * process is killed before the interval ends.
 */
export class CheckpointFile {
  readonly #path: string;
  #writing: Promise<void> | undefined;
  #isRemoved = false;

  /** @param folder spool folder of this process */
  constructor(folder: string) {
    this.#path = join(folder, CHECKPOINT_FILE);
  }

  /**
   * Replaces the entries in the file, or deletes the file if there are none. Does nothing while an
   * earlier call is writing. Rejects with the error of the file system.
   */
  async write(entries: readonly CheckpointEntry[]): Promise<void> {
    if (this.#writing) return;
    this.#isRemoved = false;
    if (entries.length === 0) return removeIfExists(this.#path);
    this.#writing = this.#replace(entries);
    try {
      await this.#writing;
    } finally {
      this.#writing = undefined;
    }
  }

  /** Deletes the file. A write that is running doesn't create it again. */
  removeSync(): void {
    this.#isRemoved = true;
    removeIfExists(this.#path);
  }

  async #replace(entries: readonly CheckpointEntry[]): Promise<void> {
    const unfinished = `${this.#path}${UNFINISHED_SUFFIX}`;
    let isComplete = false;
    try {
      const fd = await openFile(unfinished, WRITE_FLAGS, FILE_MODE);
      try {
        await writeAt(fd, [encodeCheckpoint(entries)], 0);
        isComplete = true;
      } finally {
        await closeFile(fd);
      }
    } finally {
      // Synchronous, so that the file can't appear again after `removeSync`.
      if (isComplete && !this.#isRemoved) renameSync(unfinished, this.#path);
      else removeIfExists(unfinished);
    }
  }
}

function removeIfExists(path: string): void {
  rmSync(path, { force: true });
}

function encodeCheckpoint(entries: readonly CheckpointEntry[]): Buffer {
  const content = Buffer.from(`${entries.join('\n')}\n`);
  const checksum = crc32(content).toString(16).padStart(8, '0');
  return Buffer.concat([Buffer.from(`${VERSION} ${checksum} ${content.length}\n`), content]);
}

/** Rows of a checkpoint that a killed process has left. */
export class StoredCheckpoint {
  readonly #chunks: Map<TableName, AnyRow[]>;
  /** When the file was written, in ms since the epoch. Earlier rows can't contain the same interval. */
  readonly writtenMs: number;

  constructor(entries: readonly CheckpointEntry[], writtenMs: number) {
    this.writtenMs = writtenMs;
    this.#chunks = new Map();
    for (const entry of entries) this.#addEntry(JSON.parse(entry) as unknown);
  }

  /**
   * Removes the rows that the process wrote to the spool before it was killed. Call this function for all
   * batches that it wrote after `writtenMs`.
   */
  excludeStored({ table, lines }: Pick<Batch, 'table' | 'lines'>): void {
    const rows = this.#chunks.get(table);
    if (!rows) return;
    const storedKeys = new Set<string>();
    const pattern = table === BUCKET_TABLE ? BUCKET_KEY_PATTERN : ID_PATTERN;
    for (const [, ...parts] of lines.toString().matchAll(pattern)) storedKeys.add(parts.join(' '));
    const remaining = rows.filter((row) => !storedKeys.has(toKey(table, row)));
    this.#chunks.set(table, remaining);
  }

  /** The remaining rows by table. */
  toChunks(): RowChunk[] {
    return [...this.#chunks]
      .filter(([, rows]) => rows.length > 0)
      .map(([table, rows]) => ({ table, rows }));
  }

  #addEntry(entry: unknown): void {
    const [table, row, ...point] = entry as DecodedEntry;
    if (!isTableName(table)) return;
    this.#addRows(table, toAnyRows([row]));
    if (point.length === 0) return;
    const [scale, zeroCount, offset, bucketCounts, unitsPerBase, failed, ...failedCounts] = point;
    const all = toPoint(scale, zeroCount, offset, bucketCounts);
    const [failedZeroCount, failedOffset, failedBuckets] = failedCounts;
    const requests = failedBuckets && {
      failed: toPoint(scale, failedZeroCount, failedOffset, failedBuckets),
    };
    const buckets = toStoredBuckets({ ...all, requests }, unitsPerBase, failed);
    const pointId = computePointId(row.id ?? '');
    this.#addRows(BUCKET_TABLE, toAnyRows(toBucketRows(row, buckets, pointId, row.timestamp)));
  }

  #addRows(table: TableName, rows: readonly AnyRow[]): void {
    const chunk = this.#chunks.get(table);
    if (chunk) chunk.push(...rows);
    else this.#chunks.set(table, [...rows]);
  }
}

function toPoint(
  scale: number,
  zeroCount = 0,
  offset = 0,
  bucketCounts: readonly number[] = [],
): ExponentialHistogramPoint {
  return { scale, zeroCount, positive: { offset, bucketCounts }, negative: NO_BUCKETS };
}

const ID_PATTERN = /[ ,]id="([^"]+)"/g;
const BUCKET_KEY_PATTERN = /[ ,]point=(\d+)i,bucket_upper=([^ ,]+)/g;

/** Returns the matches of the pattern in the line of a row. */
function toKey(table: TableName, row: AnyRow): string {
  return table === BUCKET_TABLE ? `${row.point} ${row.bucketUpper}` : String(row.id);
}

/**
 * Reads a checkpoint.
 *
 * @returns undefined if it is damaged. If the file doesn't exist, the checkpoint contains no rows.
 * @throws the error of the file system if the file can't be read
 */
export function readCheckpoint(path: string): StoredCheckpoint | undefined {
  let data: Buffer;
  let writtenMs: number;
  try {
    data = readFileSync(path);
    writtenMs = statSync(path).mtimeMs;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new StoredCheckpoint([], 0);
    throw error;
  }
  const header = HEADER_PATTERN.exec(data.toString('latin1', 0, HEADER_MAX_BYTES));
  if (!header) return undefined;
  const content = data.subarray(header[0].length);
  if (content.length !== Number(header[2])) return undefined;
  if (crc32(content) !== Number.parseInt(header[1]!, 16)) return undefined;
  try {
    return new StoredCheckpoint(content.toString().trimEnd().split('\n'), writtenMs);
  } catch {
    // The entries are not from this program.
    return undefined;
  }
}
