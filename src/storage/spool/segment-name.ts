import { randomBytes } from '../../core/lazy-crypto.ts';
import { NONCE_BYTES } from './segment-record.ts';

/** The first records of a segment. */
export interface HandledPart {
  readonly bytes: number;
  readonly rows: number;
}

/** What the name of a segment file contains. */
export interface SegmentName {
  /** Creation time in ms since the epoch. Orders the segments. */
  readonly createdMs: number;
  readonly nonce: Buffer;
  /**
   * The part whose rows an earlier process has stored, set aside, or dropped before it ended. They are sent again, but
   * not counted again. Undefined: none.
   */
  readonly handled: HandledPart | undefined;
  /** Number of rows, if the segment is complete. */
  readonly rows: number | undefined;
  /** Whether a service can have written the segment, so that it can't contain rows of a server. */
  readonly isShared: boolean;
  /** Whether QuestDB acknowledged all rows. The file is kept for a minute after its process has ended. */
  readonly isStored: boolean;
}

const NAME_PATTERN =
  /^(\d{15})-([0-9a-f]{16})(?:\.handled-(\d{1,15})-(\d{1,15}))?(?:\.(\d{1,15}))?(\.shared)?(\.stored)?\.segment$/;

/** Returns the name of a new segment, with a random nonce. */
export function createSegmentName(createdMs: number): SegmentName {
  const nonce = randomBytes(NONCE_BYTES);
  const handled = undefined;
  return { createdMs, nonce, handled, rows: undefined, isShared: false, isStored: false };
}

/**
 * Formats the name of a segment file.
 *
 * @example `001795800000000-5f1d8a0c9e3b7d42.1200.segment` contains 1,200 rows.
 * @example `001795800000000-5f1d8a0c9e3b7d42.handled-9000-80.1200.segment`: 80 of them, in the first 9,000 bytes, were
 * handled.
 */
export function formatSegmentName(name: SegmentName): string {
  const { createdMs, nonce, handled, rows, isShared, isStored } = name;
  const time = String(Math.max(0, Math.round(createdMs))).padStart(15, '0');
  const handledSuffix = handled ? `.handled-${handled.bytes}-${handled.rows}` : '';
  const rowSuffix = rows === undefined ? '' : `.${rows}`;
  const suffixes = `${handledSuffix}${rowSuffix}${isShared ? '.shared' : ''}${isStored ? '.stored' : ''}`;
  return `${time}-${nonce.toString('hex')}${suffixes}.segment`;
}

/** Returns undefined for the name of another file. */
export function parseSegmentName(name: string): SegmentName | undefined {
  const [, time, nonce, bytes, handledRows, rows, shared, stored] = NAME_PATTERN.exec(name) ?? [];
  if (time === undefined || nonce === undefined) return undefined;
  return {
    createdMs: Number(time),
    nonce: Buffer.from(nonce, 'hex'),
    handled: bytes === undefined ? undefined : { bytes: Number(bytes), rows: Number(handledRows) },
    rows: rows === undefined ? undefined : Number(rows),
    isShared: shared !== undefined,
    isStored: stored !== undefined,
  };
}
