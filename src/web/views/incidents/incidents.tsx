import { useApi } from '../../api/queries.ts';
import { serverNow } from '../../api/server-clock.ts';
import { SeverityBadge } from '../../data/alert-names.tsx';
import {
  type Incident,
  IncidentStateBadge,
  incidentLink,
  toSentence,
} from '../../data/incident-names.tsx';
import { Card } from '../../design/card.tsx';
import { InlineCode, Tabs } from '../../design/controls.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { formatCount, formatText } from '../../format/quantities.ts';
import { formatAge, formatCoarse, formatDateTime, toZoneName } from '../../format/times.ts';
import { getParameter, globalFilters, linkTo, linkWith, zoneChoice } from '../../url/view-state.ts';

const STATES = ['open', 'resolved'] as const;
const TITLES = { open: 'Open', resolved: 'Resolved' } as const;

/** Which problems exist, what caused them, and who is affected? */
export default function Incidents() {
  const current = STATES.find((state) => state === getParameter('state')) ?? 'open';
  const { environment: _none, ...tenant } = globalFilters.value;
  const open = useApi('incidents', { ...tenant, state: ['open'] }, { isLive: true });
  const resolved = useApi('incidents', { ...tenant, state: ['resolved'] }, { isLive: true });
  const lists = { open, resolved };
  const state = lists[current];
  return (
    <Card>
      <Tabs
        label="State"
        current={current}
        tabs={STATES.map((id) => ({
          id,
          href: linkWith({ state: id === 'open' ? undefined : id }),
          label: (
            <>
              {TITLES[id]}{' '}
              <span class="faint tab-count">{formatText(lists[id].data?.incidents.length)}</span>
            </>
          ),
        }))}
      />
      <Loaded state={state} height={180}>
        {({ incidents }) =>
          incidents.length === 0 ? (
            <NoIncidents isOpen={current === 'open'} />
          ) : (
            <div class="alert-list">
              {incidents.map((incident) => (
                <IncidentRow key={incident.id} incident={incident} />
              ))}
            </div>
          )
        }
      </Loaded>
    </Card>
  );
}

function IncidentRow({ incident }: { incident: Incident }) {
  const { id, severity, title, causes, services, queues, hosts, tenants, alertCount } = incident;
  const subjects = [...services, ...queues, ...hosts].join(', ');
  const failed = tenants.filter((tenant) => tenant.failed > 0).length;
  return (
    <article>
      <span>
        <SeverityBadge severity={severity} />
      </span>
      <div class="main-text">
        <h3>
          <a class="name" href={incidentLink(id)}>
            <InlineCode text={title} />
          </a>
        </h3>
        {causes[0] && <p class="muted">{toSentence(causes[0].evidence)}</p>}
        <span class="small name">
          {[subjects, failed > 0 && `${formatCount(failed, 'tenant')} with failed requests`]
            .filter(Boolean)
            .join(' · ')}
        </span>
      </div>
      <div class="number">
        <IncidentStateBadge incident={incident} />
        <span class="faint small">{formatCount(alertCount, 'alert')}</span>
      </div>
      <Since incident={incident} />
    </article>
  );
}

function Since({ incident: { startedAt, resolvedAt } }: { incident: Incident }) {
  const zone = toZoneName(zoneChoice.value);
  const start = Date.parse(startedAt);
  const end = resolvedAt === undefined ? undefined : Date.parse(resolvedAt);
  return (
    <div class="since muted small" title={formatDateTime(end ?? start, zone, true)}>
      {formatAge(end ?? start, serverNow())}
      {end !== undefined && (
        <>
          <br />
          <span class="faint">lasted {formatCoarse(end - start)}</span>
        </>
      )}
    </div>
  );
}

function NoIncidents({ isOpen }: { isOpen: boolean }) {
  if (isOpen) {
    return (
      <EmptyState title="No incident is open">
        Alerts that start together, or that are about the same service, host, or queue, form one
        incident. See <a href={linkTo('/alerts')}>all alerts</a> or{' '}
        <a href={linkWith({ state: 'resolved' })}>resolved incidents</a>.
      </EmptyState>
    );
  }
  return (
    <EmptyState title="No incident was resolved in the last 7 days">
      <a href={linkWith({ state: undefined })}>See open incidents</a>.
    </EmptyState>
  );
}
