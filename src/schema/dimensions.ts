/** What every measurement row says about the process that it comes from. */
export const ORIGIN_COLUMNS = {
  service: 'symbol',
  serviceVersion: 'symbol',
  environment: 'symbol',
  instance: 'symbol',
} as const;

/** The tenant that a measurement belongs to. */
export const TENANT_COLUMNS = {
  organizationId: 'symbol',
  propertyId: 'symbol',
} as const;

export interface Origin {
  service: string;
  serviceVersion?: string | undefined;
  environment?: string | undefined;
  /** Unique per start of a process. */
  instance: string;
}
