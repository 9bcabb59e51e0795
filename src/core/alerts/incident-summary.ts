/** The requests of a tenant during an incident. */
export interface AffectedTenant {
  readonly organizationId: string | undefined;
  readonly propertyId: string | undefined;
  /** Number of requests since the incident started. */
  readonly requests: number;
  /** Number of failed requests. */
  readonly failed: number;
  /** Mean duration of the requests, in ms. */
  readonly averageMs: number | undefined;
}

/** The text of a likely cause, and the comparison with earlier hours. */
interface CauseText {
  readonly text: string;
  readonly evidence: string;
}

/** The parts of an incident that messages contain. */
export interface IncidentSummary {
  readonly id: string;
  readonly causes: readonly CauseText[];
  /** Causes that are based on the rows of one tenant only, by `toTenantKey`. */
  readonly causesByTenant: Readonly<Record<string, readonly CauseText[]>>;
  readonly tenants: readonly AffectedTenant[];
}

/** Returns the key of an organization, or of one of its properties. */
export function toTenantKey(organizationId: string, propertyId?: string | undefined): string {
  return JSON.stringify([organizationId, propertyId ?? null]);
}
