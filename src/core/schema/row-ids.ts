import { createHash, hashText, randomBytes } from '../lazy-crypto.ts';

/** PostgreSQL application name of Perfscope's own connections, which the agent does not record. */
export const PERFSCOPE_APPLICATION_NAME = 'perfscope';

/**
 * Returns the ID of an interval row. It depends only on the series, the instance, and the interval.
 */
export function computeIntervalRowId(series: string, instance: string, startMs: number): string {
  return hashText(`${series}\n${instance}\n${startMs}`, 24);
}

/**
 * Returns the number that all buckets of a histogram point share: 52 bits of a hash of `name`. A
 * JavaScript number represents it exactly.
 */
export function computePointId(name: string): number {
  const hash = createHash('sha1').update(name).digest();
  return hash.readUIntBE(0, 6) * 16 + (hash[6]! >> 4);
}

/** Creates a fast generator of IDs that are unique across processes. */
export function createIdGenerator(): () => string {
  let prefix: string | undefined;
  let next = 0;
  return () => {
    prefix ??= randomBytes(9).toString('base64url');
    return `${prefix}-${(next++).toString(36)}`;
  };
}
