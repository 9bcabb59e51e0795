import type { ApiResponse } from '../../../client/api-types.ts';
import { serverNow } from '../../api/server-clock.ts';
import { isAllowed } from '../../api/session.ts';
import { jobKind } from '../../data/queue-data.ts';
import { Card } from '../../design/card.tsx';
import { Badge, CodeBlock } from '../../design/controls.tsx';
import { Stat } from '../../design/figure.tsx';
import { type Column, Table } from '../../design/table.tsx';
import { formatText } from '../../format/quantities.ts';
import { formatClockMs, formatDateTime, toZoneName } from '../../format/times.ts';
import { linkTo, zoneChoice } from '../../url/view-state.ts';

export type JobHistory = ApiResponse<'job'>['jobs'][number];
type JobChange = JobHistory['history'][number];

/** A state of a job from its start to the next change. */
interface Phase {
  readonly change: JobChange;
  readonly startMs: number;
  readonly lengthMs: number;
  /** Whether the job is still in this state. */
  readonly isCurrent: boolean;
}

const ERROR_COLUMN: Column<Phase> = {
  id: 'error',
  header: 'Error',
  isWide: true,
  isOptional: true,
  cell: ({ change: { errorMessage } }) => (
    <span class="truncate name" style={{ display: 'block' }} title={errorMessage}>
      {errorMessage ?? ''}
    </span>
  ),
};
const ENDED = ['completed', 'failed'];
const COLORS: Readonly<Record<string, string>> = {
  delayed: '--series-4',
  waiting: '--series-1',
  prioritized: '--series-1',
  'waiting-children': '--series-7',
  active: '--series-3',
  stalled: '--series-2',
  completed: '--ok',
  failed: '--critical',
};

/** The figures, the timeline, and the errors of a job. */
export function JobDetails({ job }: { job: JobHistory }) {
  const phases = toPhases(job);
  const {
    status = 'unknown',
    waitTime,
    duration,
    attempts,
    maxAttempts,
    createdAt,
    finishedAt,
  } = job;
  const startMs = Date.parse(createdAt ?? job.history[0]?.at ?? job.changedAt);
  const endMs = finishedAt ? Date.parse(finishedAt) : serverNow();
  return (
    <>
      <div class="stats">
        <section class="card stat">
          <header style={{ gridColumn: '1 / -1' }}>
            <h2>State</h2>
          </header>
          <div>
            <div class={`value ${status === 'failed' ? 'critical' : ''}`}>{status}</div>
            <div class="change">
              {formatDateTime(Date.parse(job.changedAt), toZoneName(zoneChoice.value), true)}
            </div>
          </div>
        </section>
        <Stat label="Waited" value={waitTime} unit="ms" changeNote="before the last attempt" />
        <Stat label="Processing" value={duration} unit="ms" changeNote="last attempt" />
        <Stat
          label="Attempts"
          value={attempts}
          changeNote={maxAttempts === undefined ? '' : `of at most ${maxAttempts}`}
        />
        <Stat
          label={finishedAt ? 'Total' : 'Age'}
          value={Math.max(0, endMs - startMs)}
          unit="ms"
          changeNote="since it was added"
        />
      </div>
      <Timeline phases={phases} />
      <Failure job={job} />
      <Facts job={job} />
    </>
  );
}

function toPhases({ history }: JobHistory): Phase[] {
  return history.map((change, index) => {
    const startMs = Date.parse(change.at);
    const next = history[index + 1];
    const isCurrent = next === undefined && !ENDED.includes(change.status ?? '');
    const endMs = next ? Date.parse(next.at) : isCurrent ? serverNow() : startMs;
    return { change, startMs, lengthMs: Math.max(0, endMs - startMs), isCurrent };
  });
}

