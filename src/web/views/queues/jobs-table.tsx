import { useState } from 'preact/hooks';
import type { ApiResponse, Query } from '../../../client/api-types.ts';
import { useApi } from '../../api/queries.ts';
import { tenantQuery } from '../../api/range-query.ts';
import { serverNow } from '../../api/server-clock.ts';
import { type Job, jobKind, jobLink } from '../../data/queue-data.ts';
import { Card } from '../../design/card.tsx';
import { Badge, Tabs } from '../../design/controls.tsx';
import { Figure } from '../../design/figure.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { type Column, Table, tableHeight } from '../../design/table.tsx';
import { formatText } from '../../format/quantities.ts';
import { formatAge, formatDateTime, toZoneName } from '../../format/times.ts';
import { getParameter, linkTo, linkWith, setParameters, zoneChoice } from '../../url/view-state.ts';
import type { QueueName } from './queue-charts.tsx';

type Status = NonNullable<Query<'jobs'>['status']>[number];

const ROWS = 15;
const PAGE = 100;
const MAX_JOBS = 1000;
const STATUSES: readonly Status[] = [
  'waiting',
  'active',
  'failed',
  'stalled',
  'delayed',
  'prioritized',
  'waiting-children',
  'completed',
];

/** The jobs whose state changed last, optionally only those with a state or an ID. */
export function JobsTable({ queue, scope }: QueueName) {
  const status = STATUSES.find((name) => name === getParameter('status'));
  const jobId = getParameter('jobId');
  const [limit, setLimit] = useState(PAGE);
  const state = useApi('jobs', {
    ...tenantQuery.value,
    queue: [queue],
    ...(scope && { scope: [scope] }),
    ...(status && { status: [status] }),
    ...(jobId && { jobId: [jobId] }),
    limit,
  });
  return (
    <Card title="Jobs" note="the latest change first">
      <Tabs
        label="State of the jobs"
        current={status ?? 'all'}
        tabs={[
          { id: 'all', label: 'All', href: linkWith({ status: undefined }) },
          ...STATUSES.map((id) => ({ id, label: capitalize(id), href: linkWith({ status: id }) })),
        ]}
      />
      <input
        class="input"
        type="search"
        style={{ maxWidth: '320px', margin: '10px 0 8px' }}
        placeholder="Exact ID of a job"
        aria-label="Exact ID of a job"
        maxLength={512}
        value={jobId ?? ''}
        onChange={(event) =>
          setParameters({ jobId: event.currentTarget.value.trim() }, { replace: true })
        }
      />
      <Loaded state={state} height={tableHeight(ROWS)}>
        {(data) => (
          <>
            <Table
              label="Jobs"
              sortParameter="jobSort"
              rows={data.jobs}
              {...(data.jobs.length > ROWS && { visibleRows: ROWS })}
              rowKey={({ jobId: id, changedAt, scope: jobScope }) =>
                `${id} ${jobScope} ${changedAt}`
              }
              columns={columns()}
              empty={<NoJobs status={status} jobId={jobId} />}
            />
            <More data={data} limit={limit} onMore={() => setLimit(MAX_JOBS)} />
          </>
        )}
      </Loaded>
    </Card>
  );
}

function capitalize(text: string): string {
  return text[0]!.toUpperCase() + text.slice(1);
}

function More({
  data,
  limit,
  onMore,
}: {
  data: ApiResponse<'jobs'>;
  limit: number;
  onMore: () => void;
}) {
  if (data.nextCursor === undefined) return null;
  return (
    <p class="muted" style={{ marginTop: '8px' }}>
      The latest {formatText(data.jobs.length)} jobs of this range.{' '}
      {limit < MAX_JOBS ? (
        <button type="button" class="button" onClick={onMore}>
          Show up to {formatText(MAX_JOBS)}
        </button>
      ) : (
        'Choose a shorter range, a state, or an ID to see others.'
      )}
    </p>
  );
}

function NoJobs({ status, jobId }: { status: Status | undefined; jobId: string | undefined }) {
  if (jobId) {
    return (
      <EmptyState title="No job with this ID changed in this range">
        <a href={linkTo('/job', { job: jobId })}>Look for it in all queues and at any time</a>.
      </EmptyState>
    );
  }
  return (
    <EmptyState title={status ? `No job is ${status} in this range` : 'No jobs in this range'}>
      {status ? (
        <>
          The list contains jobs whose state changed in this range.{' '}
          <a href={linkWith({ status: undefined })}>Show all states</a>, or choose a longer range.
        </>
      ) : (
        'Choose a longer range, or remove a filter.'
      )}
    </EmptyState>
  );
}

function columns(): Column<Job>[] {
  const zone = toZoneName(zoneChoice.value);
  return [
    {
      id: 'job',
      header: 'Job',
      isWide: true,
      sortBy: ({ jobId }) => jobId,
      cell: (job) => (
        <span class="cell">
          <a class="mono name" href={jobLink(job)} title={job.jobId}>
            {job.jobId}
          </a>
          {job.jobType && <span class="faint truncate name">{job.jobType}</span>}
        </span>
      ),
    },
    {
      id: 'status',
      header: 'State',
      sortBy: ({ status }) => status,
      cell: ({ status = 'unknown' }) => <Badge kind={jobKind(status)}>{status}</Badge>,
    },
    {
      id: 'changed',
      header: 'Changed',
      align: 'right',
      sortBy: ({ changedAt }) => Date.parse(changedAt),
      cell: ({ changedAt }) => (
        <span title={formatDateTime(Date.parse(changedAt), zone, true)}>
          {formatAge(Date.parse(changedAt), serverNow())}
        </span>
      ),
    },
    {
      id: 'wait',
      header: 'Waited',
      align: 'right',
      sortBy: ({ waitTime }) => waitTime,
      cell: ({ waitTime }) => <Figure value={waitTime} unit="ms" />,
    },
    {
      id: 'duration',
      header: 'Processing',
      align: 'right',
      sortBy: ({ duration }) => duration,
      cell: ({ duration }) => <Figure value={duration} unit="ms" />,
    },
    {
      id: 'attempts',
      header: 'Attempts',
      align: 'right',
      isOptional: true,
      sortBy: ({ attempts }) => attempts,
      cell: ({ attempts, maxAttempts }) => (
        <span>
          {formatText(attempts)}
          {maxAttempts !== undefined && <span class="faint"> of {formatText(maxAttempts)}</span>}
        </span>
      ),
    },
    {
      id: 'tenant',
      header: 'Tenant',
      isOptional: true,
      sortBy: ({ organizationId }) => organizationId,
      cell: ({ organizationId, propertyId }) =>
        organizationId ? (
          <a
            href={linkTo('/tenants', { tenant: organizationId })}
            title={`${organizationId} ${propertyId ?? ''}`}
          >
            <span class="name truncate" style={{ display: 'block', maxWidth: '160px' }}>
              {organizationId}
            </span>
          </a>
        ) : (
          <span class="faint">–</span>
        ),
    },
    {
      id: 'error',
      header: 'Error',
      isWide: true,
      isOptional: true,
      cell: ({ errorMessage }) => (
        <span class="truncate name" style={{ display: 'block' }} title={errorMessage}>
          {errorMessage ?? ''}
        </span>
      ),
    },
  ];
}
