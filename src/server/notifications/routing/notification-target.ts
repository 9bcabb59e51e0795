import type { Alert } from '../../../core/alerts/alert.ts';
import type { Person, Role } from '../../../core/people.ts';
import type { Receiver } from '../config/notification-config.ts';
import {
  ADDRESS_FIELD_BY_CHANNEL,
  type ReceiverChannel,
} from '../config/notification-file-schema.ts';

/** Whom one delivery reaches by one channel of a receiver. It is stored, so it has no address. */
export interface Target {
  readonly receiver: string;
  /** Place of the channel among the receiver's; its kind tells whether it is still the same. */
  readonly index: number;
  readonly kind: string;
  /** The role or the person that it is for; neither: whoever reads the channel. */
  readonly role?: Role | undefined;
  readonly person?: string | undefined;
  /** Of whose alerts it tells, where it tells of one organization or property only. */
  readonly organization?: string | undefined;
  readonly property?: string | undefined;
}

/** The same for the same target, and for no other. */
export function toTargetKey(target: Target): string {
  const { receiver, index, kind, role, person, organization, property } = target;
  const whom = [role ?? null, person ?? null, organization ?? null, property ?? null];
  return JSON.stringify([receiver, kind, index, ...whom]);
}

/** Whoever one channel with one receiver is: what fails, waits and is limited together. */
export function toChannelKey({ receiver, index, kind }: Target): string {
  return JSON.stringify([receiver, kind, index]);
}

/** Everybody that `receiver` has to tell of `alert`. */
export function findTargets(receiver: Receiver, alert: Alert, people: readonly Person[]): Target[] {
  return receiver.channels.flatMap(({ kind }, index) => {
    const base = { receiver: receiver.name, index, kind };
    if (kind === 'inApp') return findInAppTargets(base, receiver, alert, people);
    if (!isAddressedToPeople(receiver, kind)) return [base];
    return findAddressees(receiver, alert, people)
      .filter((person) => person[ADDRESS_FIELD_BY_CHANNEL[kind]!] !== undefined)
      .map((person) => ({ ...base, person: person.name }));
  });
}

/** Whether the channel's address is that of a person, and not the channel's own. */
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

/** People of the receiver's roles, and those that it names, whom the alert concerns. */
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

/** Whether the alert is about what the person may see. */
function isVisibleToPerson({ labels }: Alert, person: Person): boolean {
  const { organization, properties } = person;
  if (organization !== undefined && labels.organization !== organization) return false;
  return properties === undefined || properties.includes(labels.property ?? '');
}

/** A manager of properties is told of properties; only an administrator of what is nobody's. */
function isRelevantToRole({ labels }: Alert, role: Role): boolean {
  if (role === 'ADMIN') return true;
  if (role === 'PROPERTY_MGR') return labels.property !== undefined;
  return role !== 'INGEST' && labels.organization !== undefined;
}

/** What a role shares between organizations, or properties, is told of each apart. */
function toTargetTenant(alert: Alert, role: Role): Pick<Target, 'organization' | 'property'> {
  if (role === 'ADMIN') return {};
  const { organization } = alert.labels;
  const isOfProperties = role === 'PROPERTY_MGR' || role === 'VIEWER';
  return { organization, ...(isOfProperties && toTargetProperty(alert)) };
}

function toTargetProperty({ labels }: Alert): { property?: string } {
  return labels.property === undefined ? {} : { property: labels.property };
}
