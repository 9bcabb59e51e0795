import { useApi } from '../../api/queries.ts';
import { serverNow } from '../../api/server-clock.ts';
import { Card } from '../../design/card.tsx';
import { Badge } from '../../design/controls.tsx';
import { Figure } from '../../design/figure.tsx';
import { SearchableTable } from '../../design/searchable-table.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { type Column, tableHeight } from '../../design/table.tsx';
import { formatCount } from '../../format/quantities.ts';
import { linkTo } from '../../url/view-state.ts';
import {
  describeInterval,
  describeLimit,
  describeStatus,
  type Forecast,
  forecastLink,
  isShown,
  statusKind,
  toUnit,
} from './forecast-words.ts';

const ROWS = 12;

/** Which disks, pools, queues, and budgets reach their limits, and when? */
export default function Forecasts() {
  const state = useApi('forecasts', {}, { isLive: true });
  const all = state.data?.forecasts ?? [];
  const shown = all.filter(isShown);
  const others = all.filter((forecast) => !isShown(forecast));
  return (
    <>
      <Card title="Forecasts" note={state.data && formatCount(shown.length, 'forecast')}>
        <Loaded state={state} height={tableHeight(ROWS) + 39}>
          {({ updatedAt, problem }) => (
            <>
              {problem !== undefined && <p class="critical">{problem}</p>}
              <SearchableTable
                label="Forecasts"
                columns={COLUMNS}
                rows={shown}
                rowKey={({ id }) => id}
                searchText={toSearchText}
                empty={<NoForecasts isLoading={updatedAt === undefined} />}
              />
            </>
          )}
        </Loaded>
      </Card>
      {others.length > 0 && (
        <Card title="Without a forecast" note={formatCount(others.length, 'subject')}>
          <p class="muted small">
            A forecast is shown only if it was more exact in the past than repeating the last value,
            day, or week.
          </p>
          <SearchableTable
            label="Without a forecast"
            columns={OTHER_COLUMNS}
            rows={others}
            rowKey={({ id }) => id}
            searchText={toSearchText}
          />
        </Card>
      )}
    </>
  );
}

function NoForecasts({ isLoading }: { isLoading: boolean }) {
  return isLoading ? (
    <EmptyState title="Reading stored measurements">
      The server computes the first forecasts after its start. This can take a minute.
    </EmptyState>
  ) : (
    <EmptyState title="No forecasts yet">
      A forecast needs two days of values, or half a day for pools and queues.
    </EmptyState>
  );
}

function toSearchText({ subject, kind, status, labels }: Forecast): string {
  return [subject, kind, status, ...Object.values(labels)].join(' ');
}

const SUBJECT: Column<Forecast> = {
  id: 'subject',
  header: 'Subject',
  isWide: true,
  sortBy: ({ subject }) => subject,
  cell: ({ id, subject }) => (
    <a class="name truncate" href={forecastLink(id)}>
      {subject}
    </a>
  ),
};
const VALUE: Column<Forecast> = {
  id: 'value',
  header: 'Now',
  align: 'right',
  sortBy: ({ value }) => value,
  cell: (forecast) => <Figure value={forecast.value} unit={toUnit(forecast)} />,
};

const COLUMNS: readonly Column<Forecast>[] = [
  {
    id: 'status',
    header: 'Status',
    isOptional: true,
    sortBy: ({ status }) => status,
    cell: (forecast) => <Badge kind={statusKind(forecast)}>{describeStatus(forecast)}</Badge>,
  },
  SUBJECT,
  VALUE,
  {
    id: 'limit',
    header: 'Limit',
    align: 'right',
    isOptional: true,
    sortBy: ({ limit }) => limit,
    cell: (forecast) => <Figure value={forecast.limit} unit={toUnit(forecast)} />,
  },
  {
    id: 'slope',
    header: 'Per day',
    align: 'right',
    isOptional: true,
    sortBy: ({ slopePerDay }) => slopePerDay,
    cell: (forecast) => <Figure value={forecast.slopePerDay} unit={toUnit(forecast)} />,
  },
  {
    id: 'time',
    header: 'Reaches the limit',
    sortBy: ({ timeToLimit = Number.MAX_SAFE_INTEGER }) => timeToLimit,
    cell: (forecast) => (
      <span class="two-lines">
        <strong>{describeLimit(forecast)}</strong>
        <span class="small muted">{describeInterval(forecast, serverNow())}</span>
      </span>
    ),
  },
  {
    id: 'error',
    header: 'Error (naive)',
    align: 'right',
    isOptional: true,
    sortBy: ({ errors }) => errors.at(-1)?.error,
    cell: (forecast) => {
      const last = forecast.errors.at(-1);
      return last === undefined ? (
        <span class="faint">–</span>
      ) : (
        <>
          <Figure value={last.error} unit={toUnit(forecast)} /> (
          <Figure value={last.naive} unit={toUnit(forecast)} />)
        </>
      );
    },
  },
  {
    id: 'alert',
    header: 'Alert',
    isOptional: true,
    sortBy: ({ alert }) => alert?.severity,
    cell: ({ alert }) =>
      alert ? (
        <a href={linkTo(`/alerts/${encodeURIComponent(alert.id)}`)}>{alert.severity}</a>
      ) : (
        <span class="faint">none</span>
      ),
  },
];

const OTHER_COLUMNS: readonly Column<Forecast>[] = [
  { ...SUBJECT, isWide: false },
  VALUE,
  {
    id: 'reason',
    header: 'Reason',
    isWide: true,
    sortBy: ({ reason }) => reason,
    cell: ({ reason }) => <span class="muted">{reason}</span>,
  },
];
