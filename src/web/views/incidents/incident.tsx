import type { ApiResponse } from '../../../client/api-types.ts';
import { useRequest } from '../../api/queries.ts';
import { serverNow } from '../../api/server-clock.ts';
import { client } from '../../api/session.ts';
import { alertLink, LabelLinks, SeverityBadge, StateBadge } from '../../data/alert-names.tsx';
import {
  type Incident,
  IncidentStateBadge,
  incidentLink,
  toSentence,
} from '../../data/incident-names.tsx';
import { Card } from '../../design/card.tsx';
import { Badge, InlineCode } from '../../design/controls.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { Table } from '../../design/table.tsx';
import { formatCount, formatText } from '../../format/quantities.ts';
import {
  formatAge,
  formatCoarse,
  formatDateTime,
  formatTime,
  toZoneName,
} from '../../format/times.ts';
import { useHeading } from '../../shell/use-heading.ts';
import type { ViewParameters } from '../../url/location.ts';
import { linkTo, zoneChoice } from '../../url/view-state.ts';
import { IncidentActions } from './incident-actions.tsx';

type Alert = Incident['alerts'][number];
type Tenant = Incident['tenants'][number];
type Timeline = ApiResponse<'incident'>['timeline'];

const HEAD_HEIGHT = 112;

/** What caused the problem, who is affected, and what happened? */
export default function IncidentView({ parameters: { id = '' } }: { parameters: ViewParameters }) {
  const state = useRequest(['incident', id], () => client.value.incident(id), { isLive: true });
  useHeading({
    title: 'Incident',
    crumbs: [{ label: 'Incidents', href: linkTo('/incidents') }],
  });
  return (
    <>
      <Card>
        <Loaded state={state} height={HEAD_HEIGHT}>
          {({ incident }) => <Head incident={incident} />}
        </Loaded>
      </Card>
      {state.data && (
        <>
          <Causes incident={state.data.incident} />
          <Tenants incident={state.data.incident} />
          <Alerts incident={state.data.incident} />
          <TimelineCard timeline={state.data.timeline} />
        </>
      )}
    </>
  );
}

function Head({ incident }: { incident: Incident }) {
  const { severity, title, causes, mergedInto, splitFrom, reopenedCount, author, comment } =
    incident;
  return (
    <div class="alert-head">
      <div>
        <div class="buttons">
          <IncidentStateBadge incident={incident} />
          <SeverityBadge severity={severity} />
          <span class="muted">{describeTimes(incident)}</span>
        </div>
        <h2 class="name">
          <InlineCode text={title} />
        </h2>
        {causes[0] && (
          <div class="callout" data-kind="warning">
            <strong class="small">Evidence</strong>
            <p>{toSentence(causes[0].evidence)}</p>
          </div>
        )}
        {mergedInto && (
          <p>
            This incident became a part of <a href={incidentLink(mergedInto)}>an older incident</a>.
          </p>
        )}
        {splitFrom && (
          <p>
            This incident was separated from <a href={incidentLink(splitFrom)}>another incident</a>.
          </p>
        )}
        {reopenedCount > 0 && <p class="muted">Reopened {formatCount(reopenedCount, 'time')}.</p>}
        {comment && (
          <p class="muted name">
            {author && `${author}: `}
            {comment}
          </p>
        )}
      </div>
      <IncidentActions incident={incident} />
    </div>
  );
}

function describeTimes({ startedAt, resolvedAt }: Incident): string {
  const zone = toZoneName(zoneChoice.value);
  const now = serverNow();
  const start = Date.parse(startedAt);
  if (resolvedAt === undefined)
    return `since ${formatTime(start, zone, now)} (${formatAge(start, now)})`;
  const end = Date.parse(resolvedAt);
  return `resolved at ${formatTime(end, zone, now)}, lasted ${formatCoarse(end - start)}`;
}

