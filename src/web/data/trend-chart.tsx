import type { Query } from '../../client/api-types.ts';
import { useApi } from '../api/queries.ts';
import { comparedQuery } from '../api/range-query.ts';
import { Card, type CardProps } from '../design/card.tsx';
import type { ChartKind, Threshold } from '../design/chart-options.ts';
import { EmptyState, Loaded } from '../design/states.tsx';
import { LEGEND_HEIGHT, TimeChart } from '../design/time-chart.tsx';
import type { Unit } from '../format/quantities.ts';
import { nameComparison } from '../url/time-range.ts';
import { comparison } from '../url/view-state.ts';
import { type BandAggregate, BandToggle, useBand } from './band.tsx';
import { useMarks } from './marks.ts';
import { type AggregateName, type ChartData, toChartData } from './trend-data.ts';

export interface TrendChartProps extends Pick<CardProps, 'span' | 'class'> {
  readonly title: string;
  readonly note?: string;
  /** Location with more about the values. */
  readonly href?: string;
  readonly unit: Unit;
  /** Parameters of `/trends`, beyond the range and the filters of the page. */
  readonly query: Partial<Query<'trends'>>;
  readonly aggregates: readonly AggregateName[];
  /** Aggregates to load. Charts that load the same ones share a request. @default `aggregates` */
  readonly loaded?: readonly AggregateName[];
  /** Name of a series. Default: the name of the aggregate. */
  readonly name?: Parameters<typeof toChartData>[2];
  readonly kind?: ChartKind;
  readonly height?: number;
  readonly thresholds?: readonly Threshold[];
  /** The aggregate whose normal values the user can show. */
  readonly band?: BandAggregate;
  /** Says why there are no values, and what to do next. */
  readonly empty?: string;
  /** Changes the values, for example from a fraction to percent. */
  readonly transform?: (data: ChartData) => ChartData;
  /** Whether to draw the period to compare with. @default true */
  readonly isCompared?: boolean;
  /** Whether the filters of tenants apply. Metrics of hosts and processes belong to no tenant. @default true */
  readonly hasTenants?: boolean;
}

const NO_TENANT = { organizationId: undefined, propertyId: undefined };

const DEFAULT_HEIGHT = 180;

/** The parameters of `/trends` that select rows, and that `/bands` has too. */
function pickFilters(query: TrendChartProps['query']): Partial<Query<'bands'>> {
  const { metricType, service, endpoint, operation, organizationId, step, name } = query;
  const filters = { metricType, service, endpoint, operation, organizationId, step, name };
  return Object.fromEntries(
    Object.entries(filters).filter(([, value]) => value !== undefined),
  ) as Partial<Query<'bands'>>;
}

/** A card with a chart of `/trends` in the range of the page. */
export function TrendChart(props: TrendChartProps) {
  const { title, unit, query, aggregates, height = DEFAULT_HEIGHT, isCompared = true } = props;
  const { compare, ...base } = comparedQuery.value as typeof comparedQuery.value & {
    compare?: 'previous';
  };
  const state = useApi('trends', {
    ...base,
    ...(isCompared && compare && { compare }),
    ...(props.hasTenants === false && NO_TENANT),
    ...query,
    aggregate: [...(props.loaded ?? aggregates)],
  } as Query<'trends'>);
  // The chart is drawn without marks first.
  const marks = useMarks(query.service, { enabled: !state.isLoading });
  const { band, text } = useBand(props.band, pickFilters(query));
  const earlier = nameComparison(comparison.value);
  const words = isCompared && earlier ? `dashed: ${earlier}` : props.note;
  const note = props.band ? (
    <>
      {words} <BandToggle />
    </>
  ) : (
    words
  );
  return (
    <Card
      title={
        props.href ? (
          <a class="name" href={props.href}>
            {title}
          </a>
        ) : (
          title
        )
      }
      note={note}
      {...(props.span && { span: props.span })}
      {...(props.class && { class: props.class })}
    >
      <Loaded state={state} height={height + LEGEND_HEIGHT}>
        {(trends) => {
          const name = props.name ?? ((_group, aggregate) => aggregate);
          const unchanged = toChartData(trends, aggregates, name);
          const data = props.transform ? props.transform(unchanged) : unchanged;
          if (data.times.length === 0) {
            return (
              <EmptyState title="No values in this range">
                {props.empty ?? 'Choose a longer range, or remove a filter.'}
              </EmptyState>
            );
          }
          return (
            <TimeChart
              label={title}
              {...data}
              unit={unit}
              height={height}
              kind={props.kind ?? 'line'}
              marks={marks}
              band={band}
              {...(props.thresholds && { thresholds: props.thresholds })}
            />
          );
        }}
      </Loaded>
      {text && <p class="faint small">{text}</p>}
    </Card>
  );
}
