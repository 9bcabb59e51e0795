import { errorMessage } from '../../../core/errors.ts';
import type { Person } from '../../../core/people.ts';
import type { NotificationConfig } from '../config/notification-config.ts';
import {
  ADDRESS_FIELD_BY_CHANNEL,
  type ReceiverChannel,
} from '../config/notification-file-schema.ts';
import type { Target } from '../routing/notification-target.ts';
import type { Channel } from './channel.ts';
import { createChannel } from './create-channel.ts';
import { createInAppChannel } from './in-app.ts';

/** A channel that an application's own part of the program opens; in-app is opened here. */
export type ExternalChannelConfig = Exclude<ReceiverChannel, { kind: 'inApp' }>;

/**
 * Makes the channel that an entry describes.
 *
 * @param to whom it reaches, instead of whom the entry names
 * @throws Error that says why it cannot be, without any secret
 */
export type CreateChannel = (
  entry: ExternalChannelConfig,
  to: readonly string[] | undefined,
) => Channel;

/** Finds the channel that reaches a target, and keeps it as long as its configuration is the same. */
export class ChannelResolver {
  readonly #createChannel: CreateChannel;
  readonly #channels = new Map<string, Channel>();

  constructor(open: CreateChannel) {
    this.#createChannel = open;
  }

  /** @returns why there is none, where the file has changed since */
  resolve(
    target: Target,
    plan: NotificationConfig,
    people: readonly Person[],
  ): Channel | { readonly gone: string } {
    const { receiver: name, index, kind, role, person: personName } = target;
    const receiver = plan.receivers.get(name);
    if (!receiver) return { gone: `there is no receiver ${name} any more` };
    const { channels } = receiver;
    const same = channels[index]?.kind === kind ? channels[index] : undefined;
    const entry = same ?? channels.find((each) => each.kind === kind);
    if (!entry) return { gone: `${name} has no ${kind} any more` };
    if (role !== undefined) return createInAppChannel(`role:${role}`);
    const person = people.find((each) => each.name === personName);
    if (entry.kind === 'inApp') {
      return person?.user
        ? createInAppChannel(`user:${person.user}`)
        : describeMissingAddress(personName, 'user');
    }
    if (personName === undefined) return this.#getOrCreate(entry, undefined);
    const field = ADDRESS_FIELD_BY_CHANNEL[kind];
    const address = field && person?.[field];
    return address
      ? this.#getOrCreate(entry, [address])
      : describeMissingAddress(personName, field);
  }

  /** Forgets all: passwords in files may be others. */
  clear(): void {
    this.#channels.clear();
  }

  #getOrCreate(entry: ExternalChannelConfig, to: readonly string[] | undefined): Channel {
    const key = JSON.stringify([entry, to ?? null]);
    const known = this.#channels.get(key);
    if (known) return known;
    try {
      const opened = this.#createChannel(entry, to);
      this.#channels.set(key, opened);
      return opened;
    } catch (error) {
      return createFailingChannel(entry.kind, errorMessage(error));
    }
  }
}

/** A channel that cannot be opened now: what is wrong may be corrected in time. */
export function createFailingChannel(kind: string, reason: string): Channel {
  return { kind, recipient: '', deliver: async () => ({ status: 'retryable', reason }) };
}

function describeMissingAddress(person = 'nobody', field = 'address'): { readonly gone: string } {
  return { gone: `${person} has no ${field} any more` };
}

/** Opens the channels that speak to the world outside. */
export const createExternalChannel: CreateChannel = (entry, to) => createChannel(entry, { to });
