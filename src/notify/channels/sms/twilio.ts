import { deliverByHttp } from '../../http/deliver.ts';
import type { ChannelOptions } from '../options.ts';
import { readCertificates, readSecret } from '../secret-file.ts';
import type { SmsConfig } from './config.ts';
import type { SmsProvider } from './provider.ts';

/**
 * Twilio's Messages resource (https://www.twilio.com/docs/messaging/api/message-resource). Which
 * failures may pass is told by the HTTP status alone, as Twilio advises.
 *
 * @throws PS_CHANNEL_SECRET
 */
export function twilio(config: SmsConfig, { now = Date.now }: ChannelOptions): SmsProvider {
  const { accountSid, from, messagingServiceSid } = config;
  const token = readSecret(config.tokenFile);
  const ca = readCertificates(config.caFile);
  const url = new URL(`/2010-04-01/Accounts/${accountSid}/Messages.json`, config.url);
  const pair = Buffer.from(`${accountSid}:${token}`).toString('base64');
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    authorization: `Basic ${pair}`,
  };
  const sender: Record<string, string> =
    from === undefined ? { MessagingServiceSid: messagingServiceSid! } : { From: from };
  return {
    host: url.host,
    send: (to, text, signal) => {
      const body = new URLSearchParams({ ...sender, To: to, Body: text }).toString();
      const secrets = [token, pair, accountSid, to];
      return deliverByHttp(
        { url, body, headers, policy: config, ca, confidential: true, secrets, now },
        signal,
      );
    },
  };
}
