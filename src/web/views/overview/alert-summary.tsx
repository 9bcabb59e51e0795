import type { ApiResponse } from '../../../client/api-types.ts';
import { useApi } from '../../api/queries.ts';
import { serverNow } from '../../api/server-clock.ts';
import { Card } from '../../design/card.tsx';
import { Badge, InlineCode } from '../../design/controls.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { formatAge } from '../../format/times.ts';
import { linkTo } from '../../url/view-state.ts';

const HEIGHT = 213;
const MAX_ALERTS = 3;
const SEVERITIES = ['critical', 'high', 'medium', 'warning'];

/** The most severe firing alerts with their causes. */
export function AlertSummary() {
  const state = useApi('alerts', { state: ['firing', 'acknowledged'] });
  const alerts = (state.data?.alerts ?? []).toSorted(
    (a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity),
  );
  return (
    <Card
      title={alerts.length > 0 ? 'Firing alerts' : 'Alerts'}
      span={4}
      note={
        alerts.length > MAX_ALERTS && (
          <a href={linkTo('/alerts')}>{alerts.length} firing: show all</a>
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
