import type { z } from 'zod';
import type { Channel } from '../../channel.ts';
import type { ChannelOptions } from '../options.ts';
import { readCertificates, readSecret, readSecretUrl } from '../secret-file.ts';
import { webhookBody } from './body.ts';
import type { webhookConfig } from './config.ts';
import { postSigned } from './post.ts';

/** Messages as signed JSON to any address. @throws PS_CHANNEL_SECRET */
export function openWebhook(
  config: z.output<typeof webhookConfig>,
  { now = Date.now }: ChannelOptions,
): Channel {
  const url =
    config.urlFile === undefined ? new URL(config.url!) : readSecretUrl(config.urlFile, config);
  const secret = readSecret(config.secretFile);
  const ca = readCertificates(config.caFile);
  return {
    kind: 'webhook',
    recipient: url.host,
    deliver: (message, signal) => {
      const body = webhookBody(message);
      return postSigned({ url, body, policy: config, ca, now, secret, key: message.id }, signal);
    },
  };
}
