import type { z } from 'zod';
import { createError } from '../../../core/errors.ts';

/** Most messages whose recipients are remembered. */
const MAX_TRACKED_MESSAGES = 1000;

/**
 * Whom a channel with several recipients has reached with a message: another attempt is for the
 * others only.
 */
export class RecipientTracker {
  readonly all: readonly string[];
  readonly #reached = new Map<string, ReadonlySet<string>>();

  /** Checked once more, since they need not come from the configuration. @throws PS_CHANNEL_INVALID */
  constructor(channel: string, to: readonly string[] | undefined, valid: z.ZodType<string>) {
    this.all = to ?? [];
    const wrong = this.all.some((address) => !valid.safeParse(address).success);
    if (this.all.length > 0 && !wrong) return;
    const reason = wrong ? '`to` holds something that is no address' : '`to` names nobody';
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
