import { useMemo } from 'preact/hooks';
import type { Query } from '../../client/api-types.ts';
import { useApi } from '../api/queries.ts';
import { rangeQuery } from '../api/range-query.ts';
import { Card, type CardProps } from '../design/card.tsx';
import { Heatmap, type Selection } from '../design/heatmap.tsx';
import { EmptyState, Loaded } from '../design/states.tsx';
import { LEGEND_HEIGHT } from '../design/time-chart.tsx';
import { parseDuration, toFixedRange } from '../url/time-range.ts';
import { setRange } from '../url/view-state.ts';

export interface DistributionChartProps extends Pick<CardProps, 'span'> {
  readonly title: string;
  /** Parameters of `/distribution`, beyond the range and the filters of the page. */
  readonly query: Partial<Query<'distribution'>>;
  /** Plural of what is measured, such as `requests`. */
  readonly noun: string;
  readonly selection?: Selection | undefined;
  /** Says what a dragged rectangle does. Default: it sets the range of the page. */
  readonly hint?: string;
  readonly onSelect?: (selection: Selection) => void;
}

const CHART_HEIGHT = 190;

/** A card with a heatmap of durations. */
export function DistributionChart(props: DistributionChartProps) {
  const { title, query, noun, selection, hint = 'Drag to zoom', span = 4 } = props;
  const state = useApi('distribution', { ...rangeQuery.value, ...query });
  const distribution = useMemo(
    () =>
      state.data && {
        timesMs: state.data.times.map((time) => Date.parse(time)),
        uppers: state.data.uppers,
        cells: state.data.cells as [number, number, number, number][],
      },
    [state.data],
  );
  const select = props.onSelect ?? (({ fromMs, toMs }) => setRange(toFixedRange(fromMs, toMs)));
  return (
    <Card title={title} note={props.onSelect && 'drag to select'} span={span}>
      <Loaded state={state} height={CHART_HEIGHT + LEGEND_HEIGHT}>
        {(data) =>
          data.cells.length === 0 || !distribution ? (
            <EmptyState title={`No ${noun} in this range`}>
              Choose a longer range, or remove a filter.
            </EmptyState>
          ) : (
            <Heatmap
              label={title}
              distribution={distribution}
              unit="ms"
              noun={noun}
              hint={hint}
              fromMs={Date.parse(data.from)}
              toMs={Date.parse(data.to)}
              stepMs={parseDuration(data.step) ?? 60_000}
              selection={selection}
              onSelect={select}
            />
          )
        }
      </Loaded>
    </Card>
  );
}
