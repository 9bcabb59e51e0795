import type { Alert } from '../../../core/alerts/alert.ts';
import type { Person, Role } from '../../../core/person-and-roles.ts';
import type { Receiver } from '../config/notification-config.ts';
import {
  ADDRESS_FIELD_BY_CHANNEL,
  type ReceiverChannel,
} from '../config/notification-file-schema.ts';

/**
 * One recipient of a receiver's channel. Targets are stored in the journal, so they contain no
 * addresses.
 */
export interface Target {
  readonly receiver: string;
  /**
   * Index of the channel in the receiver. If the file changes, `kind` helps to find the channel
   * again.
   */
  readonly index: number;
  readonly kind: string;
  /** Undefined, like `person`, if the channel defines the address. */
  readonly role?: Role | undefined;
  readonly person?: string | undefined;
  /** Set if the target receives alerts of only one organization or property. */
  readonly organization?: string | undefined;
  readonly property?: string | undefined;
}

/** Returns a unique key of a target. */
export function toTargetKey(target: Target): string {
  const { receiver, index, kind, role, person, organization, property } = target;
  const recipient = [role ?? null, person ?? null, organization ?? null, property ?? null];
  return JSON.stringify([receiver, kind, index, ...recipient]);
}

/** Returns the key of a receiver's channel. Its targets share a queue, a limit, and a breaker. */
export function toChannelKey({ receiver, index, kind }: Target): string {
  return JSON.stringify([receiver, kind, index]);
}

/**
 * Returns the targets of `receiver` that should receive `alert`.
 *
 * @param isTest whether to ignore the severities of the channels
 */
export function findTargets(
  receiver: Receiver,
  alert: Alert,
  people: readonly Person[],
  isTest = false,
): Target[] {
  return receiver.channels.flatMap((channel, index) => {
    if (!isTest && !acceptsSeverity(channel, alert)) return [];
    const { kind } = channel;
    const base = { receiver: receiver.name, index, kind };
    if (kind === 'inApp') return findInAppTargets(base, receiver, alert, people);
    if (!isAddressedToPeople(receiver, kind)) return [base];
    return findAddressees(receiver, alert, people)
      .filter((person) => person[ADDRESS_FIELD_BY_CHANNEL[kind]!] !== undefined)
      .map((person) => ({ ...base, person: person.name }));
  });
}

/** Returns whether the channel sends alerts with this severity. */
export function acceptsSeverity(channel: ReceiverChannel, { severity }: Alert): boolean {
  return !('severity' in channel) || channel.severity.includes(severity);
}

/**
 * Returns whether the channel sends to people's addresses. If not, the channel defines the address.
 */
export function isAddressedToPeople({ to }: Receiver, kind: string): boolean {
  return ADDRESS_FIELD_BY_CHANNEL[kind] !== undefined && to.roles.length + to.people.length > 0;
}

function findInAppTargets(
  base: { receiver: string; index: number; kind: ReceiverChannel['kind'] },
  { to }: Receiver,
  alert: Alert,
  people: readonly Person[],
): Target[] {
  const roles = to.roles
    .filter((role) => isRelevantToRole(alert, role))
    .map((role) => ({ ...base, role, ...toTargetTenant(alert, role) }));
  const persons = people
    .filter((person) => to.people.includes(person.name) && person.user !== undefined)
    .filter((person) => isVisibleToPerson(alert, person))
    .map((person) => ({
      ...base,
      person: person.name,
      ...(person.properties && toTargetProperty(alert)),
    }));
  return [...roles, ...persons];
}

/** Returns the receiver's people, by role or name, who are allowed to see the alert. */
function findAddressees(
  { to }: Receiver,
  alert: Alert,
  people: readonly Person[],
): readonly Person[] {
  return people.filter(
    (person) =>
      (to.people.includes(person.name) || to.roles.includes(person.role)) &&
      isRelevantToRole(alert, person.role) &&
      isVisibleToPerson(alert, person),
  );
}

/** Returns whether the alert is in the person's organization and properties. */
function isVisibleToPerson({ labels }: Alert, person: Person): boolean {
  const { organization, properties } = person;
  if (organization !== undefined && labels.organization !== organization) return false;
  return properties === undefined || properties.includes(labels.property ?? '');
}

/**
 * Property managers receive only alerts with a property, and other roles only alerts with an
 * organization. Admins receive all alerts.
 */
function isRelevantToRole({ labels }: Alert, role: Role): boolean {
  if (role === 'ADMIN') return true;
  if (role === 'PROPERTY_MGR') return labels.property !== undefined;
  return role !== 'INGEST' && labels.organization !== undefined;
}

/** Separates the notifications of a role by organization and, for some roles, by property. */
function toTargetTenant(alert: Alert, role: Role): Pick<Target, 'organization' | 'property'> {
  if (role === 'ADMIN') return {};
  const { organization } = alert.labels;
  const isPerProperty = role === 'PROPERTY_MGR' || role === 'VIEWER';
  return { organization, ...(isPerProperty && toTargetProperty(alert)) };
}

function toTargetProperty({ labels }: Alert): { property?: string } {
  return labels.property === undefined ? {} : { property: labels.property };
}
