import { computed } from '@preact/signals';
import type { Query } from '../../client/api-types.ts';
import { toZoneName } from '../format/times.ts';
import { comparison, globalFilters, range, zoneChoice } from '../url/view-state.ts';

/** Parameters of the API for the range, the time zone, and the filters of the page. */
export const rangeQuery = computed(() => ({
  ...range.value,
  timeZone: toZoneName(zoneChoice.value),
  ...globalFilters.value,
}));

/** The same, with the period to compare with. */
export const comparedQuery = computed(() => ({
  ...rangeQuery.value,
  ...(comparison.value && { compare: comparison.value }),
}));

/** Range and filters for metrics of hosts and processes, which belong to no organization. */
export const hostQuery = computed(() => {
  const { organizationId: _organization, propertyId: _property, ...query } = rangeQuery.value;
  return query;
});

/** Filter for hosts and processes. */
export type HostFilter = Pick<Query<'health'>, 'service' | 'instance'>;

/** The same as `rangeQuery`, for endpoints that can't filter by environment. */
export const tenantQuery = computed(() => {
  const { environment: _environment, ...query } = rangeQuery.value;
  return query;
});
