/** A hotel of the demo and its owner. */
export interface Hotel {
  organization: string;
  property: string;
  rooms: number;
}

export const HOTELS: readonly Hotel[] = [
  { organization: 'grand-hotels', property: 'seaside', rooms: 180 },
  { organization: 'grand-hotels', property: 'alpine', rooms: 90 },
  { organization: 'city-inns', property: 'central', rooms: 240 },
  { organization: 'city-inns', property: 'airport', rooms: 120 },
];

/** Names of the request headers with the tenant and the user. */
export const TENANT_HEADERS = {
  PERFORMANCE_ORGANIZATION_HEADER: 'x-organization-id',
  PERFORMANCE_PROPERTY_HEADER: 'x-property-id',
  PERFORMANCE_USER_HEADER: 'x-user-id',
} as const;
