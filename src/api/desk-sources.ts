import type { ActionDesk } from '../schema/action-desk.ts';
import type { AlertDesk } from '../schema/alert-desk.ts';
import type { NotificationDesk } from '../schema/notification-desk.ts';
import type { Scope } from '../schema/scope.ts';
import type { EventSource } from './event-stream.ts';
import { followed } from './followed.ts';

/** An event for each change of a visible alert, in its state after the change. */
export function alertSource(
  desk: AlertDesk,
  scope: Scope,
  services: readonly string[] | undefined,
): EventSource {
  return followed('alert', (position, hear) =>
    desk.follow(scope, position, ({ position: at, alert }) => {
      const { service } = alert.labels;
      if (services && !(service !== undefined && services.includes(service))) return;
      hear({ position: at, data: alert });
    }),
  );
}

/** An event for each visible row of `notifications`: attempts, suppressions, and what was read. */
export function notificationSource(desk: NotificationDesk, scope: Scope): EventSource {
  return followed('notification', (position, hear) =>
    desk.follow(scope, position, ({ position: at, notification }) => {
      hear({ position: at, data: notification });
    }),
  );
}

/** An event for each visible decision of a business rule. */
export function decisionSource(desk: ActionDesk, scope: Scope): EventSource {
  const source = followed('decision', (position, hear) =>
    desk.follow(scope, position, ({ position: at, decision }) => {
      hear({ position: at, data: decision });
    }),
  );
  // Whoever hears of anything can come back after a restart, and misses no decision.
  return { ...source, begins: desk.position() };
}
