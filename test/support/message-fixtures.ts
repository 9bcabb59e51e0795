import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {
  ChannelOptions,
  DeliveryOutcome,
  Message,
  MessageAlert,
} from '../../src/server/notifications/channels/channel.ts';
import {
  channelConfigSchema,
  createChannel,
} from '../../src/server/notifications/channels/create-channel.ts';

const STARTED_MS = Date.UTC(2026, 10, 25, 8);

export function makeMessageAlert(more: Partial<MessageAlert> = {}): MessageAlert {
  return {
    id: 'a1',
    rule: 'response-time',
    state: 'firing',
    severity: 'critical',
    labels: { service: 'shop', endpoint: '/rooms' },
    annotations: { summary: 'shop: /rooms takes 6 s on average (limit: 5 s)' },
    runbook: 'https://wiki.example/slow',
    value: 6000,
    threshold: 5000,
    cause: undefined,
    author: undefined,
    comment: undefined,
    organizationId: 'anna',
    propertyId: 'north',
    startedMs: STARTED_MS,
    firedMs: STARTED_MS + 60_000,
    endedMs: undefined,
    links: {
      view: 'https://perfscope.example/alerts/a1',
      acknowledge: 'https://perfscope.example/ack?t=1',
      silence: undefined,
    },
    ...more,
  };
}

export function makeMessage(more: Partial<Message> = {}): Message {
  return {
    id: 'm1',
    groupKey: 'ops/response-time',
    receiver: 'ops',
    status: 'firing',
    alerts: [makeMessageAlert()],
    kind: 'route',
    level: 0,
    timeZone: 'Europe/Vienna',
    ...more,
  };
}

/** Returns the message with all alerts resolved. */
export function toResolvedMessage(message: Message): Message {
  const alerts = message.alerts.map((alert) => ({
    ...alert,
    state: 'resolved' as const,
    endedMs: (alert.firedMs ?? 0) + 60_000,
  }));
  return { ...message, id: `${message.id}-resolved`, status: 'resolved', alerts };
}

/** Temporary secret files that only the owner can read. */
export class SecretFiles {
  readonly folder = mkdtempSync(join(tmpdir(), 'perfscope-secrets-'));

  write(name: string, text: string, mode = 0o600): string {
    const path = join(this.folder, name);
    writeFileSync(path, text, { mode });
    return path;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Makes one delivery attempt with a channel configuration. */
export function deliverMessage(
  config: object,
  message: Message,
  { timeoutMs = 10_000, ...options }: ChannelOptions & { timeoutMs?: number } = {},
): Promise<DeliveryOutcome> {
  const channel = createChannel(channelConfigSchema.parse(config), options);
  return channel.deliver(message, AbortSignal.timeout(timeoutMs));
}
