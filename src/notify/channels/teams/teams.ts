import type { z } from 'zod';
import type { Channel, Message } from '../../channel.ts';
import { adaptiveCardOf } from '../../text/adaptive-card.ts';
import { tell } from '../../text/told.ts';
import type { ChannelOptions } from '../options.ts';
import { openSecretUrl } from '../secret-url.ts';
import type { teamsConfig } from './config.ts';

const MOST_ALERTS = 10;
/** Teams refuses messages of more than 28 KB. */
const MOST_BYTES = 27_000;

/** Microsoft Teams' workflow webhooks. @throws PS_CHANNEL_SECRET */
export function openTeams(config: z.output<typeof teamsConfig>, options: ChannelOptions): Channel {
  return openSecretUrl('teams', config, options, bodyOf);
}

function bodyOf(message: Message): string {
  for (let most = MOST_ALERTS; ; most--) {
    const content = adaptiveCardOf(tell(message, most));
    const contentType = 'application/vnd.microsoft.card.adaptive';
    const attachments = [{ contentType, contentUrl: null, content }];
    const body = JSON.stringify({ type: 'message', attachments });
    if (Buffer.byteLength(body) <= MOST_BYTES || most === 0) return body;
  }
}
