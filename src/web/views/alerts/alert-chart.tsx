import { useMemo } from 'preact/hooks';
import type { ApiResponse } from '../../../client/api-types.ts';
import { useApi, useRequest } from '../../api/queries.ts';
import { serverNow } from '../../api/server-clock.ts';
import { client } from '../../api/session.ts';
import { type Alert, severityKind } from '../../data/alert-names.tsx';
import { Card } from '../../design/card.tsx';
import type { ChartMark, Threshold } from '../../design/chart-options.ts';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { LEGEND_HEIGHT, TimeChart } from '../../design/time-chart.tsx';
import { formatText } from '../../format/quantities.ts';
import { toZoneName } from '../../format/times.ts';
import { parseDuration, toBounds } from '../../url/time-range.ts';
import { linkWith, range, zoneChoice } from '../../url/view-state.ts';

type Series = ApiResponse<'alertSeries'>;

const HEIGHT = 240;

/** The value of an alert against its thresholds, from an hour before it started. Dragging zooms. */
export function AlertChart({ id, alert }: { id: string; alert: Alert | undefined }) {
  const zoomed = getZoom(alert);
  const query = { ...zoomed, timeZone: toZoneName(zoneChoice.value) };
  const state = useRequest(['alertSeries', id, query], () => client.value.alertSeries(id, query), {
    enabled: alert !== undefined,
    isLive: zoomed === undefined,
  });
  const isActive = alert !== undefined && alert.state !== 'resolved';
  const marks = useAlertMarks(state.data, isActive, alert);
  return (
    <Card
      title="Value over time"
      note={
        zoomed ? (
          <a href={linkWith({ from: undefined, to: undefined })}>Show the whole alert</a>
        ) : (
          'from an hour before the start'
        )
      }
    >
      <Loaded state={state} height={HEIGHT + LEGEND_HEIGHT}>
        {(series) =>
          series.points.some(({ value }) => value !== undefined) ? (
            <>
              <TimeChart
                label="Value of the alert"
                {...toChart(series)}
                unit={series.unit ?? '1'}
                kind="area"
                height={HEIGHT}
                thresholds={toThresholds(series)}
                marks={marks}
              />
              {series.note && <p class="faint small">{series.note}</p>}
            </>
          ) : (
            <EmptyState title="No values in this range">
              {series.note ??
                'The rule had no values for this alert at that time. See the history for the values at each change.'}
            </EmptyState>
          )
        }
      </Loaded>
    </Card>
  );
}

/** The fixed range of the page, if it is within the alert's life. Otherwise, the chart shows the whole alert. */
function getZoom(alert: Alert | undefined): { from: string; to: string } | undefined {
  const value = range.value;
  if (!alert || !('from' in value)) return undefined;
  const { fromMs, toMs } = toBounds(value, serverNow());
  const end = alert.state === 'resolved' ? Date.parse(alert.changedAt) : serverNow();
  const overlaps = fromMs < end + 3_600_000 && toMs > Date.parse(alert.startedAt) - 3_600_000;
  return overlaps ? value : undefined;
}

/** Aligns the points to the steps, so that missing values are gaps. */
function toChart(series: Series) {
  const stepMs = (series.step && parseDuration(series.step)) || undefined;
  const known = new Map(series.points.map(({ at, value }) => [Date.parse(at), value]));
  const times = [...known.keys()].sort((a, b) => a - b);
  const filled: number[] = [];
  for (const time of times) {
    const last = filled.at(-1);
    if (stepMs && last !== undefined && time - last > 1.5 * stepMs) filled.push(last + stepMs);
    filled.push(time);
  }
  return {
    times: filled.map((ms) => ms / 1000),
    series: [
      { label: 'value', values: filled.map((ms) => known.get(ms) ?? null), color: '--series-1' },
    ],
    fromMs: Date.parse(series.from),
    toMs: Date.parse(series.to),
  };
}

function toThresholds({ thresholds, unit = '1', direction }: Series): Threshold[] {
  return thresholds.map(({ severity, threshold }) => ({
    value: threshold,
    label: `${severity} ${direction === 'below' ? '<' : '>'} ${formatText(threshold, unit)}`,
    kind: severityKind(severity),
  }));
}

const STATE_MARKS = ['firing', 'acknowledged', 'resolved'];

/** The changes of the alert, and restarts and new versions of its service. */
function useAlertMarks(
  series: Series | undefined,
  isActive: boolean,
  alert: Alert | undefined,
): readonly ChartMark[] {
  const service = alert?.labels.service;
  const { data } = useApi(
    'marks',
    {
      from: series?.from,
      ...(!isActive && { to: series?.to }),
      ...(service && { service: [service] }),
    },
    { enabled: series !== undefined, isLive: isActive },
  );
  return useMemo(() => {
    const own = (series?.transitions ?? [])
      .filter(({ state }) => STATE_MARKS.includes(state))
      .map(({ at, state, severity }): ChartMark => {
        const text = state === 'firing' ? `firing (${severity})` : state;
        return { atMs: Date.parse(at), kind: 'alert', text };
      });
    const others = (data?.marks ?? [])
      .filter(({ kind }) => kind !== 'alert')
      .map(({ at, kind, text }): ChartMark => ({ atMs: Date.parse(at), kind, text }));
    return [...own, ...others];
  }, [series?.transitions, data]);
}
