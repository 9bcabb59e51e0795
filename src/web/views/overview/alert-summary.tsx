import type { ApiResponse } from '../../../client/api-types.ts';
import { useApi } from '../../api/queries.ts';
import { serverNow } from '../../api/server-clock.ts';
import { severityKind } from '../../data/alert-names.tsx';
import { type Incident, incidentLink, toSentence } from '../../data/incident-names.tsx';
import { Card } from '../../design/card.tsx';
import { Badge, InlineCode } from '../../design/controls.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { formatCount } from '../../format/quantities.ts';
import { formatAge } from '../../format/times.ts';
import { linkTo } from '../../url/view-state.ts';
import { isInDanger } from '../objectives/objective-words.ts';

const HEIGHT = 213;
const MAX_ALERTS = 3;
const SEVERITIES = ['critical', 'high', 'medium', 'warning'];

/** The open incidents, or the most severe firing alerts if there is no incident yet. */
export function AlertSummary() {
  const incidents = useApi('incidents', { state: ['open'] });
  const state = useApi('alerts', { state: ['firing', 'acknowledged'] });
  const alerts = (state.data?.alerts ?? []).toSorted(
    (a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity),
  );
  const open = incidents.data?.incidents ?? [];
  if (open.length > 0) return <OpenIncidents incidents={open} />;
  return (
    <Card
      title={alerts.length > 0 ? 'Firing alerts' : 'Alerts'}
      span={4}
      note={
        alerts.length > MAX_ALERTS ? (
          <a href={linkTo('/alerts')}>{alerts.length} firing: show all</a>
        ) : (
          <BudgetsInDanger />
        )
      }
    >
      <Loaded state={state} height={HEIGHT}>
        {() =>
          alerts.length === 0 ? (
            <EmptyState title="No alert is firing">
              <a href={linkTo('/rules')}>See what is watched</a>, or{' '}
              <a href={linkTo('/alerts', { state: 'resolved' })}>which alerts have resolved</a>.
            </EmptyState>
          ) : (
            <div class="scroll" style={{ height: `${HEIGHT}px` }}>
              {alerts.slice(0, MAX_ALERTS).map((alert) => (
                <AlertItem key={alert.id} alert={alert} />
              ))}
            </div>
          )
        }
      </Loaded>
    </Card>
  );
}

/** Links to the objectives if a budget is exhausted, low, or used quickly. */
function BudgetsInDanger() {
  const { data } = useApi('objectives', {});
  const count = (data?.objectives ?? []).flatMap(({ groups }) => groups).filter(isInDanger).length;
  if (count === 0) return null;
  return <a href={linkTo('/objectives')}>{formatCount(count, 'error budget')} at risk</a>;
}

function OpenIncidents({ incidents }: { incidents: readonly Incident[] }) {
  return (
    <Card
      title="Open incidents"
      span={4}
      note={
        incidents.length > MAX_ALERTS ? (
          <a href={linkTo('/incidents')}>{incidents.length} open: show all</a>
        ) : (
          <BudgetsInDanger />
        )
      }
    >
      <div class="scroll" style={{ height: `${HEIGHT}px` }}>
        {incidents.slice(0, MAX_ALERTS).map((incident) => (
          <IncidentItem key={incident.id} incident={incident} />
        ))}
      </div>
    </Card>
  );
}

function IncidentItem({ incident }: { incident: Incident }) {
  const { id, title, severity, causes, alertCount, startedAt, acknowledged } = incident;
  const kind = severityKind(severity);
  return (
    <article class="callout" data-kind={kind} style={{ marginBottom: '10px' }}>
      <h3 style={{ display: 'flex', gap: '8px', alignItems: 'baseline' }}>
        <a class="name" href={incidentLink(id)}>
          <InlineCode text={title} />
        </a>
        <Badge kind={kind}>{severity}</Badge>
      </h3>
      {causes[0] && <p>{toSentence(causes[0].evidence)}</p>}
      <p class="small">
        {formatCount(alertCount, 'alert')}, started {formatAge(Date.parse(startedAt), serverNow())}
        {acknowledged && ', acknowledged'}
      </p>
    </article>
  );
}

function AlertItem({ alert }: { alert: ApiResponse<'alerts'>['alerts'][number] }) {
  const { id, rule, severity, state, annotations, cause, firedAt, startedAt } = alert;
  const kind = severity === 'critical' || severity === 'high' ? 'critical' : 'warning';
  return (
    <article class="callout" data-kind={kind} style={{ marginBottom: '10px' }}>
      <h3 style={{ display: 'flex', gap: '8px', alignItems: 'baseline' }}>
        <a class="name" href={linkTo(`/alerts/${encodeURIComponent(id)}`)}>
          {annotations.summary || rule}
        </a>
        <Badge kind={kind}>{severity}</Badge>
      </h3>
      {cause && (
        <p>
          <InlineCode text={cause} />
        </p>
      )}
      <p class="small">
        Started {formatAge(Date.parse(firedAt ?? startedAt), serverNow())}
        {state === 'acknowledged' && ', acknowledged'}
      </p>
    </article>
  );
}
