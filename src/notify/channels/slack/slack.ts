import type { z } from 'zod';
import type { Channel } from '../../channel.ts';
import { slackOf } from '../../text/slack.ts';
import { tell } from '../../text/told.ts';
import type { ChannelOptions } from '../options.ts';
import { openSecretUrl } from '../secret-url.ts';
import type { slackConfig } from './config.ts';

/** Three blocks each; Slack takes fifty (https://docs.slack.dev/reference/block-kit/blocks). */
const MOST_ALERTS = 15;

/** Slack's incoming webhooks. @throws PS_CHANNEL_SECRET */
export function openSlack(config: z.output<typeof slackConfig>, options: ChannelOptions): Channel {
  return openSecretUrl('slack', config, options, (message) =>
    JSON.stringify(slackOf(tell(message, MOST_ALERTS))),
  );
}
