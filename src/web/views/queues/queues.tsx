import { useApi } from '../../api/queries.ts';
import { rangeQuery } from '../../api/range-query.ts';
import { isAllowed } from '../../api/session.ts';
import { getEarlierRange } from '../../data/earlier-range.ts';
import { isGrowing, type QueueRow, queueKey, sortQueues } from '../../data/queue-data.ts';
import { Card } from '../../design/card.tsx';
import { Stat } from '../../design/figure.tsx';
import { SearchableTable } from '../../design/searchable-table.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { tableHeight } from '../../design/table.tsx';
import { formatChange, formatPoints } from '../../format/quantities.ts';
import { globalFilters, linkTo } from '../../url/view-state.ts';
import { FindJob } from './find-job.tsx';
import { queueColumns } from './queue-columns.tsx';

const ROWS = 12;

/** Which queues grow, wait, or fail? */
export default function Queues() {
  const earlier = getEarlierRange();
  const { timeZone } = rangeQuery.value;
  const state = useApi('queues', rangeQuery.value);
  const before = useApi('queues', { ...earlier.query, timeZone, ...globalFilters.value });
  const scaling = useApi('scaling', {}, { enabled: isAllowed('readHosts') });
  const columns = queueColumns({
    before: new Map(before.data?.queues.map((row) => [queueKey(row), row])),
    note: earlier.note,
    // The column is always there, because a column that appears later moves the others.
    ...(isAllowed('readHosts') && { recommendations: scaling.data?.recommendations ?? [] }),
    hasScopes: new Set(state.data?.queues.map(({ scope }) => scope)).size > 1,
  });
  return (
    <>
      <QueueStats queues={state.data?.queues} before={before.data?.queues} note={earlier.note} />
      <Card title="Queues" note={<FindJob />}>
        <Loaded state={state} height={tableHeight(ROWS) + 39}>
          {({ queues }) => (
            <SearchableTable
              label="Queues"
              columns={columns}
              rows={sortQueues(queues)}
              rowKey={queueKey}
              searchText={({ queue, scope }) => `${queue} ${scope ?? ''}`}
              empty={
                <EmptyState title="No queues in this range">
                  Queues of measured libraries, such as BullMQ, and of consumers that send OTLP,
                  appear by themselves. <a href={linkTo('/setup')}>Set up a service</a>, choose a
                  longer range, or remove a filter.
                </EmptyState>
              }
            />
          )}
        </Loaded>
      </Card>
    </>
  );
}

interface QueueStatsProps {
  readonly queues: readonly QueueRow[] | undefined;
  readonly before: readonly QueueRow[] | undefined;
  readonly note: string;
}

/** Figures of all queues together. */
function QueueStats({ queues, before, note }: QueueStatsProps) {
  const now = queues && addUp(queues);
  const then = before && before.length > 0 ? addUp(before) : undefined;
  const oldest = queues?.toSorted((a, b) => (b.oldestAge ?? 0) - (a.oldestAge ?? 0))[0];
  const changeNote = then && note;
  return (
    <div class="stats">
      <Stat
        label="Waiting jobs"
        value={now?.waiting}
        href={linkTo('/queues', { sort: '-depth' })}
        higherIs="worse"
        change={formatChange(now?.waiting, then?.waiting)}
        changeNote={changeNote}
      />
      <Stat
        label="Oldest waiting job"
        value={oldest?.oldestAge}
        unit="ms"
        href={oldest && linkTo('/queue', { queue: oldest.queue, scope: oldest.scope })}
        changeNote={oldest?.oldestAge ? `in ${oldest.queue}` : 'no job waits'}
      />
      <Stat
        label="Growing queues"
        value={queues?.filter(isGrowing).length}
        isBad={queues?.some(isGrowing) ?? false}
        href={linkTo('/queues', { sort: '-arrival' })}
        changeNote={queues && `of ${queues.length}`}
      />
      <Stat
        label="Ended jobs"
        value={now?.rate}
        unit="/s"
        href={linkTo('/queues', { sort: '-completion' })}
        change={formatChange(now?.rate, then?.rate)}
        changeNote={changeNote}
      />
      <Stat
        label="Failed"
        value={now?.failureRate}
        unit="%"
        isBad={(now?.failureRate ?? 0) >= 5}
        href={linkTo('/queues', { sort: '-failed' })}
        higherIs="worse"
        change={formatPoints(now?.failureRate, then?.failureRate)}
        changeNote={changeNote}
      />
    </div>
  );
}

function addUp(queues: readonly QueueRow[]) {
  const sum = (value: (row: QueueRow) => number) =>
    queues.reduce((total, row) => total + value(row), 0);
  const ended = sum(({ completed, failed }) => completed + failed);
  return {
    waiting: sum(({ depth = 0 }) => depth),
    rate: sum(({ completionRate }) => completionRate),
    failureRate: ended === 0 ? undefined : (100 * sum(({ failed }) => failed)) / ended,
  };
}
