import { useMemo } from 'preact/hooks';
import type { ApiResponse, Query } from '../../client/api-types.ts';
import { useApi } from '../api/queries.ts';
import { rangeQuery } from '../api/range-query.ts';
import type { ChartBand } from '../design/chart-band.ts';
import { formatText } from '../format/quantities.ts';
import { formatDateTime, toZoneName } from '../format/times.ts';
import { getParameter, setParameters, zoneChoice } from '../url/view-state.ts';

export type BandAggregate = NonNullable<Query<'bands'>['aggregate']>;

const PARAMETER = 'band';

/** Whether charts show normal values. It is a part of the URL. */
function isBandShown(): boolean {
  return getParameter(PARAMETER) === '1';
}

/** A button that shows or hides the normal values in the charts of a view. */
export function BandToggle() {
  const isShown = isBandShown();
  return (
    <button
      type="button"
      class="band-toggle"
      aria-pressed={isShown}
      title="Show the values that are normal for each hour of the week"
      onClick={() => setParameters({ [PARAMETER]: isShown ? undefined : '1' })}
    >
      Normal values
    </button>
  );
}

export interface BandState {
  /** Undefined if it is hidden, not loaded, or unknown. */
  readonly band: ChartBand | undefined;
  /** What is known about the normal values, in words. Empty if they are hidden. */
  readonly text: string;
}

const HIDDEN: BandState = { band: undefined, text: '' };

/**
 * Loads the normal values of a series if the user wants to see them.
 *
 * @param aggregate undefined if the chart shows several series, or values without a band
 * @param query the filters of the series, beyond the range and the filters of the page
 */
export function useBand(
  aggregate: BandAggregate | undefined,
  query: Partial<Query<'bands'>>,
): BandState {
  const enabled = aggregate !== undefined && isBandShown();
  const { data, error } = useApi(
    'bands',
    { ...rangeQuery.value, ...query, ...(aggregate && { aggregate }) } as Query<'bands'>,
    { enabled },
  );
  const zone = toZoneName(zoneChoice.value);
  return useMemo(() => {
    if (!enabled) return HIDDEN;
    if (error) return { band: undefined, text: 'The normal values could not be loaded.' };
    if (!data) return { band: undefined, text: 'Loading the normal values …' };
    return { band: toChartBand(data), text: describeBand(data, zone) };
  }, [enabled, data, error, zone]);
}

function toChartBand({ points }: ApiResponse<'bands'>): ChartBand | undefined {
  if (points.length === 0) return undefined;
  return {
    times: points.map(({ at }) => Date.parse(at) / 1000),
    lower: points.map(({ lower }) => lower),
    upper: points.map(({ upper }) => upper),
  };
}

/** Says what the band was learned from and how often it was wrong, or why there is none. */
function describeBand(band: ApiResponse<'bands'>, zone: string): string {
  const { status, text, note, error, shiftedSince } = band;
  if (status !== 'ready') {
    const intro = status === 'learning' ? 'Still learning' : 'No normal values';
    return `${intro}: ${text}.`;
  }
  const parts = [`Shaded: normal values, ${text}.`];
  if (error) {
    const verb = error.outside === 1 ? 'was' : 'were';
    parts.push(
      `Of the last ${error.hours} hours, ${error.outside} ${verb} outside (${formatText(error.share, '%')}).`,
    );
  }
  if (shiftedSince)
    parts.push(`The level changed at ${formatDateTime(Date.parse(shiftedSince), zone)}.`);
  if (note) parts.push(`${note.charAt(0).toUpperCase()}${note.slice(1)}.`);
  return parts.join(' ');
}
