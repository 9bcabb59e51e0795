import type { z } from 'zod';
import type { Channel, Outcome } from '../../channel.ts';
import { deliverByHttp } from '../../http/deliver.ts';
import type { ChannelOptions } from '../options.ts';
import { readCertificates, readSecret } from '../secret-file.ts';
import { Alerts } from './alerts.ts';
import type { alertmanagerConfig } from './config.ts';

type Config = z.output<typeof alertmanagerConfig>;

/**
 * Prometheus' Alertmanager, one or a cluster. As Prometheus does, every member is told, and the
 * message is delivered when one of them took it: the cluster shares the rest.
 *
 * @throws PS_CHANNEL_SECRET
 */
export function openAlertmanager(config: Config, { now = Date.now }: ChannelOptions): Channel {
  const urls = config.urls.map(endpointOf);
  const authorization = authorizationOf(config);
  const ca = readCertificates(config.caFile);
  const alerts = new Alerts(config.endsAfter);
  const secrets = authorization === undefined ? [] : authorization.split(' ');
  const headers = {
    'content-type': 'application/json',
    ...(authorization !== undefined && { authorization }),
  };
  return {
    kind: 'alertmanager',
    recipient: urls.map(({ host }) => host).join(', '),
    deliver: async (message, signal) => {
      const body = JSON.stringify(alerts.of(message, now()));
      const common = { body, headers, policy: config, ca, confidential: true, secrets, now };
      const outcomes = await Promise.all(
        urls.map((url) => deliverByHttp({ url, ...common }, signal)),
      );
      const outcome = together(outcomes);
      if (outcome.status === 'delivered') alerts.delivered(message, now());
      return outcome;
    },
  };
}

/** Below whatever path the address has, as with `--web.route-prefix`. */
function endpointOf(address: string): URL {
  const url = new URL(address);
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/api/v2/alerts`;
  return url;
}

function authorizationOf({ user, passwordFile, tokenFile }: Config): string | undefined {
  if (tokenFile !== undefined) return `Bearer ${readSecret(tokenFile)}`;
  if (passwordFile === undefined) return undefined;
  const pair = Buffer.from(`${user}:${readSecret(passwordFile)}`).toString('base64');
  return `Basic ${pair}`;
}

function together(outcomes: readonly Outcome[]): Outcome {
  const failed = outcomes.filter((outcome) => outcome.status !== 'delivered');
  const reason = failed.map((outcome) => outcome.reason).join('; ');
  if (failed.length < outcomes.length) {
    return { status: 'delivered', ...(failed.length > 0 && { detail: reason }) };
  }
  const again = failed.filter((outcome) => outcome.status === 'retryable');
  if (again.length === 0) return { status: 'permanent', reason };
  const waits = again.flatMap(({ retryAfterMs }) => retryAfterMs ?? []);
  const retryAfterMs = waits.length === again.length ? Math.min(...waits) : undefined;
  return { status: 'retryable', reason, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}
