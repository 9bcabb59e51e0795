import { useApi } from '../../api/queries.ts';
import { Stat } from '../../design/figure.tsx';
import { ErrorState, Skeleton } from '../../design/states.tsx';
import { formatText } from '../../format/quantities.ts';
import { HealthCard } from './health-card.tsx';
import { countDropped, getDaysLeft, type Storage } from './storage-data.ts';
import { TableList } from './table-list.tsx';

const HEIGHT = 420;
const DAY_MS = 86_400_000;

/** Is everything stored, for how long, and how much space does it need? */
export default function StorageView() {
  const state = useApi('storage', {});
  const { data, error } = state;
  return (
    <>
      <HealthCard storage={data} />
      {error && !data && <ErrorState error={error} />}
      {!error && !data && <Skeleton height={HEIGHT} />}
      {data && (
        <>
          <StorageStats storage={data} />
          <TableList tables={data.tables} />
          <p class="muted small">
            <span class="name">
              Data folder: <code>{data.dataDir}</code>
            </span>
            . {data.isEmbedded ? 'Embedded' : 'External'} QuestDB
            {data.questdbVersion && ` ${data.questdbVersion}`}. To keep rows longer or shorter, set{' '}
            <code>PERFORMANCE_RETENTION_DAYS</code> and restart the server.
          </p>
        </>
      )}
    </>
  );
}

const MAX_DAYS = 3650;

function StorageStats({ storage }: { storage: Storage }) {
  const { disk, tables, walLagMs, writes } = storage;
  const bytes = tables.reduce((sum, table) => sum + table.bytes, 0);
  const growth = tables.reduce((sum, { bytesPerDay = 0 }) => sum + bytesPerDay, 0);
  const daysLeft = getDaysLeft(storage);
  return (
    <div class="stats">
      <Stat
        label="Free disk space"
        value={disk?.freeBytes}
        unit="By"
        isBad={disk !== undefined && disk.freeBytes < (disk.minFreeBytes ?? 0)}
        changeNote={
          disk &&
          `of ${formatText(disk.totalBytes, 'By')}${
            daysLeft !== undefined && daysLeft < MAX_DAYS
              ? `, full in ${formatText(daysLeft * DAY_MS, 'ms')}`
              : ''
          }`
        }
      />
      <Stat
        label="Stored data"
        value={bytes}
        unit="By"
        changeNote={
          growth > 0
            ? `+${formatText(growth, 'By')} per day before retention`
            : 'growth is not known yet'
        }
      />
      <Stat
        label="Write delay"
        value={walLagMs}
        unit="ms"
        isBad={walLagMs > 60_000}
        changeNote="until rows are readable"
      />
      <Stat
        label="Rows in the spool"
        value={writes?.waitingRows}
        isBad={(writes?.lagMs ?? 0) > 60_000}
        changeNote={
          writes &&
          `${formatText(writes.waitingBytes, 'By')}, oldest: ${formatText(writes.lagMs ?? 0, 'ms')}`
        }
      />
      <Stat
        label="Dropped rows"
        value={writes && countDropped(storage)}
        isBad={countDropped(storage) > 0}
        changeNote={`of ${formatText(writes?.recordedRows ?? 0)} since the start`}
      />
    </div>
  );
}
