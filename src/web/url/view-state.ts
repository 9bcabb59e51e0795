import { computed } from '@preact/signals';
import { serverNow } from '../api/server-clock.ts';
import type { ZoneChoice } from '../format/times.ts';
import { currentLocation, navigate, toHref } from './location.ts';
import {
  COMPARISONS,
  type Comparison,
  DEFAULT_RANGE,
  parseRange,
  type TimeRange,
} from './time-range.ts';

/** Filters that apply to every view. They have the names of the API's filters. */
const GLOBAL_FILTERS = ['environment', 'organizationId', 'propertyId'] as const;
/** Parameters that links between views keep. */
const KEPT_PARAMETERS = ['last', 'from', 'to', 'compare', 'tz', ...GLOBAL_FILTERS];

/** The time range of the page. */
export const range = computed(
  () => parseRange(currentLocation.value.parameters, serverNow()) ?? DEFAULT_RANGE,
  { name: 'range' },
);

/** Whether the location contains a range that isn't valid, such as one of an old bookmark. */
export const hasInvalidRange = computed(() => {
  const { parameters } = currentLocation.value;
  const isSet = ['last', 'from', 'to'].some((name) => parameters.has(name));
  return isSet && parseRange(parameters, serverNow()) === undefined;
});

/** The period to compare with. Undefined without a comparison. */
export const comparison = computed((): Comparison | undefined => {
  const value = currentLocation.value.parameters.get('compare');
  return COMPARISONS.find(([name]) => name === value)?.[0];
});

export const zoneChoice = computed(
  (): ZoneChoice => (currentLocation.value.parameters.get('tz') === 'utc' ? 'utc' : 'browser'),
);

/** The filters of the location that apply to every view. */
export const globalFilters = computed(() => {
  const { parameters } = currentLocation.value;
  const filters: Partial<Record<(typeof GLOBAL_FILTERS)[number], string[]>> = {};
  for (const name of GLOBAL_FILTERS) {
    const values = parameters.getAll(name).filter((value) => value !== '');
    if (values.length > 0) filters[name] = values;
  }
  return filters;
});

/** Values of parameters. Undefined and empty values remove a parameter. */
export type ParameterChanges = Readonly<
  Record<string, string | number | readonly string[] | undefined>
>;

/** Returns the link to a view. It keeps the range, the comparison, the time zone, and the global filters. */
export function linkTo(path: string, changes: ParameterChanges = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of currentLocation.value.parameters) {
    if (KEPT_PARAMETERS.includes(name)) parameters.append(name, value);
  }
  applyChanges(parameters, changes);
  return toHref(path, parameters);
}

/** Returns the link to the current view with other parameters. */
export function linkWith(changes: ParameterChanges): string {
  const { path, parameters } = currentLocation.value;
  const changed = new URLSearchParams(parameters);
  applyChanges(changed, changes);
  return toHref(path, changed);
}

/** Changes parameters of the current view. */
export function setParameters(changes: ParameterChanges, options?: { replace?: boolean }): void {
  navigate(linkWith(changes), options);
}

/** Sets the time range. Back returns to the earlier range. */
export function setRange(value: TimeRange): void {
  setParameters(
    'last' in value
      ? { last: value.last, from: undefined, to: undefined }
      : { last: undefined, from: value.from, to: value.to },
  );
}

function applyChanges(parameters: URLSearchParams, changes: ParameterChanges): void {
  for (const [name, value] of Object.entries(changes)) {
    parameters.delete(name);
    for (const item of Array.isArray(value) ? value : [value]) {
      if (item !== undefined && item !== '') parameters.append(name, String(item));
    }
  }
}

/** Returns a parameter of the current view. */
export function getParameter(name: string): string | undefined {
  return currentLocation.value.parameters.get(name) || undefined;
}

/** Returns all values of a parameter of the current view. */
export function getParameters(name: string): string[] {
  return currentLocation.value.parameters.getAll(name).filter((value) => value !== '');
}
