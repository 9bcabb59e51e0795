import type { TenantScope } from '../../../core/tenant-scope.ts';
import type { ActionService } from '../../actions/action-views.ts';
import type { AlertService } from '../../alerts/service/alert-views.ts';
import type { IncidentService } from '../../alerts/service/incident-views.ts';
import type { NotificationService } from '../../notifications/notification-views.ts';
import type { StreamEvent, StreamEventSource } from './event-stream.ts';

/**
 * Maximum number of changes to buffer for a slow client. Further changes are dropped, and the
 * client should reload the list.
 */
const MAX_PENDING_EVENTS = 1000;

/** Sends changes after `position` to `onChange`. @returns a function that unsubscribes */
type SubscribeToChanges = (
  position: string | undefined,
  onChange: (change: { position: string; data: object }) => void,
) => () => void;

/** Creates a source that sends an event of `type` for each change. */
function createChangeSource(type: string, subscribe: SubscribeToChanges): StreamEventSource {
  return { type, follow };

  async function* follow(
    position: string | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<StreamEvent> {
    const pending: StreamEvent[] = [];
    let wake = () => {};
    const unsubscribe = subscribe(position, (change) => {
      if (pending.length < MAX_PENDING_EVENTS) pending.push(change);
      wake();
    });
    const onAbort = () => wake();
    signal.addEventListener('abort', onAbort);
    try {
      while (!signal.aborted) {
        yield* pending.splice(0);
        if (pending.length > 0 || signal.aborted) continue;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      unsubscribe();
    }
  }
}

/** Creates a source of changes to visible alerts. Each event contains the alert after the change. */
export function createAlertSource(
  alerts: AlertService,
  scope: TenantScope,
  services: readonly string[] | undefined,
): StreamEventSource {
  return createChangeSource('alert', (position, onChange) =>
    alerts.subscribe(scope, position, ({ position: at, alert }) => {
      const { service } = alert.labels;
      if (services && !(service !== undefined && services.includes(service))) return;
      onChange({ position: at, data: alert });
    }),
  );
}

/** Creates a source of changes to visible incidents. Each event contains the incident after the change. */
export function createIncidentSource(
  incidents: IncidentService,
  scope: TenantScope,
  services: readonly string[] | undefined,
): StreamEventSource {
  return createChangeSource('incident', (position, onChange) =>
    incidents.subscribe(scope, position, ({ position: at, incident }) => {
      if (services && !incident.services.some((service) => services.includes(service))) return;
      onChange({ position: at, data: incident });
    }),
  );
}

/** Creates a source of visible notifications: delivery attempts, suppressions, and read receipts. */
export function createNotificationSource(
  notifications: NotificationService,
  scope: TenantScope,
): StreamEventSource {
  return createChangeSource('notification', (position, onChange) =>
    notifications.subscribe(scope, position, ({ position: at, notification }) => {
      onChange({ position: at, data: notification });
    }),
  );
}

/** Creates a source of visible business rule decisions. */
export function createDecisionSource(
  actions: ActionService,
  scope: TenantScope,
): StreamEventSource {
  const source = createChangeSource('decision', (position, onChange) =>
    actions.subscribe(scope, position, ({ position: at, decision }) => {
      onChange({ position: at, data: decision });
    }),
  );
  // Every event ID contains this position, so a client that reconnects misses no decision.
  return { ...source, initialPosition: actions.getPosition(scope) };
}
