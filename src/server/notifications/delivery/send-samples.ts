import type { Person } from '../../../core/person-and-roles.ts';
import type { Channel, DeliveryOutcome } from '../channels/channel.ts';
import { isUnavailable, type UnavailableChannel } from '../channels/channel-resolver.ts';
import type { NotificationConfig, Receiver } from '../config/notification-config.ts';
import { createSampleAlert, createSampleDelivery } from '../message/sample-message.ts';
import { findTargets, type Target } from '../routing/notification-target.ts';
import type { Delivery } from './delivery-record.ts';

/** Maximum duration of one delivery. */
const ATTEMPT_TIMEOUT_MS = 15_000;

/** The result of a sample message to one recipient. */
export interface SampleResult {
  readonly channel: string;
  /** Masked address or host. Undefined if the recipient has no address. */
  readonly recipient: string | undefined;
  readonly status: DeliveryOutcome['status'];
  /** The reason of a failure, or what the channel reported. */
  readonly detail: string | undefined;
}

export interface SampleOptions {
  readonly config: Pick<NotificationConfig, 'timeZone'>;
  readonly people: readonly Person[];
  readonly resolveChannel: (target: Target) => Channel | UnavailableChannel;
  /** Stores an in-app message, because nothing else delivers it. */
  readonly storeInApp: (delivery: Delivery, recipient: string) => Promise<void> | void;
}

/**
 * Sends a sample alert once through each channel of a receiver, also through channels for other severities. Never
 * rejects, except if an in-app message can't be stored.
 *
 * @param labels labels of the sample alert. They determine which people receive it.
 * @returns one result for each recipient. Empty if nobody receives alerts with these labels.
 */
export async function sendSamples(
  receiver: Receiver,
  labels: Readonly<Record<string, string>>,
  { config, people, resolveChannel, storeInApp }: SampleOptions,
): Promise<SampleResult[]> {
  const alert = createSampleAlert(labels, Date.now());
  return Promise.all(
    findTargets(receiver, alert, people, true).map(async (target) => {
      const delivery = createSampleDelivery(target, alert, config.timeZone, Date.now());
      const found = resolveChannel(target);
      if (isUnavailable(found)) {
        const status = 'permanent' as const;
        return { channel: target.kind, recipient: undefined, status, detail: found.reason };
      }
      const { kind, recipient } = found;
      const outcome = await found.deliver(
        delivery.message,
        AbortSignal.timeout(ATTEMPT_TIMEOUT_MS),
      );
      if (kind === 'inApp') await storeInApp(delivery, recipient);
      const detail = outcome.status === 'delivered' ? outcome.detail : outcome.reason;
      return { channel: kind, recipient, status: outcome.status, detail };
    }),
  );
}

/** Returns the row of an in-app sample that was delivered, as `toDeliveryRow` needs it. */
export function toSampleAttempt(recipient: string) {
  const atMs = Date.now();
  return { status: 'delivered', reason: 'delivered', detail: undefined, recipient, atMs } as const;
}
