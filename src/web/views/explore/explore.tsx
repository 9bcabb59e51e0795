import { useRef } from 'preact/hooks';
import { useApi } from '../../api/queries.ts';
import { rangeQuery } from '../../api/range-query.ts';
import { BandToggle, useBand } from '../../data/band.tsx';
import { useMarks } from '../../data/marks.ts';
import { formatGroup } from '../../data/names.ts';
import { type AggregateName, toChartData } from '../../data/trend-data.ts';
import { Card } from '../../design/card.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { LEGEND_HEIGHT, TimeChart } from '../../design/time-chart.tsx';
import { formatText, type Unit } from '../../format/quantities.ts';
import { comparison } from '../../url/view-state.ts';
import { METRIC_NAMES } from '../alerts/rule-words.ts';
import { Downloads } from './downloads.tsx';
import {
  aggregateLabel,
  aggregateUnit,
  type ExploreState,
  findBandAggregate,
  readState,
  toBandQuery,
  toTrendsQuery,
} from './query.ts';
import { QueryCard } from './query-card.tsx';
import { Results } from './results.tsx';

const HEIGHT = 280;

/** How does any metric develop, and how do I get these values elsewhere? */
export default function Explore() {
  const state = readState();
  const catalog = useApi('catalog', { ...rangeQuery.value, limit: 1000 });
  const query = {
    ...toTrendsQuery(state),
    ...(comparison.value && { compare: comparison.value }),
  };
  const trends = useApi('trends', query);
  const marks = useMarks(state.filters.find(([name]) => name === 'service')?.[1]);
  const bandAggregate = findBandAggregate(state);
  const { band, text } = useBand(bandAggregate, toBandQuery(state));
  const charts = useRef<HTMLDivElement>(null);
  const unit = findUnit(state, catalog.data?.metrics);
  const title = describeState(state);
  const units = groupByUnit(state.aggregates, unit);
  return (
    <>
      <QueryCard state={state} metrics={catalog.data?.metrics ?? []} />
      <Card
        title={title}
        note={
          <span class="chart-tools">
            {bandAggregate && <BandToggle />}
            <Downloads {...{ query, title, charts, trends: trends.data, state, unit }} />
          </span>
        }
      >
        <Loaded state={trends} height={units.length * (HEIGHT + LEGEND_HEIGHT)}>
          {(data) =>
            data.series.every(({ points }) => points.length === 0) ? (
              <EmptyState title="No values in this range">
                Choose another metric or a longer range, or remove a filter.
              </EmptyState>
            ) : (
              <div ref={charts} class="charts">
                {units.map(([chartUnit, aggregates]) => (
                  <TimeChart
                    key={chartUnit}
                    label={title}
                    {...toChartData(data, aggregates, (group, aggregate) =>
                      nameSeries(state, group, aggregate),
                    )}
                    unit={chartUnit}
                    kind={state.kind}
                    height={HEIGHT}
                    marks={marks}
                    band={band}
                  />
                ))}
                {text && <p class="faint small">{text}</p>}
                {data.omittedSeries > 0 && (
                  <p class="faint small">
                    {formatText(data.omittedSeries)} more groups with fewer measurements are not
                    shown. Add a filter to see them.
                  </p>
                )}
                {data.notes?.map((note) => (
                  <p key={note} class="faint small">
                    {note}
                  </p>
                ))}
              </div>
            )
          }
        </Loaded>
      </Card>
      <Results {...{ state, query, unit }} trends={trends} />
    </>
  );
}

/** The unit of a metric, as it was stored last. */
function findUnit(
  { metricType, name }: ExploreState,
  metrics: readonly { metricType: string; name?: string; unit?: string }[] = [],
): Unit {
  const found = metrics.find(
    (metric) => metric.metricType === metricType && (!name || metric.name === name),
  );
  return found?.unit ?? '1';
}

/** Aggregates with the same unit share a chart. */
function groupByUnit(
  aggregates: readonly AggregateName[],
  metricUnit: Unit,
): [Unit, AggregateName[]][] {
  const units = new Map<Unit, AggregateName[]>();
  for (const aggregate of aggregates) {
    const unit = aggregateUnit(aggregate, metricUnit);
    // Counts and Apdex have no unit, but different sizes.
    const key = aggregate === 'apdex' ? `${unit} ` : unit;
    units.set(key, [...(units.get(key) ?? []), aggregate]);
  }
  return [...units].map(([key, list]) => [key.trim(), list]);
}

function nameSeries(
  { groupBy, aggregates }: ExploreState,
  group: Parameters<typeof formatGroup>[0],
  aggregate: AggregateName,
): string {
  if (groupBy.length === 0) return aggregateLabel(aggregate);
  const name = formatGroup(group, groupBy);
  return aggregates.length > 1 ? `${name} · ${aggregateLabel(aggregate)}` : name;
}

/** For example `p95 of response time of requests, by service`. */
function describeState({ metricType, name, aggregates, groupBy }: ExploreState): string {
  const metric = name ?? METRIC_NAMES[metricType] ?? metricType;
  const what = `${aggregates.map(aggregateLabel).join(', ')} of ${metric}`;
  const by = groupBy.length > 0 ? `, by ${groupBy.join(', ')}` : '';
  return what.charAt(0).toUpperCase() + what.slice(1) + by;
}
