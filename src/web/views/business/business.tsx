import { useMarks } from '../../data/marks.ts';
import { Card } from '../../design/card.tsx';
import { Stat } from '../../design/figure.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { LEGEND_HEIGHT, TimeChart } from '../../design/time-chart.tsx';
import { formatChange } from '../../format/quantities.ts';
import { formatComparison, nameComparison } from '../../url/time-range.ts';
import { comparison, linkTo } from '../../url/view-state.ts';
import { lastOf, type Totals, useTotals } from './business-totals.ts';
import { LatencyImpact } from './latency-impact.tsx';
import { OwnMetrics } from './own-metrics.tsx';

const HEIGHT = 190;

/** How much business do the services carry: users, reservations, and the application's own metrics? */
export default function Business() {
  const users = useTotals('ACTIVE_USERS', 'users');
  const reservations = useTotals('ONGOING_RESERVATIONS', 'reservations');
  return (
    <>
      <div class="stats">
        <TotalStat label="Active users" totals={users} metricType="ACTIVE_USERS" />
        <TotalStat
          label="Ongoing reservations"
          totals={reservations}
          metricType="ONGOING_RESERVATIONS"
        />
      </div>
      <TotalChart
        title="Active users"
        totals={users}
        empty="Services report their users with recordMetric and the type ACTIVE_USERS."
      />
      <TotalChart
        title="Ongoing reservations"
        totals={reservations}
        empty="Services report their reservations with recordMetric and the type ONGOING_RESERVATIONS."
      />
      <LatencyImpact />
      <OwnMetrics />
    </>
  );
}

interface TotalStatProps {
  readonly label: string;
  readonly totals: Totals;
  readonly metricType: string;
}

/** The newest total, compared with the same time of the earlier period. */
function TotalStat({ label, totals, metricType }: TotalStatProps) {
  const { values = [], compared } = totals.chart?.series[0] ?? {};
  const { value, index } = lastOf(values);
  const earlier = compared?.[index] ?? undefined;
  const name = comparison.value ?? 'previous';
  return (
    <Stat
      label={label}
      value={value}
      href={linkTo('/explore', { metricType })}
      change={formatChange(value, earlier)}
      changeNote={earlier === undefined ? 'latest value' : formatComparison(name)}
      values={values}
    />
  );
}

function TotalChart({ title, totals, empty }: { title: string; totals: Totals; empty: string }) {
  const marks = useMarks();
  const compare = comparison.value;
  const earlier = nameComparison(compare);
  const { omitted = 0 } = totals;
  const note =
    omitted > 0
      ? `without ${omitted} properties`
      : earlier
        ? `dashed: ${earlier}`
        : 'all properties';
  return (
    <Card title={title} note={note} span={6}>
      <Loaded state={totals.state} height={HEIGHT + LEGEND_HEIGHT}>
        {() => {
          const { chart } = totals;
          if (!chart || chart.times.length === 0) {
            return (
              <EmptyState title="No values in this range">
                {empty} Choose a longer range, or remove a filter.
              </EmptyState>
            );
          }
          const series = compare
            ? chart.series
            : chart.series.map(({ compared: _, ...item }) => item);
          return (
            <TimeChart
              label={title}
              {...chart}
              series={series}
              unit="1"
              height={HEIGHT}
              kind="area"
              marks={marks}
            />
          );
        }}
      </Loaded>
    </Card>
  );
}
