import { z } from 'zod';
import { alertmanagerConfig } from './alertmanager/config.ts';
import { emailConfig } from './email/config.ts';
import { pagerdutyConfig } from './pagerduty/config.ts';
import { slackConfig } from './slack/config.ts';
import { smsConfig } from './sms/config.ts';
import { teamsConfig } from './teams/config.ts';
import { webhookConfig } from './webhook/config.ts';

/** One channel as a file says it. No secret is in it: it names owner-only files that hold them. */
export const channelConfigSchema = z.discriminatedUnion('kind', [
  emailConfig,
  webhookConfig,
  alertmanagerConfig,
  slackConfig,
  teamsConfig,
  pagerdutyConfig,
  smsConfig,
]);

export type ChannelConfig = z.output<typeof channelConfigSchema>;
