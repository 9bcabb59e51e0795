import { z } from 'zod';
import { type ChannelConfig, channelConfigSchema } from '../channels/config.ts';
import { inAppConfig } from '../in-app.ts';

/** How one channel of a receiver is configured, by its `kind`. */
export const channelEntry = z.discriminatedUnion('kind', [
  inAppConfig,
  ...channelConfigSchema.options,
]);
export type ChannelEntry = z.output<typeof inAppConfig> | ChannelConfig;

/** Channels that reach a person by an address of hers. */
export const ADDRESSED: Readonly<Record<string, 'email' | 'phone'>> = {
  email: 'email',
  sms: 'phone',
};