function Causes({ incident: { causes } }: { incident: Incident }) {
  const zone = toZoneName(zoneChoice.value);
  return (
    <Card title="Likely causes" note="the likeliest first" span={7}>
      {causes.length === 0 ? (
        <EmptyState title="No cause found yet">
          No related metric changed more than usual. Causes are searched for during the first 10
          minutes.
        </EmptyState>
      ) : (
        <ol class="timeline" data-kind="incident">
          {causes.map(({ onsetAt, kind, text, evidence, deployId }) => (
            <li key={`${kind} ${text}`}>
              <time
                dateTime={onsetAt}
                title={formatDateTime(Date.parse(onsetAt), zone, true)}
                class="muted"
              >
                {formatTime(Date.parse(onsetAt), zone, serverNow())}
              </time>
              <span class="badges">
                <Badge kind="none">{deployId ? 'deploy' : kind.replaceAll('_', ' ')}</Badge>
              </span>
              <p>
                <InlineCode text={text} />
                <br />
                <span class="faint">{toSentence(evidence)}</span>
                {deployId && (
                  <>
                    {' '}
                    <a href={linkTo(`/deploys/${deployId}`)}>Show the deploy</a>
                  </>
                )}
              </p>
            </li>
          ))}
        </ol>
      )}
    </Card>
  );
}

function Tenants({ incident: { tenants } }: { incident: Incident }) {
  return (
    <Card title="Affected tenants" note="requests since the start" span={5}>
      <Table<Tenant>
        label="Affected tenants"
        rows={tenants}
        rowKey={({ organizationId, propertyId }) => `${organizationId} ${propertyId}`}
        empty={
          <EmptyState title="No requests of tenants">
            No service of this incident handled requests of a tenant.
          </EmptyState>
        }
        columns={[
          {
            id: 'tenant',
            header: 'Tenant',
            isWide: true,
            sortBy: ({ organizationId, propertyId }) => `${organizationId} ${propertyId ?? ''}`,
            cell: ({ organizationId, propertyId }) => (
              <a class="name" href={linkTo('/tenants', { tenant: organizationId })}>
                {[organizationId, propertyId].filter(Boolean).join('/')}
              </a>
            ),
          },
          {
            id: 'requests',
            header: 'Requests',
            sortBy: ({ requests }) => requests,
            cell: ({ requests }) => formatText(requests),
          },
          {
            id: 'failed',
            header: 'Failed',
            sortBy: ({ failed }) => failed,
            cell: ({ failed }) => formatText(failed),
          },
        ]}
      />
    </Card>
  );
}

function Alerts({ incident: { alerts } }: { incident: Incident }) {
  const zone = toZoneName(zoneChoice.value);
  return (
    <Card title="Alerts" note={formatCount(alerts.length, 'alert')}>
      <Table<Alert>
        label="Alerts"
        rows={alerts}
        rowKey={({ id }) => id}
        columns={[
          {
            id: 'summary',
            header: 'Alert',
            isWide: true,
            cell: ({ id, summary, labels }) => (
              <span class="two-lines">
                <a class="name truncate" href={alertLink(id)} title={summary}>
                  {summary}
                </a>
                <span class="small">
                  <LabelLinks labels={labels} />
                </span>
              </span>
            ),
          },
          {
            id: 'started',
            header: 'Started',
            isOptional: true,
            sortBy: ({ startedAt }) => startedAt,
            cell: ({ startedAt }) => formatTime(Date.parse(startedAt), zone, serverNow()),
          },
          {
            id: 'state',
            header: 'State',
            sortBy: ({ state }) => state,
            cell: ({ state }) => <StateBadge state={state} />,
          },
          {
            id: 'severity',
            header: 'Severity',
            isOptional: true,
            sortBy: ({ severity }) => severity,
            cell: ({ severity }) => <SeverityBadge severity={severity} />,
          },
        ]}
      />
    </Card>
  );
}

function TimelineCard({ timeline }: { timeline: Timeline }) {
  const zone = toZoneName(zoneChoice.value);
  return (
    <Card title="Timeline" note={formatCount(timeline.length, 'event')}>
      <ol class="timeline" data-kind="incident">
        {timeline.map(({ at, kind, text, alertId }, i) => (
          <li key={`${at} ${kind} ${i}`}>
            <time dateTime={at} title={formatDateTime(Date.parse(at), zone, true)} class="muted">
              {formatTime(Date.parse(at), zone, serverNow())}
            </time>
            <span class="badges">
              <Badge kind={kind === 'cause' ? 'warning' : 'none'}>{kind}</Badge>
            </span>
            <p>
              {alertId === undefined ? (
                <InlineCode text={text} />
              ) : (
                <a class="name" href={alertLink(alertId)}>
                  {text}
                </a>
              )}
            </p>
          </li>
        ))}
      </ol>
    </Card>
  );
}
