import { errorMessage } from '../../../core/perfscope-error.ts';
import type { Person } from '../../../core/person-and-roles.ts';
import type { NotificationConfig } from '../config/notification-config.ts';
import { ADDRESS_FIELD_BY_CHANNEL } from '../config/notification-file-schema.ts';
import type { Target } from '../routing/notification-target.ts';
import type { Channel } from './channel.ts';
import type { ChannelConfig, CreateChannel } from './create-channel.ts';
import { createInAppChannel } from './in-app.ts';

/** Explains why a target no longer has a channel. */
export interface UnavailableChannel {
  /** A clause to show to people, without secrets. */
  readonly reason: string;
}

export function isUnavailable(found: Channel | UnavailableChannel): found is UnavailableChannel {
  return !('deliver' in found);
}

/** Finds the channel for a target. Channels are cached until their configuration changes. */
export class ChannelResolver {
  readonly #createChannel: CreateChannel;
  readonly #channels = new Map<string, Channel>();

  constructor(createChannel: CreateChannel) {
    this.#createChannel = createChannel;
  }

  /** Returns the target's channel, or the reason if the configuration no longer contains it. */
  resolve(
    target: Target,
    config: NotificationConfig,
    people: readonly Person[],
  ): Channel | UnavailableChannel {
    const { receiver: name, index, kind, role, person: personName } = target;
    const receiver = config.receivers.get(name);
    if (!receiver) return { reason: `receiver ${name} no longer exists` };
    const { channels } = receiver;
    const atSameIndex = channels[index]?.kind === kind ? channels[index] : undefined;
    const channelConfig = atSameIndex ?? channels.find((each) => each.kind === kind);
    if (!channelConfig) return { reason: `receiver ${name} no longer has a channel ${kind}` };
    if (role !== undefined) return createInAppChannel(`role:${role}`);
    const person = people.find((each) => each.name === personName);
    if (channelConfig.kind === 'inApp') {
      return person?.user
        ? createInAppChannel(`user:${person.user}`)
        : createMissingAddress(personName, 'user');
    }
    if (personName === undefined) return this.#getOrCreate(channelConfig);
    const field = ADDRESS_FIELD_BY_CHANNEL[kind];
    const address = field && person?.[field];
    return address
      ? this.#getOrCreate(channelConfig, [address])
      : createMissingAddress(personName, field);
  }

  /** Clears the cache, so that changed secret files are read again. */
  clear(): void {
    this.#channels.clear();
  }

  #getOrCreate(config: ChannelConfig, to?: readonly string[]): Channel {
    const key = JSON.stringify([config, to ?? null]);
    const cached = this.#channels.get(key);
    if (cached) return cached;
    try {
      const channel = this.#createChannel(config, { to });
      this.#channels.set(key, channel);
      return channel;
    } catch (error) {
      return createFailingChannel(config.kind, errorMessage(error));
    }
  }
}

/** Returns a channel whose attempts fail but can be retried, because the cause can still be fixed. */
export function createFailingChannel(kind: string, reason: string): Channel {
  return { kind, recipient: '', deliver: async () => ({ status: 'retryable', reason }) };
}

function createMissingAddress(person = '?', field = 'address'): UnavailableChannel {
  return { reason: `person ${person} no longer exists or has no ${field}` };
}
