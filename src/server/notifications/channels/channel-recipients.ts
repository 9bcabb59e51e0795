import type { z } from 'zod';
import { createError } from '../../../core/perfscope-error.ts';

/** Maximum number of messages to track. */
const MAX_TRACKED_MESSAGES = 1000;

/**
 * Tracks which of a channel's recipients have received a message, so that a retry is sent only to
 * the others.
 */
export class RecipientTracker {
  readonly all: readonly string[];
  readonly #reached = new Map<string, ReadonlySet<string>>();

  /**
   * Validates the addresses, because they don't always come from the validated configuration.
   *
   * @throws PS_CHANNEL_INVALID if there is no address, or an address is invalid
   */
  constructor(
    channel: string,
    to: readonly string[] | undefined,
    addressSchema: z.ZodType<string>,
  ) {
    this.all = to ?? [];
    const hasInvalid = this.all.some((address) => !addressSchema.safeParse(address).success);
    if (this.all.length > 0 && !hasInvalid) return;
    const reason = hasInvalid ? '`to` contains an invalid address' : '`to` has no recipients';
    throw createError('PS_CHANNEL_INVALID', { channel, reason });
  }

  getRemaining(messageId: string): string[] {
    const reached = this.#reached.get(messageId);
    return this.all.filter((address) => !reached?.has(address));
  }

  markReached(messageId: string, addresses: readonly string[]): void {
    const before = this.#reached.get(messageId) ?? [];
    this.#reached.set(messageId, new Set([...before, ...addresses]));
    for (const oldest of this.#reached.keys()) {
      if (this.#reached.size <= MAX_TRACKED_MESSAGES) break;
      this.#reached.delete(oldest);
    }
  }
}

/** `ann.lee@hotel.example` → `an***@hotel.example`. */
export function maskEmailAddress(address: string): string {
  const at = address.lastIndexOf('@');
  return `${address.slice(0, Math.min(2, at))}***${address.slice(at)}`;
}

/** `+4366412345678` → `+43***78`. */
export function maskPhoneNumber(number: string): string {
  return `${number.slice(0, 3)}***${number.slice(-2)}`;
}
