import type { ApiResponse } from '../../../client/api-types.ts';
import { useRequest } from '../../api/queries.ts';
import { serverNow } from '../../api/server-clock.ts';
import { client } from '../../api/session.ts';
import { LabelLinks } from '../../data/alert-names.tsx';
import { Dialog } from '../../design/controls.tsx';
import { Figure } from '../../design/figure.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { LEGEND_HEIGHT, TimeChart } from '../../design/time-chart.tsx';
import { formatText } from '../../format/quantities.ts';
import { formatDateTime, toZoneName } from '../../format/times.ts';
import { linkTo, setParameters, zoneChoice } from '../../url/view-state.ts';
import { BudgetBar } from './budget-bar.tsx';
import { describeExhaustion, describeObjective, FAST_LIMIT } from './objective-words.ts';

type History = ApiResponse<'objective'>['history'][number];

const HISTORY = { last: '7d' };
const CHART_HEIGHT = 200;
const toKey = (labels: Readonly<Record<string, string>>) => JSON.stringify(labels);

/** One group of an objective, with the history of its budget. */
export function ObjectiveDrawer({ name, group: key }: { name: string; group: string }) {
  const state = useRequest(
    ['objectives', 'one', name],
    () => client.value.objective(name, HISTORY),
    { isLive: true },
  );
  const close = () => setParameters({ objective: undefined, group: undefined });
  return (
    <Dialog kind="drawer" title={name} onClose={close}>
      <Loaded state={state} height={500}>
        {({ objective, history, historyFrom, from, to }) => {
          const group = objective.groups.find(({ labels }) => toKey(labels) === key);
          if (!group) return <EmptyState title="This group has no events in the period" />;
          const { burnRates, good, total, achieved, eventsRemaining } = group;
          const points = history.find(({ labels }) => toKey(labels) === key)?.points ?? [];
          return (
            <div class="form">
              <p>{objective.description ?? describeObjective(objective)}</p>
              <p class="small">
                <LabelLinks labels={group.labels} metricType={objective.metricType ?? ''} />
              </p>
              <dl class="facts">
                <dt>Target</dt>
                <dd>{describeObjective({ ...objective, ...group })}</dd>
                <dt>Achieved</dt>
                <dd>
                  <Figure value={achieved} unit="%" /> ({formatText(good)} of {formatText(total)}{' '}
                  events)
                </dd>
                <dt>Budget</dt>
                <dd>
                  <BudgetBar group={group} />
                </dd>
                <dt>Can still fail</dt>
                <dd>
                  {eventsRemaining !== undefined && eventsRemaining < 0
                    ? `nothing: ${formatText(-eventsRemaining)} more events failed than allowed`
                    : `${formatText(eventsRemaining)} events`}
                </dd>
                <dt>Runs out</dt>
                <dd>{describeExhaustion(group, serverNow())}</dd>
                <dt>Burn rates</dt>
                <dd>
                  fast <Figure value={burnRates.fast} unit="x" />, medium{' '}
                  <Figure value={burnRates.medium} unit="x" />, slow{' '}
                  <Figure value={burnRates.slow} unit="x" />
                </dd>
                <dt>Alerts</dt>
                <dd>
                  {group.alerts > 0 ? (
                    <a href={linkTo('/alerts', {})}>{formatText(group.alerts)} firing</a>
                  ) : (
                    <span class="faint">none</span>
                  )}
                </dd>
              </dl>
              {historyFrom !== undefined && (
                <p class="small muted">
                  This objective has many groups, so the charts start at{' '}
                  {formatDateTime(Date.parse(historyFrom), toZoneName(zoneChoice.value))}.
                </p>
              )}
              <HistoryCharts points={points} fromMs={Date.parse(from)} toMs={Date.parse(to)} />
            </div>
          );
        }}
      </Loaded>
    </Dialog>
  );
}

/** The recorded budgets and burn rates of the last days. */
function HistoryCharts({
  points,
  fromMs,
  toMs,
}: {
  points: History['points'];
  fromMs: number;
  toMs: number;
}) {
  if (points.length === 0) {
    return (
      <EmptyState title="No history yet">The server records budgets every 5 minutes.</EmptyState>
    );
  }
  const common = {
    times: points.map(({ at }) => Date.parse(at) / 1000),
    fromMs,
    toMs,
    height: CHART_HEIGHT,
  };
  return (
    <>
      <h3>Remaining budget</h3>
      <div style={{ minHeight: `${CHART_HEIGHT + LEGEND_HEIGHT}px` }}>
        <TimeChart
          {...common}
          label="Remaining error budget"
          unit="%"
          series={[
            {
              label: 'remaining',
              values: points.map(({ budgetRemaining }) => budgetRemaining ?? null),
              color: '--series-1',
            },
          ]}
          thresholds={[{ value: 0, label: 'exhausted', kind: 'critical' }]}
        />
      </div>
      <h3>Burn rates</h3>
      <div style={{ minHeight: `${CHART_HEIGHT + LEGEND_HEIGHT}px` }}>
        <TimeChart
          {...common}
          label="Burn rates"
          unit="x"
          series={(['fast', 'medium', 'slow'] as const).map((speed, i) => ({
            label: speed,
            values: points.map(({ burnRates }) => burnRates[speed] ?? null),
            color: `--series-${i + 1}`,
          }))}
          thresholds={[{ value: FAST_LIMIT, label: 'fast alert', kind: 'critical' }]}
        />
      </div>
    </>
  );
}
