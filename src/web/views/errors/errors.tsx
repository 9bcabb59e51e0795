import { useApi } from '../../api/queries.ts';
import { rangeQuery } from '../../api/range-query.ts';
import { serverNow } from '../../api/server-clock.ts';
import { chooseStep } from '../../data/chart-step.ts';
import { FilterMenu } from '../../data/filter-menu.tsx';
import { Card } from '../../design/card.tsx';
import { InlineCode, Tabs } from '../../design/controls.tsx';
import { Figure, Sparkline } from '../../design/figure.tsx';
import { SearchableTable } from '../../design/searchable-table.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { type Column, tableHeight } from '../../design/table.tsx';
import { formatCount, formatText } from '../../format/quantities.ts';
import { formatAge, formatDateTime, toZoneName } from '../../format/times.ts';
import { getParameter, getParameters, linkTo, linkWith, zoneChoice } from '../../url/view-state.ts';
import { ErrorDetails } from './error-details.tsx';
import {
  ERROR_KINDS,
  type ErrorGroup,
  errorTitle,
  isErrorKind,
  kindLabel,
  placeLink,
  placeName,
} from './error-names.ts';

const ROWS = 15;
const SEARCH_HEIGHT = 39;
const LIMIT = 500;
const SPARKLINE_BUCKETS = 60;

/** Which errors happen, how often, and since when? With a fingerprint: where, for whom, and why? */
export default function Errors() {
  const fingerprint = getParameter('fingerprint');
  return fingerprint === undefined ? <ErrorList /> : <ErrorDetails fingerprint={fingerprint} />;
}

function ErrorList() {
  const services = getParameters('service');
  const endpoints = getParameters('endpoint');
  const kind = getParameter('kind');
  const state = useApi('errors', {
    ...rangeQuery.value,
    ...(services.length > 0 && { service: services }),
    ...(endpoints.length > 0 && { endpoint: endpoints }),
    ...(isErrorKind(kind) && { kind: [kind] }),
    step: chooseStep(SPARKLINE_BUCKETS),
    sort: 'count',
    limit: LIMIT,
  });
  return (
    <>
      <div class="buttons">
        <FilterMenu dimension="service" label="Service" />
        {endpoints.length > 0 && (
          <a class="button" href={linkWith({ endpoint: undefined })}>
            <span class="label">Endpoint</span> <b class="name">{endpoints.join(', ')}</b>
            <span class="visually-hidden">Remove the filter</span>
            <span aria-hidden="true">×</span>
          </a>
        )}
      </div>
      <Card title="Errors" note={state.data && describeCount(state.data)}>
        <Tabs
          label="Kinds of errors"
          current={isErrorKind(kind) ? kind : 'all'}
          tabs={[
            { id: 'all', label: 'All', href: linkWith({ kind: undefined }) },
            ...ERROR_KINDS.map(([id, label]) => ({ id, label, href: linkWith({ kind: id }) })),
          ]}
        />
        <div style={{ height: '10px' }} />
        <Loaded state={state} height={tableHeight(ROWS) + SEARCH_HEIGHT}>
          {({ errors }) => (
            <SearchableTable<ErrorGroup>
              label="Errors"
              columns={errorColumns()}
              rows={errors}
              searchText={(error) =>
                [error.service, error.kind, errorTitle(error), placeName(error), error.fingerprint]
                  .filter(Boolean)
                  .join(' ')
              }
              rowKey={(error) => error.fingerprint}
              empty={
                <EmptyState title="No errors in this range">
                  Uncaught errors, requests with a 5xx status, failed jobs and connections, and
                  critical alerts appear here. To look further back, choose a longer range.
                </EmptyState>
              }
            />
          )}
        </Loaded>
      </Card>
    </>
  );
}

function describeCount({ errors, nextCursor }: { errors: unknown[]; nextCursor?: string }) {
  return nextCursor
    ? `the ${formatText(errors.length)} most frequent errors`
    : `${formatCount(errors.length, 'different error')}, most frequent first`;
}

function errorColumns(): Column<ErrorGroup>[] {
  const href = ({ fingerprint }: ErrorGroup) => linkTo('/errors', { fingerprint });
  return [
    {
      id: 'error',
      header: 'Error',
      isWide: true,
      sortBy: errorTitle,
      cell: (error) => (
        <span class="cell">
          <a class="name" href={href(error)} title={errorTitle(error)}>
            <InlineCode text={errorTitle(error)} />
          </a>
        </span>
      ),
    },
    {
      id: 'place',
      header: 'Where',
      isWide: true,
      isOptional: true,
      sortBy: placeName,
      cell: (error) => (
        <span class="cell">
          <Place error={error} />
        </span>
      ),
    },
    {
      id: 'service',
      header: 'Service',
      isOptional: true,
      sortBy: ({ service }) => service,
      cell: ({ service }) =>
        service && (
          <a class="name" href={linkTo('/service', { service })}>
            {service}
          </a>
        ),
    },
    {
      id: 'kind',
      header: 'Kind',
      isOptional: true,
      sortBy: ({ kind }) => kindLabel(kind),
      cell: ({ kind, level }) => (
        <span class={level === 'fatal' ? 'critical' : 'muted'}>
          {level === 'fatal' ? `fatal, ${kind}` : kind}
        </span>
      ),
    },
    {
      id: 'points',
      header: 'Occurrences',
      align: 'right',
      isOptional: true,
      cell: ({ points = [] }) => <Sparkline values={points} color="--critical" />,
    },
    {
      id: 'count',
      header: 'Count',
      align: 'right',
      sortBy: ({ count }) => count,
      cell: (error) => <Figure value={error.count} href={href(error)} />,
    },
    {
      id: 'firstSeen',
      header: 'First seen',
      align: 'right',
      isOptional: true,
      sortBy: ({ firstSeen }) => Date.parse(firstSeen),
      cell: ({ firstSeen }) => <Age at={firstSeen} />,
    },
    {
      id: 'lastSeen',
      header: 'Last seen',
      align: 'right',
      sortBy: ({ lastSeen }) => Date.parse(lastSeen),
      cell: ({ lastSeen }) => <Age at={lastSeen} />,
    },
  ];
}

/** The place of an error, with a link if it has its own view. */
export function Place({ error }: { error: ErrorGroup }) {
  const name = placeName(error);
  const href = placeLink(error);
  if (name === undefined) return <span class="faint">–</span>;
  return href ? (
    <a class="mono name" href={href} title={name}>
      {name}
    </a>
  ) : (
    <span class="mono name" title={name}>
      {name}
    </span>
  );
}

function Age({ at }: { at: string }) {
  const ms = Date.parse(at);
  return (
    <time dateTime={at} title={formatDateTime(ms, toZoneName(zoneChoice.value), true)}>
      {formatAge(ms, serverNow())}
    </time>
  );
}
