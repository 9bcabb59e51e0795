import type { ApiResponse } from '../../../client/api-types.ts';
import { serverNow } from '../../api/server-clock.ts';
import { Badge, Dot, type Kind } from '../../design/controls.tsx';
import { formatAge, formatDateTime, toZoneName } from '../../format/times.ts';
import { linkTo, zoneChoice } from '../../url/view-state.ts';

export type Notification = ApiResponse<'notifications'>['notifications'][number];

const MAX_ALERTS = 5;

/** Kind of a severity, for its badge. */
function severityKind(severity: string | undefined): Kind {
  return severity === 'critical' || severity === 'high' ? 'critical' : 'warning';
}

export function alertLink(id: string): string {
  return linkTo(`/alerts/${encodeURIComponent(id)}`);
}

/** A notification with its alerts. */
export function InboxMessage({ message, onRead }: { message: Notification; onRead: () => void }) {
  const { at, content, readAt, receiver, alertId, organizationId, propertyId } = message;
  const isUnread = readAt === undefined;
  const atMs = Date.parse(at);
  const alerts = content?.alerts ?? [];
  const incident = content?.incident;
  const hidden = (content?.total ?? 0) - Math.min(alerts.length, MAX_ALERTS);
  return (
    <li style={{ alignItems: 'flex-start' }}>
      <span style={{ display: 'flex', gap: '9px', alignItems: 'baseline', minWidth: 0 }}>
        <Dot kind={isUnread ? 'accent' : 'none'} label={isUnread ? 'Unread' : 'Read'} />
        <span style={{ minWidth: 0 }}>
          {alerts.slice(0, MAX_ALERTS).map(({ id, rule, state, severity, summary, tenant }) => (
            <span key={id} style={{ display: 'block' }}>
              <Badge kind={state === 'resolved' ? 'ok' : severityKind(severity)}>
                {state === 'resolved' ? 'resolved' : severity}
              </Badge>{' '}
              <a
                class="name"
                href={alertLink(id)}
                style={{ fontWeight: isUnread ? 600 : undefined }}
              >
                {summary || rule}
              </a>
              {organizationId === undefined && tenant && <span class="muted"> · {tenant}</span>}
            </span>
          ))}
          {alerts.length === 0 &&
            (alertId ? (
              <a class="link" href={alertLink(alertId)}>
                Alert
              </a>
            ) : (
              <span class="muted">The message has no content.</span>
            ))}
          {hidden > 0 && <span class="muted">and {hidden} more alerts</span>}
          {incident && (
            <span class="small name" style={{ display: 'block' }}>
              {incident.cause && `Likely cause: ${incident.cause} · `}
              <a class="link" href={linkTo(`/incidents/${encodeURIComponent(incident.id)}`)}>
                Incident
              </a>
            </span>
          )}
          <span class="small faint name" style={{ display: 'block' }}>
            <time dateTime={at} title={formatDateTime(atMs, toZoneName(zoneChoice.value), true)}>
              {formatAge(atMs, serverNow())}
            </time>
            {[
              receiver && ` · receiver ${receiver}`,
              organizationId && ` · ${organizationId}`,
              propertyId && ` · ${propertyId}`,
            ]}
          </span>
        </span>
      </span>
      {isUnread && (
        <button type="button" class="button" data-kind="quiet" onClick={onRead}>
          Mark as read
        </button>
      )}
    </li>
  );
}
