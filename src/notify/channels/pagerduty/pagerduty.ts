import type { z } from 'zod';
import { coded } from '../../../errors.ts';
import type { Channel } from '../../channel.ts';
import { deliverByHttp } from '../../http/deliver.ts';
import type { ChannelOptions } from '../options.ts';
import { readCertificates, readSecret } from '../secret-file.ts';
import type { pagerdutyConfig } from './config.ts';
import { eventOf } from './event.ts';

/** PagerDuty's Events API v2. @throws PS_CHANNEL_SECRET */
export function openPagerduty(
  config: z.output<typeof pagerdutyConfig>,
  { now = Date.now }: ChannelOptions,
): Channel {
  const file = config.routingKeyFile;
  const key = readSecret(file);
  if (!/^[\w-]{32}$/.test(key)) {
    throw coded('PS_CHANNEL_SECRET', { file, reason: 'an integration key has 32 characters' });
  }
  const url = new URL(config.url);
  const ca = readCertificates(config.caFile);
  const headers = { 'content-type': 'application/json' };
  return {
    kind: 'pagerduty',
    recipient: url.host,
    deliver: (message, signal) => {
      const body = JSON.stringify(eventOf(message, key));
      return deliverByHttp(
        { url, body, headers, policy: config, ca, confidential: true, secrets: [key], now },
        signal,
      );
    },
  };
}
