import {
  findRecommendation,
  isGrowing,
  type QueueRow,
  queueKey,
  type Recommendation,
  toReadableRate,
} from '../../data/queue-data.ts';
import { Dot, type Kind } from '../../design/controls.tsx';
import { ChangeText, Figure } from '../../design/figure.tsx';
import type { Column } from '../../design/table.tsx';
import { formatChange, formatText } from '../../format/quantities.ts';
import { linkTo } from '../../url/view-state.ts';

export interface QueueColumnOptions {
  /** Figures of the period to compare with, by the result of `queueKey`. */
  readonly before: ReadonlyMap<string, QueueRow>;
  /** For example `vs yesterday`. */
  readonly note: string;
  readonly recommendations?: readonly Recommendation[];
  /** Whether the queues are in several scopes. */
  readonly hasScopes: boolean;
}

const BAD_FAILURE_RATE = 5;

/** Columns of a table of queues. */
export function queueColumns(options: QueueColumnOptions): Column<QueueRow>[] {
  const { before, note, recommendations, hasScopes } = options;
  const href = ({ queue, scope }: QueueRow, changes = {}) =>
    linkTo('/queue', { queue, scope, ...changes });
  return [
    {
      id: 'queue',
      header: 'Queue',
      isWide: true,
      sortBy: ({ queue }) => queue,
      cell: (row) => (
        <span class="cell">
          <Dot {...toStatus(row)} />
          <a class="name" href={href(row)} title={row.queue}>
            {row.queue}
          </a>
          {hasScopes && <span class="faint truncate">{row.scope}</span>}
        </span>
      ),
    },
    {
      id: 'depth',
      header: 'Waiting',
      align: 'right',
      sortBy: ({ depth }) => depth,
      cell: (row) => <Figure value={row.depth} href={href(row, { status: 'waiting' })} />,
    },
    {
      id: 'oldest',
      header: 'Oldest job',
      align: 'right',
      sortBy: ({ oldestAge }) => oldestAge,
      cell: (row) => (
        <Figure value={row.depth === 0 ? undefined : row.oldestAge} unit="ms" href={href(row)} />
      ),
    },
    {
      id: 'arrival',
      header: 'Arrived',
      align: 'right',
      sortBy: ({ arrivalRate }) => arrivalRate,
      cell: ({ arrivalRate }) => <Figure {...toReadableRate(arrivalRate)} />,
    },
    {
      id: 'completion',
      header: 'Ended',
      align: 'right',
      sortBy: ({ completionRate }) => completionRate,
      cell: (row) => (
        <>
          <Figure {...toReadableRate(row.completionRate)} />
          {isGrowing(row) && <span class="worse"> too few</span>}
        </>
      ),
    },
    {
      id: 'drain',
      header: 'Empty in',
      align: 'right',
      sortBy: drainTime,
      cell: (row) => <DrainTime row={row} />,
    },
    {
      id: 'failed',
      header: 'Failed',
      align: 'right',
      sortBy: ({ failureRate }) => failureRate,
      cell: (row) => (
        <Figure
          value={row.failureRate}
          unit="%"
          isBad={(row.failureRate ?? 0) >= BAD_FAILURE_RATE}
          href={href(row, { status: 'failed' })}
        />
      ),
    },
    {
      id: 'processing',
      header: 'Processing',
      align: 'right',
      isOptional: true,
      sortBy: ({ processingTime }) => processingTime,
      cell: ({ processingTime }) => <Figure value={processingTime} unit="ms" />,
    },
    {
      id: 'change',
      header: note,
      align: 'right',
      isOptional: true,
      cell: (row) => (
        <ChangeText
          change={formatChange(row.processingTime, before.get(queueKey(row))?.processingTime)}
          higherIs="worse"
        />
      ),
    },
    {
      id: 'workers',
      header: 'Workers',
      align: 'right',
      isOptional: true,
      sortBy: ({ workers }) => workers,
      cell: (row) => (
        <Figure value={row.workers} isBad={row.workers === 0 && (row.depth ?? 0) > 0} />
      ),
    },
    ...(recommendations
      ? [
          {
            id: 'desired',
            header: 'Recommended',
            align: 'right' as const,
            isOptional: true,
            sortBy: (row: QueueRow) => findRecommendation(recommendations, row)?.desired,
            cell: (row: QueueRow) => <Recommended row={row} recommendations={recommendations} />,
          },
        ]
      : []),
  ];
}

/** Workers that a queue needs. Emphasized if they differ from the connected ones. */
function Recommended({
  row,
  recommendations,
}: {
  row: QueueRow;
  recommendations: readonly Recommendation[];
}) {
  const found = findRecommendation(recommendations, row);
  if (!found) return <span class="faint">–</span>;
  const { desired, reason } = found;
  const missing = row.workers === undefined ? 0 : desired - row.workers;
  return (
    <a href={linkTo('/queue', { queue: row.queue, scope: row.scope })} title={reason}>
      {formatText(desired)}
      {missing > 0 && <span class="worse"> (+{missing})</span>}
    </a>
  );
}

function DrainTime({ row }: { row: QueueRow }) {
  if (row.depth === 0) return <span class="faint">is empty</span>;
  if (row.depth === undefined) return <span class="faint">–</span>;
  if (row.timeToDrain === undefined) return <span class="worse">never</span>;
  return <Figure value={row.timeToDrain} unit="ms" />;
}

/** Queues that don't shrink are last in ascending order. */
function drainTime({ depth, timeToDrain }: QueueRow): number | undefined {
  if (depth === undefined) return undefined;
  return depth === 0 ? 0 : (timeToDrain ?? Number.MAX_VALUE);
}

function toStatus(row: QueueRow): { kind: Kind; label: string } {
  if (isGrowing(row)) return { kind: 'critical', label: 'More jobs arrive than end' };
  if ((row.failureRate ?? 0) >= BAD_FAILURE_RATE)
    return { kind: 'warning', label: 'Many jobs fail' };
  return { kind: 'ok', label: 'The queue does not grow' };
}
