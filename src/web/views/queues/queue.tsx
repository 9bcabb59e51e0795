import { useApi } from '../../api/queries.ts';
import { rangeQuery } from '../../api/range-query.ts';
import { getEarlierRange } from '../../data/earlier-range.ts';
import { isGrowing, type QueueRow } from '../../data/queue-data.ts';
import { Stat } from '../../design/figure.tsx';
import { EmptyState } from '../../design/states.tsx';
import { formatChange, formatPoints } from '../../format/quantities.ts';
import { useHeading } from '../../shell/use-heading.ts';
import { getParameter, globalFilters, linkTo, linkWith } from '../../url/view-state.ts';
import { JobsTable } from './jobs-table.tsx';
import { QueueCharts } from './queue-charts.tsx';
import { QueueScaling } from './queue-scaling.tsx';
import { DepthByState, TenantShares } from './queue-shares.tsx';

const BAD_FAILURE_RATE = 5;

/** Does this queue grow, wait, or fail? Whose jobs fill it, and how many workers does it need? */
export default function Queue() {
  const queue = getParameter('queue') ?? '';
  const scope = getParameter('scope');
  useHeading({ title: queue || 'Queue', crumbs: [{ label: 'Queues', href: linkTo('/queues') }] });
  const filter = { queue: [queue], ...(scope && { scope: [scope] }) };
  const earlier = getEarlierRange();
  const { timeZone } = rangeQuery.value;
  const isKnown = queue !== '';
  const state = useApi('queues', { ...rangeQuery.value, ...filter }, { enabled: isKnown });
  const before = useApi(
    'queues',
    { ...earlier.query, timeZone, ...globalFilters.value, ...filter },
    { enabled: isKnown },
  );
  if (!isKnown) {
    return (
      <EmptyState title="The link does not name a queue">
        <a href={linkTo('/queues')}>Choose a queue from the list</a>.
      </EmptyState>
    );
  }
  return (
    <>
      <QueueStats row={state.data?.queues[0]} before={before.data?.queues[0]} note={earlier.note} />
      <QueueCharts queue={queue} scope={scope} />
      <DepthByState state={state} />
      <TenantShares state={state} />
      <QueueScaling queue={queue} scope={scope} />
      <JobsTable queue={queue} scope={scope} />
    </>
  );
}

interface QueueStatsProps {
  readonly row: QueueRow | undefined;
  readonly before: QueueRow | undefined;
  readonly note: string;
}

function QueueStats({ row, before, note }: QueueStatsProps) {
  const worse = { higherIs: 'worse', changeNote: before && note } as const;
  const jobs = (status: string) => linkWith({ status });
  return (
    <div class="stats">
      <Stat
        {...worse}
        label="Waiting"
        value={row?.depth}
        href={jobs('waiting')}
        change={formatChange(row?.depth, before?.depth)}
      />
      <Stat
        {...worse}
        label="Oldest waiting job"
        value={row?.depth === 0 ? undefined : row?.oldestAge}
        unit="ms"
        href={jobs('waiting')}
        change={row?.depth === 0 ? undefined : formatChange(row?.oldestAge, before?.oldestAge)}
        changeNote={row?.depth === 0 ? 'no job waits' : undefined}
      />
      <Stat
        label="Empty in"
        value={row?.depth === undefined ? undefined : row.depth === 0 ? 0 : row.timeToDrain}
        unit="ms"
        isBad={row !== undefined && isGrowing(row)}
        changeNote={row && describeDrain(row)}
      />
      <Stat
        {...worse}
        label="Failed"
        value={row?.failureRate}
        unit="%"
        href={jobs('failed')}
        isBad={(row?.failureRate ?? 0) >= BAD_FAILURE_RATE}
        change={formatPoints(row?.failureRate, before?.failureRate)}
      />
      <Stat
        {...worse}
        label="Mean wait"
        value={row?.waitTime}
        unit="ms"
        change={formatChange(row?.waitTime, before?.waitTime)}
      />
      <Stat
        {...worse}
        label="Mean processing"
        value={row?.processingTime}
        unit="ms"
        change={formatChange(row?.processingTime, before?.processingTime)}
      />
    </div>
  );
}

function describeDrain(row: QueueRow): string {
  if (row.depth === undefined) return 'the depth is unknown';
  if (row.depth === 0) return 'the queue is empty';
  if (row.timeToDrain !== undefined) return 'at the rates of this range';
  return isGrowing(row) ? 'it grows: more jobs arrive than end' : 'it does not shrink';
}
