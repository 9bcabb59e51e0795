import type { AddressPolicy } from '../outgoing-http/address-policy.ts';
import { deliverByHttp, type HttpDelivery } from '../outgoing-http/http-delivery.ts';
import type { Channel, ChannelOptions, Message } from './channel.ts';
import { readCertificates, readSecretUrl } from './secret-file.ts';

interface IncomingWebhookConfig extends AddressPolicy {
  readonly urlFile: string;
  readonly caFile?: string | undefined;
}

/** Creates a channel that posts JSON to a URL. The URL is the only secret. @throws PS_CHANNEL_SECRET */
export function createIncomingWebhookChannel(
  kind: string,
  config: IncomingWebhookConfig,
  { now = Date.now }: ChannelOptions,
  formatBody: (message: Message) => string,
  findFailure: NonNullable<HttpDelivery['findFailure']>,
): Channel {
  const url = readSecretUrl(config.urlFile, config);
  const ca = readCertificates(config.caFile);
  const headers = { 'content-type': 'application/json' };
  const secrets = [url.href, url.pathname + url.search];
  return {
    kind,
    recipient: url.host,
    deliver: (message, signal) => {
      const body = formatBody(message);
      const confidential = false;
      return deliverByHttp(
        { url, body, headers, policy: config, ca, confidential, secrets, findFailure, now },
        signal,
      );
    },
  };
}
