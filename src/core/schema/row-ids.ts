import { createHash, randomBytes } from 'node:crypto';

/** What our own connections to QuestDB call themselves; they are not the application's. */
export const PERFSCOPE_APPLICATION_NAME = 'perfscope';

/** The id of an interval's row: the same series, instance and interval always give the same id. */
export function computeIntervalRowId(series: string, instance: string, startMs: number): string {
  return createHash('sha1').update(`${series}\n${instance}\n${startMs}`).digest('hex').slice(0, 24);
}

/**
 * The LONG that ties the buckets of one point together: 52 bits of a hash of `name`, which a
 * JavaScript number holds exactly.
 */
export function computePointId(name: string): number {
  const hash = createHash('sha1').update(name).digest();
  return hash.readUIntBE(0, 6) * 16 + (hash[6]! >> 4);
}

/** Ids that are unique across processes and cost no more than a counter. */
export function createIdGenerator(): () => string {
  const prefix = randomBytes(9).toString('base64url');
  let next = 0;
  return () => `${prefix}-${(next++).toString(36)}`;
}
