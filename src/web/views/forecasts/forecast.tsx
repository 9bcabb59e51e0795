import type { ApiResponse } from '../../../client/api-types.ts';
import { useRequest } from '../../api/queries.ts';
import { serverNow } from '../../api/server-clock.ts';
import { client } from '../../api/session.ts';
import { Card } from '../../design/card.tsx';
import { Badge } from '../../design/controls.tsx';
import { Figure } from '../../design/figure.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { type Column, Table } from '../../design/table.tsx';
import { LEGEND_HEIGHT, TimeChart } from '../../design/time-chart.tsx';
import { formatText } from '../../format/quantities.ts';
import { formatCoarse, formatDateTime, toZoneName } from '../../format/times.ts';
import { useHeading } from '../../shell/use-heading.ts';
import type { ViewParameters } from '../../url/location.ts';
import { linkTo, zoneChoice } from '../../url/view-state.ts';
import {
  describeInterval,
  describeLimit,
  describeMethod,
  describeStatus,
  type Forecast,
  statusKind,
  toUnit,
} from './forecast-words.ts';

type Details = ApiResponse<'forecast'>;
type HorizonError = Forecast['errors'][number];

const CHART_HEIGHT = 280;
const FACTS_HEIGHT = 240;
/** Dragging a range zooms only this chart's page, so it has no effect here. */
const ignoreSelection = () => {};

/** When does this subject reach its limit, and how exact were such forecasts in the past? */
export default function ForecastView({ parameters: { id = '' } }: { parameters: ViewParameters }) {
  const state = useRequest(['forecast', id], () => client.value.forecast(id), { isLive: true });
  useHeading({
    title: state.data?.forecast.subject ?? 'Forecast',
    crumbs: [{ label: 'Forecasts', href: linkTo('/forecasts') }],
  });
  return (
    <>
      <Card
        title="Values and forecast"
        note={state.data && `limit: ${describeLimit(state.data.forecast)}`}
      >
        <Loaded state={state} height={CHART_HEIGHT + LEGEND_HEIGHT}>
          {(details) => <ForecastChart {...details} />}
        </Loaded>
      </Card>
      <Card title="Evidence" span={6}>
        <Loaded state={state} height={FACTS_HEIGHT}>
          {({ forecast }) => <Facts forecast={forecast} />}
        </Loaded>
      </Card>
      <Card title="Errors of past forecasts" span={6}>
        <Loaded state={state} height={FACTS_HEIGHT}>
          {({ forecast }) => <Errors forecast={forecast} />}
        </Loaded>
      </Card>
    </>
  );
}

/** Measured values, the forecast with its interval, and the limit. */
function ForecastChart({ forecast, history, points }: Details) {
  const start = history[0];
  const last = history.at(-1);
  if (!start || !last) {
    return <EmptyState title="No values">{forecast.reason}</EmptyState>;
  }
  const all = [...history, ...points];
  const none = history.map(() => null);
  // The forecast starts at the last measured value, so that the lines are connected.
  const toForecast = (edge: 'value' | 'lower' | 'upper') => [
    ...none.slice(1),
    last.value,
    ...points.map((point) => point[edge]),
  ];
  const series = [
    {
      label: 'measured',
      values: [...history.map(({ value }) => value), ...points.map(() => null)],
      color: '--series-1',
    },
    ...(points.length > 0
      ? [
          { label: 'forecast', values: toForecast('value'), color: '--series-2' },
          { label: '80 % from', values: toForecast('lower'), color: '--series-3' },
          { label: '80 % to', values: toForecast('upper'), color: '--series-3' },
        ]
      : []),
  ];
  const { limit } = forecast;
  return (
    <div style={{ minHeight: `${CHART_HEIGHT + LEGEND_HEIGHT}px` }}>
      <TimeChart
        label={`Values and forecast of ${forecast.subject}`}
        times={all.map(({ at }) => Date.parse(at) / 1000)}
        series={series}
        unit={toUnit(forecast)}
        fromMs={Date.parse(start.at)}
        toMs={Date.parse(all.at(-1)!.at)}
        height={CHART_HEIGHT}
        thresholds={limit === undefined ? [] : [{ value: limit, label: 'limit', kind: 'critical' }]}
        onSelect={ignoreSelection}
      />
    </div>
  );
}

