import { z } from 'zod';
import { alertmanagerConfigSchema, createAlertmanagerChannel } from './alertmanager.ts';
import type { Channel, ChannelOptions } from './channel.ts';
import { createEmailChannel, emailConfigSchema } from './email.ts';
import { createPagerdutyChannel, pagerdutyConfigSchema } from './pagerduty.ts';
import { createSlackChannel, slackConfigSchema } from './slack.ts';
import { createSmsChannel, smsConfigSchema } from './sms.ts';
import { createTeamsChannel, teamsConfigSchema } from './teams.ts';
import { createWebhookChannel, webhookConfigSchema } from './webhook.ts';

/**
 * The configuration of one channel in the notification file. It contains no secrets, only the paths
 * of owner-only files that hold them.
 */
export const channelConfigSchema = z.discriminatedUnion('kind', [
  emailConfigSchema,
  webhookConfigSchema,
  alertmanagerConfigSchema,
  slackConfigSchema,
  teamsConfigSchema,
  pagerdutyConfigSchema,
  smsConfigSchema,
]);

export type ChannelConfig = z.output<typeof channelConfigSchema>;

export type CreateChannel = typeof createChannel;

/**
 * Creates a channel and reads its secret files.
 *
 * @throws PS_CHANNEL_SECRET if a secret file can't be used; PS_CHANNEL_INVALID if there are no valid
 *   recipients
 */
export function createChannel(config: ChannelConfig, options: ChannelOptions = {}): Channel {
  switch (config.kind) {
    case 'email':
      return createEmailChannel(config, options);
    case 'webhook':
      return createWebhookChannel(config, options);
    case 'alertmanager':
      return createAlertmanagerChannel(config, options);
    case 'slack':
      return createSlackChannel(config, options);
    case 'teams':
      return createTeamsChannel(config, options);
    case 'pagerduty':
      return createPagerdutyChannel(config, options);
    case 'sms':
      return createSmsChannel(config, options);
  }
}
