import { createHash } from 'node:crypto';
import type { Dsn } from '../config/dsn.ts';
import type { ErrorLogRow } from '../schema/error-logs.ts';

const CLIENT = 'perfscope';
const FRAME = /^\s*at (?:(.*?) \()?(?:file:\/\/)?(.*?):(\d+):(\d+)\)?$/;
const MOST_FRAMES = 50;

/** What a request to `envelopeUrl` carries. */
export function envelopeHeaders({ publicKey }: Dsn): Record<string, string> {
  return {
    'content-type': 'application/x-sentry-envelope',
    'x-sentry-auth': `Sentry sentry_version=7, sentry_client=${CLIENT}, sentry_key=${publicKey}`,
  };
}

/**
 * An entry as an envelope with one event
 * (https://develop.sentry.dev/sdk/foundations/transport/envelopes/). The same entry has the same
 * event id, so that Sentry takes it once. Users are left out.
 */
export function envelopeOf(row: ErrorLogRow, nowMs: number): string {
  const event = eventOf(row);
  const payload = JSON.stringify(event);
  const sdk = { name: CLIENT, version: '1' };
  const header = { event_id: event.event_id, sent_at: new Date(nowMs).toISOString(), sdk };
  const length = Buffer.byteLength(payload);
  const item = { type: 'event', content_type: 'application/json', length };
  return `${JSON.stringify(header)}\n${JSON.stringify(item)}\n${payload}\n`;
}

function eventOf(row: ErrorLogRow) {
  const { id, timestamp, level, kind, errorType, message, stackTrace, endpoint } = row;
  const frames = framesOf(stackTrace);
  return {
    event_id: createHash('sha256').update(`${id}`).digest('hex').slice(0, 32),
    timestamp: timestamp / 1000,
    platform: 'node',
    level,
    logger: CLIENT,
    fingerprint: [row.fingerprint],
    release: row.serviceVersion,
    environment: row.environment,
    server_name: row.instance,
    transaction: endpoint,
    tags: defined({
      kind,
      service: row.service,
      organization: row.organizationId,
      property: row.propertyId,
      alert: row.alertId,
    }),
    extra: { count: row.count, context: row.context },
    exception: {
      values: [
        {
          type: errorType,
          value: message,
          ...(frames.length > 0 && { stacktrace: { frames } }),
          mechanism: { type: kind, handled: level !== 'fatal' },
        },
      ],
    },
  };
}

/** Sentry wants the oldest call first. */
function framesOf(stack: string | undefined) {
  return (stack ?? '')
    .split('\n')
    .flatMap((text) => {
      const [, name, filename, lineno, colno] = FRAME.exec(text) ?? [];
      if (filename === undefined) return [];
      return {
        function: name,
        filename,
        lineno: Number(lineno),
        colno: Number(colno),
        in_app: !/^node:|node_modules/.test(filename),
      };
    })
    .slice(0, MOST_FRAMES)
    .reverse();
}

function defined(tags: Readonly<Record<string, string | undefined>>): object {
  return Object.fromEntries(Object.entries(tags).filter(([, value]) => value !== undefined));
}
