import { z } from 'zod';
import type { Channel } from './channel.ts';

/** Notifications inside Perfscope, for the roles and people in the receiver's `to`. */
export const inAppConfigSchema = z.strictObject({ kind: z.literal('inApp') });

/**
 * Creates the channel for notifications inside Perfscope. It sends nothing: every delivery writes a
 * row to `notifications`, and the inbox shows these rows.
 */
export function createInAppChannel(recipient: string): Channel {
  return {
    kind: 'inApp',
    recipient,
    deliver: async () => ({ status: 'delivered' }),
  };
}
