import { z } from 'zod';
import type { Channel } from './channel.ts';

/** Notifications inside Perfscope, for the roles and people of the receiver's `to`. */
export const inAppConfigSchema = z.strictObject({ kind: z.literal('inApp') });

/**
 * The channel whose delivery is its own record: the row of `notifications` that is written of every
 * delivery is what its reader sees.
 */
export function createInAppChannel(recipient: string): Channel {
  return {
    kind: 'inApp',
    recipient,
    deliver: async () => ({ status: 'delivered' }),
  };
}
