import { useMemo } from 'preact/hooks';
import { serverNow } from '../../api/server-clock.ts';
import { Card } from '../../design/card.tsx';
import { Badge, type Kind } from '../../design/controls.tsx';
import { Figure } from '../../design/figure.tsx';
import { SearchableTable } from '../../design/searchable-table.tsx';
import { EmptyState } from '../../design/states.tsx';
import type { Column } from '../../design/table.tsx';
import { formatCount, formatText } from '../../format/quantities.ts';
import { formatAge, formatDateTime, toZoneName } from '../../format/times.ts';
import { zoneChoice } from '../../url/view-state.ts';
import type { Storage } from './storage-data.ts';

type TableStorage = Storage['tables'][number];

const ROLLUP_KINDS: Readonly<Record<string, Kind>> = {
  valid: 'ok',
  invalid: 'critical',
  refreshing: 'accent',
};

/** Tables and roll-ups with their sizes, ages, and retention. Invalid roll-ups are first, then the largest tables. */
export function TableList({ tables }: { tables: readonly TableStorage[] }) {
  const rollups = tables.filter(({ rollup }) => rollup).length;
  // Sizes change all the time. Rows that change places would be hard to read.
  const places = useMemo(() => toPlaces(tables), [tables.length]);
  return (
    <Card
      title="Tables and roll-ups"
      note={`${formatCount(tables.length - rollups, 'table')}, ${formatCount(rollups, 'roll-up')}`}
    >
      <SearchableTable
        label="Tables"
        rows={tables.toSorted((a, b) => places.indexOf(a.name) - places.indexOf(b.name))}
        rowKey={({ name }) => name}
        searchText={({ name }) => name}
        columns={columns()}
        empty={
          <EmptyState title="There are no tables">
            Restart the server. It creates its tables when it starts.
          </EmptyState>
        }
      />
    </Card>
  );
}

/** Returns the names of invalid roll-ups, and then of all tables, the largest ones first. */
function toPlaces(tables: readonly TableStorage[]): string[] {
  const isInvalid = ({ rollup }: TableStorage) => Number(rollup?.status === 'invalid');
  return tables
    .toSorted((a, b) => isInvalid(b) - isInvalid(a) || b.bytes - a.bytes)
    .map(({ name }) => name);
}

function columns(): Column<TableStorage>[] {
  const zone = toZoneName(zoneChoice.value);
  const age = (time: string | undefined) =>
    time === undefined ? (
      <span class="faint">–</span>
    ) : (
      <span title={formatDateTime(Date.parse(time), zone, true)}>
        {formatAge(Date.parse(time), serverNow())}
      </span>
    );
  return [
    {
      id: 'name',
      header: 'Table',
      isWide: true,
      sortBy: ({ name }) => name,
      cell: ({ name }) => (
        <span class="mono name truncate" style={{ display: 'block' }} title={name}>
          {name}
        </span>
      ),
    },
    {
      id: 'rows',
      header: 'Rows',
      align: 'right',
      sortBy: ({ rows }) => rows,
      cell: ({ rows }) => <Figure value={rows} />,
    },
    {
      id: 'bytes',
      header: 'Size',
      align: 'right',
      sortBy: ({ bytes }) => bytes,
      cell: ({ bytes }) => <Figure value={bytes} unit="By" />,
    },
    {
      id: 'growth',
      header: 'Per day',
      align: 'right',
      isOptional: true,
      sortBy: ({ bytesPerDay }) => bytesPerDay,
      cell: ({ bytesPerDay, rowsPerDay }) => (
        <span
          title={rowsPerDay === undefined ? undefined : `${formatText(rowsPerDay)} rows per day`}
        >
          {bytesPerDay === undefined ? <span class="faint">–</span> : formatText(bytesPerDay, 'By')}
        </span>
      ),
    },
    {
      id: 'oldest',
      header: 'Oldest row',
      align: 'right',
      isOptional: true,
      sortBy: ({ oldest }) => oldest && Date.parse(oldest),
      cell: ({ oldest }) => age(oldest),
    },
    {
      id: 'newest',
      header: 'Newest row',
      align: 'right',
      isOptional: true,
      sortBy: ({ newest }) => newest && Date.parse(newest),
      cell: ({ newest }) => age(newest),
    },
    {
      id: 'retention',
      header: 'Kept for',
      align: 'right',
      sortBy: ({ retention }) => retention,
      cell: ({ retention }) => formatRetention(retention),
    },
    {
      id: 'rollup',
      header: 'Roll-up',
      isOptional: true,
      sortBy: ({ rollup }) => rollup?.status,
      cell: ({ rollup }) =>
        rollup ? (
          <span title={rollup.reason}>
            <Badge kind={ROLLUP_KINDS[rollup.status]}>{rollup.status}</Badge>
            {rollup.behind > 0 && (
              <span class="muted" title="Transactions that the roll-up does not contain yet">
                {' '}
                {formatText(rollup.behind)} behind
              </span>
            )}
          </span>
        ) : (
          <span class="faint">–</span>
        ),
    },
  ];
}

/** For example `30 days` for `30 DAY`. */
function formatRetention(retention: string | undefined) {
  const [, count, unit] = /^(\d+) (\w+)$/.exec(retention ?? '') ?? [];
  if (!count || !unit) return <span class="faint">forever</span>;
  return `${count} ${unit.toLowerCase()}${count === '1' ? '' : 's'}`;
}