function Timeline({ phases }: { phases: readonly Phase[] }) {
  const zone = toZoneName(zoneChoice.value);
  const first = phases[0]?.startMs ?? 0;
  const total = Math.max(1, ...phases.map(({ startMs, lengthMs }) => startMs + lengthMs - first));
  const hasHosts = isAllowed('readHosts');
  const color = ({ status = '' }: JobChange) => COLORS[status] ?? '--series-6';
  return (
    <Card title="Timeline" note={`${phases.length} state changes in ${formatText(total, 'ms')}`}>
      <Table
        label="State changes"
        rows={phases}
        rowKey={({ change, startMs }) => `${startMs} ${change.status}`}
        columns={[
          {
            id: 'time',
            header: 'Time',
            align: 'left',
            cell: ({ startMs }) => (
              <span title={formatDateTime(startMs, zone, true)}>
                {formatClockMs(startMs, zone)}
              </span>
            ),
          },
          {
            id: 'state',
            header: 'State',
            cell: ({ change }) => (
              <span class="cell">
                <i class="swatch" style={{ '--color': `var(${color(change)})`, margin: 0 }} />
                {describeChange(change, change === phases[0]?.change)}
              </span>
            ),
          },
          {
            id: 'length',
            header: 'For',
            align: 'right',
            cell: ({ change, lengthMs, isCurrent }) =>
              ENDED.includes(change.status ?? '') && lengthMs === 0 ? (
                <span class="faint">–</span>
              ) : (
                <span>
                  {formatText(lengthMs, 'ms')}
                  {isCurrent && <span class="muted"> so far</span>}
                </span>
              ),
          },
          {
            id: 'bar',
            header: 'Course',
            isWide: true,
            cell: ({ change, startMs, lengthMs }) => (
              <div class="waterfall" aria-hidden="true">
                <span
                  style={{
                    left: `${(100 * (startMs - first)) / total}%`,
                    width: `${(100 * lengthMs) / total}%`,
                    maxWidth: '100%',
                    '--color': `var(${color(change)})`,
                    ...(startMs - first >= total && { left: 'calc(100% - 3px)', width: '3px' }),
                  }}
                />
              </div>
            ),
          },
          {
            id: 'attempt',
            header: 'Attempts',
            align: 'right',
            isOptional: true,
            cell: ({ change }) => formatText(change.attempts),
          },
          {
            id: 'service',
            header: 'Service',
            isOptional: true,
            cell: ({ change: { service, instance } }) => (
              <Process service={service} instance={hasHosts ? instance : undefined} />
            ),
          },
          ...(phases.some(({ change }) => change.errorMessage) ? [ERROR_COLUMN] : []),
        ]}
      />
    </Card>
  );
}

function Process({
  service,
  instance,
}: {
  service: string | undefined;
  instance: string | undefined;
}) {
  if (!service) return <span class="faint">–</span>;
  return (
    <a
      class="name"
      href={instance ? linkTo('/hosts', { service, instance }) : linkTo('/service', { service })}
      title={instance}
    >
      {service}
    </a>
  );
}

function describeChange({ status = 'unknown', delay }: JobChange, isFirst: boolean) {
  const badge = <Badge kind={jobKind(status)}>{status}</Badge>;
  return (
    <span>
      {isFirst && !ENDED.includes(status) && status !== 'active' && 'added, '}
      {badge}
      {status === 'delayed' && delay ? (
        <span class="muted"> by {formatText(delay, 'ms')}</span>
      ) : null}
    </span>
  );
}

/** The error of the last failed attempt with its stack. */
function Failure({ job }: { job: JobHistory }) {
  const failures = job.history.filter(({ errorMessage, stackTrace }) => errorMessage || stackTrace);
  const last = failures.at(-1);
  if (!last) return null;
  const zone = toZoneName(zoneChoice.value);
  return (
    <Card
      title={failures.length === 1 ? 'Failure' : `Last of ${failures.length} failures`}
      note={formatDateTime(Date.parse(last.at), zone, true)}
      span={8}
    >
      <p
        class={job.status === 'completed' ? 'name' : 'name critical'}
        style={{ marginBottom: '8px' }}
      >
        {last.errorMessage ?? 'The job failed without a message.'}
      </p>
      {job.status === 'completed' && <p class="muted">A later attempt completed the job.</p>}
      {last.stackTrace ? (
        <CodeBlock label="Stack trace">{last.stackTrace}</CodeBlock>
      ) : (
        <p class="muted">No stack trace was recorded.</p>
      )}
      {last.service && (
        <p style={{ marginTop: '8px' }}>
          <a class="link" href={linkTo('/errors', { service: last.service })}>
            Errors of {last.service}
          </a>
        </p>
      )}
    </Card>
  );
}

function Facts({ job }: { job: JobHistory }) {
  const hasFailure = job.history.some(({ errorMessage, stackTrace }) => errorMessage || stackTrace);
  const { queue, scope, organizationId } = job;
  return (
    <Card title="Job" span={hasFailure ? 4 : 12}>
      <dl class="facts">
        <dt>Queue</dt>
        <dd class="name">
          <a class="link" href={linkTo('/queue', { queue, scope })}>
            {queue}
          </a>
        </dd>
        {scope && <dt>Scope</dt>}
        {scope && <dd class="name">{scope}</dd>}
        {job.jobType && <dt>Type</dt>}
        {job.jobType && <dd class="name">{job.jobType}</dd>}
        {organizationId && <dt>Organization</dt>}
        {organizationId && (
          <dd class="name">
            <a class="link" href={linkTo('/tenants', { tenant: organizationId })}>
              {organizationId}
            </a>
          </dd>
        )}
        {job.propertyId && <dt>Property</dt>}
        {job.propertyId && <dd class="name">{job.propertyId}</dd>}
        <dt>ID</dt>
        <dd class="name mono">{job.jobId}</dd>
      </dl>
    </Card>
  );
}