function Facts({ forecast }: { forecast: Forecast }) {
  const { value, limit, limitReason, slopePerDay, learnedFrom, learnedTo, count, reason } =
    forecast;
  const { spikes = 0, drops = 0, alert } = forecast;
  const unit = toUnit(forecast);
  const zone = toZoneName(zoneChoice.value);
  const toTime = (at: string) => formatDateTime(Date.parse(at), zone);
  const interval = describeInterval(forecast, serverNow());
  return (
    <dl class="facts">
      <dt>Status</dt>
      <dd>
        <Badge kind={statusKind(forecast)}>{describeStatus(forecast)}</Badge>
        {reason !== undefined && <span class="muted"> {reason}</span>}
      </dd>
      <dt>Now</dt>
      <dd>
        <Figure value={value} unit={unit} />
      </dd>
      <dt>Limit</dt>
      <dd>
        <Figure value={limit} unit={unit} />
        {limitReason !== undefined && <span class="muted"> {limitReason}</span>}
      </dd>
      <dt>Reached</dt>
      <dd>
        {describeLimit(forecast)}
        {interval !== undefined && <span class="muted">, 80 % interval: {interval}</span>}
      </dd>
      <dt>Growth</dt>
      <dd>
        <Figure value={slopePerDay} unit={unit} /> per day
      </dd>
      <dt>Learned from</dt>
      <dd>
        {learnedFrom !== undefined && learnedTo !== undefined
          ? `${toTime(learnedFrom)} to ${toTime(learnedTo)}, ${formatText(count)} values`
          : '–'}
      </dd>
      <dt>Ignored spikes</dt>
      <dd>{formatText(spikes)}</dd>
      <dt>Drops</dt>
      <dd>{drops === 0 ? 'none' : `${formatText(drops)} clean-ups or restarts`}</dd>
      <dt>Method</dt>
      <dd>{describeMethod(forecast) || '–'}</dd>
      <dt>Alert</dt>
      <dd>
        {alert ? (
          <a href={linkTo(`/alerts/${encodeURIComponent(alert.id)}`)}>
            {alert.rule}, {alert.severity}
          </a>
        ) : (
          <span class="faint">none</span>
        )}
      </dd>
    </dl>
  );
}

/** Median absolute errors, next to those of naive forecasts. */
function Errors({ forecast }: { forecast: Forecast }) {
  const unit = toUnit(forecast);
  const columns: readonly Column<HorizonError>[] = [
    { id: 'horizon', header: 'Ahead', cell: ({ horizon }) => formatCoarse(horizon) },
    {
      id: 'error',
      header: 'Forecast',
      align: 'right',
      cell: ({ error }) => <Figure value={error} unit={unit} />,
    },
    {
      id: 'naive',
      header: 'Last value',
      align: 'right',
      cell: ({ naive }) => <Figure value={naive} unit={unit} />,
    },
    {
      id: 'seasonalNaive',
      header: 'Last day or week',
      align: 'right',
      isOptional: true,
      cell: ({ seasonalNaive }) => <Figure value={seasonalNaive} unit={unit} />,
    },
    {
      id: 'forecasts',
      header: 'Tests',
      align: 'right',
      isOptional: true,
      cell: ({ forecasts }) => <Figure value={forecasts} />,
    },
  ];
  if (forecast.errors.length === 0) {
    return <EmptyState title="Not tested yet">{forecast.reason}</EmptyState>;
  }
  return (
    <>
      <Table
        label="Errors of past forecasts"
        columns={columns}
        rows={forecast.errors}
        rowKey={({ horizon }) => String(horizon)}
      />
      <p class="small muted">
        Median absolute errors of forecasts from earlier times, compared with the values that
        followed.
      </p>
    </>
  );
}
