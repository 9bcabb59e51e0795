import { reasonOf } from '../errors.ts';
import type { Channel } from './channel.ts';
import { inAppChannel } from './in-app.ts';
import { ADDRESSED, type ChannelEntry } from './plan/channel-entry.ts';
import type { NotifyPlan, Person } from './plan/plan.ts';
import type { Target } from './route/target.ts';

/** A channel that an application's own part of the program opens; in-app is opened here. */
export type OpenedEntry = Exclude<ChannelEntry, { kind: 'inApp' }>;

/**
 * Makes the channel that an entry describes.
 *
 * @param to whom it reaches, instead of whom the entry names
 * @throws Error that says why it cannot be, without any secret
 */
export type OpenChannel = (entry: OpenedEntry, to: readonly string[] | undefined) => Channel;

/** Finds the channel that reaches a target, and keeps it as long as its configuration is the same. */
export class Opener {
  readonly #open: OpenChannel;
  readonly #kept = new Map<string, Channel>();

  constructor(open: OpenChannel) {
    this.#open = open;
  }

  /** @returns why there is none, where the file has changed since */
  of(
    target: Target,
    plan: NotifyPlan,
    people: readonly Person[],
  ): Channel | { readonly gone: string } {
    const { receiver: name, index, kind, role, person: personName } = target;
    const receiver = plan.receivers.get(name);
    if (!receiver) return { gone: `there is no receiver ${name} any more` };
    const { channels } = receiver;
    const same = channels[index]?.kind === kind ? channels[index] : undefined;
    const entry = same ?? channels.find((each) => each.kind === kind);
    if (!entry) return { gone: `${name} has no ${kind} any more` };
    if (role !== undefined) return inAppChannel(`role:${role}`);
    const person = people.find((each) => each.name === personName);
    if (entry.kind === 'inApp') {
      return person?.user ? inAppChannel(`user:${person.user}`) : noAddress(personName, 'user');
    }
    if (personName === undefined) return this.#keptOf(entry, undefined);
    const field = ADDRESSED[kind];
    const address = field && person?.[field];
    return address ? this.#keptOf(entry, [address]) : noAddress(personName, field);
  }

  /** Forgets all: passwords in files may be others. */
  forget(): void {
    this.#kept.clear();
  }

  #keptOf(entry: OpenedEntry, to: readonly string[] | undefined): Channel {
    const key = JSON.stringify([entry, to ?? null]);
    const known = this.#kept.get(key);
    if (known) return known;
    try {
      const opened = this.#open(entry, to);
      this.#kept.set(key, opened);
      return opened;
    } catch (error) {
      return failing(entry.kind, reasonOf(error));
    }
  }
}

/** A channel that cannot be opened now: what is wrong may be corrected in time. */
export function failing(kind: string, reason: string): Channel {
  return { kind, recipient: '', deliver: async () => ({ status: 'retryable', reason }) };
}

function noAddress(person = 'nobody', field = 'address'): { readonly gone: string } {
  return { gone: `${person} has no ${field} any more` };
}
