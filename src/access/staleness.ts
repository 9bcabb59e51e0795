import type { Role } from './roles.ts';

/** How long in ms the keys of the last look are believed while QuestDB does not answer. */
const BELIEVED_MS = 60_000;
/**
 * The same for those who send measurements. A service cannot be told to keep its measurements for
 * hours, and whoever holds a key that was revoked meanwhile can only add to its own organization:
 * losing data is the greater harm.
 */
const BELIEVED_INGEST_MS = 24 * 3_600_000;

/**
 * Whether what was read at `readAt` still decides about a key. Without this limit a server that is
 * cut off from QuestDB would let a revoked key in for ever.
 *
 * @param role undefined for a key that was not among those read
 */
export function fresh(role: Role | undefined, readAt: number | undefined, now: number): boolean {
  if (readAt === undefined) return false;
  // A look from the future: the clock was set back, and its age is not known.
  return Math.abs(now - readAt) <= (role === 'INGEST' ? BELIEVED_INGEST_MS : BELIEVED_MS);
}
