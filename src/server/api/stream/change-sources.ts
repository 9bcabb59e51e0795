import type { TenantScope } from '../../../core/tenant-scope.ts';
import type { ActionService } from '../../actions/action-views.ts';
import type { AlertService } from '../../alerts/service/alert-views.ts';
import type { NotificationService } from '../../notifications/notification-views.ts';
import type { StreamEvent, StreamEventSource } from './event-stream.ts';

/** Changes that wait for a slow listener; with more it is better to read the list anew. */
const MAX_PENDING_EVENTS = 1000;

/** Begins to listen behind `position`. @returns what ends it */
export type SubscribeToChanges = (
  position: string | undefined,
  hear: (change: { position: string; data: object }) => void,
) => () => void;

/** An event of `type` for each change that `follow` hears of. */
function createChangeSource(type: string, follow: SubscribeToChanges): StreamEventSource {
  return { type, follow: (position, signal) => events(position, signal) };

  async function* events(
    position: string | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<StreamEvent> {
    const waiting: StreamEvent[] = [];
    let wake = () => {};
    const end = follow(position, (change) => {
      if (waiting.length < MAX_PENDING_EVENTS) waiting.push(change);
      wake();
    });
    const stop = () => wake();
    signal.addEventListener('abort', stop);
    try {
      while (!signal.aborted) {
        yield* waiting.splice(0);
        if (waiting.length > 0 || signal.aborted) continue;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      signal.removeEventListener('abort', stop);
      end();
    }
  }
}

/** An event for each change of a visible alert, in its state after the change. */
export function createAlertSource(
  desk: AlertService,
  scope: TenantScope,
  services: readonly string[] | undefined,
): StreamEventSource {
  return createChangeSource('alert', (position, hear) =>
    desk.subscribe(scope, position, ({ position: at, alert }) => {
      const { service } = alert.labels;
      if (services && !(service !== undefined && services.includes(service))) return;
      hear({ position: at, data: alert });
    }),
  );
}

/** An event for each visible row of `notifications`: attempts, suppressions, and what was read. */
export function createNotificationSource(
  desk: NotificationService,
  scope: TenantScope,
): StreamEventSource {
  return createChangeSource('notification', (position, hear) =>
    desk.subscribe(scope, position, ({ position: at, notification }) => {
      hear({ position: at, data: notification });
    }),
  );
}

/** An event for each visible decision of a business rule. */
export function createDecisionSource(desk: ActionService, scope: TenantScope): StreamEventSource {
  const source = createChangeSource('decision', (position, hear) =>
    desk.subscribe(scope, position, ({ position: at, decision }) => {
      hear({ position: at, data: decision });
    }),
  );
  // Whoever hears of anything can come back after a restart, and misses no decision.
  return { ...source, initialPosition: desk.getPosition() };
}
