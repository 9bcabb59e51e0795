import { randomBytes } from '../../core/lazy-crypto.ts';
import { NONCE_BYTES } from './segment-record.ts';

/** What the name of a segment file contains. */
export interface SegmentName {
  /** Creation time in ms since the epoch. Orders the segments. */
  readonly createdMs: number;
  readonly nonce: Buffer;
  /** Number of rows, if the segment is complete. */
  readonly rows: number | undefined;
  /** Whether a service can have written the segment, so that it can't contain rows of a server. */
  readonly isShared: boolean;
}

const NAME_PATTERN = /^(\d{15})-([0-9a-f]{16})(?:\.(\d{1,15}))?(\.shared)?\.segment$/;

/** Returns the name of a new segment, with a random nonce. */
export function createSegmentName(createdMs: number): SegmentName {
  return { createdMs, nonce: randomBytes(NONCE_BYTES), rows: undefined, isShared: false };
}

/**
 * Formats the name of a segment file.
 *
 * @example `001795800000000-5f1d8a0c9e3b7d42.1200.segment` contains 1,200 rows.
 */
export function formatSegmentName({ createdMs, nonce, rows, isShared }: SegmentName): string {
  const time = String(Math.max(0, Math.round(createdMs))).padStart(15, '0');
  const rowSuffix = rows === undefined ? '' : `.${rows}`;
  return `${time}-${nonce.toString('hex')}${rowSuffix}${isShared ? '.shared' : ''}.segment`;
}

/** Returns undefined for the name of another file. */
export function parseSegmentName(name: string): SegmentName | undefined {
  const [, time, nonce, rows, shared] = NAME_PATTERN.exec(name) ?? [];
  if (time === undefined || nonce === undefined) return undefined;
  return {
    createdMs: Number(time),
    nonce: Buffer.from(nonce, 'hex'),
    rows: rows === undefined ? undefined : Number(rows),
    isShared: shared !== undefined,
  };
}
