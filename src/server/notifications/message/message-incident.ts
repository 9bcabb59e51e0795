import {
  type AffectedTenant,
  type IncidentSummary,
  toTenantKey,
} from '../../../core/alerts/incident-summary.ts';
import type { Person } from '../../../core/person-and-roles.ts';
import type { Message, MessageIncident } from '../channels/channel.ts';
import type { Target } from '../routing/notification-target.ts';

/** Number of tenants in a message. */
const MAX_TENANTS = 5;

/** The tenant whose data a recipient can see. Undefined for all tenants. */
type RecipientTenant =
  | { readonly organization: string; readonly properties: readonly string[] | undefined }
  | undefined;

/**
 * Limits an incident to the data that a recipient can see. Causes for all tenants are based on the rows of all tenants.
 * Therefore, recipients of one tenant receive the cause for this tenant, or no cause.
 */
export function toMessageIncident(
  { id, causes, causesByTenant, tenants }: IncidentSummary,
  { alerts }: Pick<Message, 'alerts'>,
  target: Target,
  people: readonly Person[],
): MessageIncident {
  const tenant = findRecipientTenant(alerts, target, people);
  const visible = tenants.filter((each) => isVisible(each, tenant));
  const [cause] = tenant ? listTenantCauses(causesByTenant, tenant) : causes;
  return {
    id,
    cause: cause && `${cause.text} (${cause.evidence})`,
    tenants: visible.slice(0, MAX_TENANTS),
    moreTenants: Math.max(visible.length - MAX_TENANTS, 0),
    url: undefined,
  };
}

/**
 * Returns the tenant that limits a recipient. People are limited by their organization. Other recipients are limited
 * by the alerts of the message: a channel that receives alerts of only one tenant can belong to this tenant.
 */
function findRecipientTenant(
  alerts: Message['alerts'],
  target: Target,
  people: readonly Person[],
): RecipientTenant {
  const { organization, property } = target;
  if (organization !== undefined) {
    return { organization, properties: property === undefined ? undefined : [property] };
  }
  if (target.role !== undefined) return undefined;
  const person = people.find(({ name }) => name === target.person);
  if (person) {
    if (person.organization === undefined) return undefined;
    return { organization: person.organization, properties: person.properties };
  }
  const organizations = new Set(alerts.map(({ organizationId }) => organizationId));
  const properties = new Set(alerts.map(({ propertyId }) => propertyId));
  const [only] = organizations;
  if (organizations.size > 1 || only === undefined) return undefined;
  const [onlyProperty] = properties;
  const isOfProperty = properties.size === 1 && onlyProperty !== undefined;
  return { organization: only, properties: isOfProperty ? [onlyProperty] : undefined };
}

function isVisible(
  { organizationId, propertyId }: AffectedTenant,
  tenant: RecipientTenant,
): boolean {
  if (tenant === undefined) return true;
  const { organization, properties } = tenant;
  if (organizationId !== organization) return false;
  return properties === undefined || (propertyId !== undefined && properties.includes(propertyId));
}

function listTenantCauses(
  causesByTenant: IncidentSummary['causesByTenant'],
  { organization, properties }: NonNullable<RecipientTenant>,
): IncidentSummary['causes'] {
  if (properties === undefined) return causesByTenant[toTenantKey(organization)] ?? [];
  const [only, ...others] = properties;
  if (only === undefined || others.length > 0) return [];
  return causesByTenant[toTenantKey(organization, only)] ?? [];
}
