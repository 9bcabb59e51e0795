import { createError } from '../../core/perfscope-error.ts';
import type { Principal } from './principal.ts';
import type { Quota } from './quota.ts';

/**
 * Limits how many streams or requests are open at the same time, for each key, for each
 * organization, and in total. Each server process counts separately.
 */
export class ConcurrencyLimiter {
  readonly #quota: Quota;
  /** Contains only keys and organizations with open objects, so it can't grow without limit. */
  readonly #counts = new Map<string, number>();

  constructor(quota: Quota) {
    this.#quota = quota;
  }

  /**
   * Counts one more object for the principal.
   *
   * @param retryAfterS when the caller should try again if a limit is reached
   * @returns a function that releases the object. Further calls do nothing.
   * @throws PS_TOO_MANY_OPEN
   */
  acquire(
    { subject, organizationId }: Pick<Principal, 'subject' | 'organizationId'>,
    retryAfterS: number,
  ): () => void {
    const { what, perKey, perOrganization, perServer } = this.#quota;
    const counters = [
      { id: `key ${subject}`, per: 'key', limit: perKey },
      ...(organizationId === undefined
        ? []
        : [{ id: `organization ${organizationId}`, per: 'organization', limit: perOrganization }]),
      { id: 'server', per: 'server', limit: perServer },
    ];
    for (const { id, per, limit } of counters) {
      if ((this.#counts.get(id) ?? 0) < limit) continue;
      throw createError('PS_TOO_MANY_OPEN', { limit, what, per, seconds: retryAfterS });
    }
    for (const { id } of counters) this.#counts.set(id, (this.#counts.get(id) ?? 0) + 1);
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      for (const { id } of counters) {
        const count = (this.#counts.get(id) ?? 0) - 1;
        if (count > 0) this.#counts.set(id, count);
        else this.#counts.delete(id);
      }
    };
  }

  /** Number of keys and organizations with open objects, plus one for the server. */
  get trackedCount(): number {
    return this.#counts.size;
  }
}
