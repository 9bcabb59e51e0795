import type { z } from 'zod';
import { coded } from '../../errors.ts';

/** Most messages whose recipients are remembered. */
const MOST_REMEMBERED = 1000;

/**
 * Whom a channel with several recipients has reached with a message: another attempt is for the
 * others only.
 */
export class Recipients {
  readonly all: readonly string[];
  readonly #reached = new Map<string, ReadonlySet<string>>();

  /** Checked once more, since they need not come from the configuration. @throws PS_CHANNEL_INVALID */
  constructor(channel: string, to: readonly string[] | undefined, valid: z.ZodType<string>) {
    this.all = to ?? [];
    const wrong = this.all.some((address) => !valid.safeParse(address).success);
    if (this.all.length > 0 && !wrong) return;
    const reason = wrong ? '`to` holds something that is no address' : '`to` names nobody';
    throw coded('PS_CHANNEL_INVALID', { channel, reason });
  }

  left(messageId: string): string[] {
    const reached = this.#reached.get(messageId);
    return this.all.filter((address) => !reached?.has(address));
  }

  reached(messageId: string, addresses: readonly string[]): void {
    const before = this.#reached.get(messageId) ?? [];
    this.#reached.set(messageId, new Set([...before, ...addresses]));
    for (const oldest of this.#reached.keys()) {
      if (this.#reached.size <= MOST_REMEMBERED) break;
      this.#reached.delete(oldest);
    }
  }
}
