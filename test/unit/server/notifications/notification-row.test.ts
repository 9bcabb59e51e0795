import { expect, test } from 'vitest';
import type { Alert } from '../../../../src/core/alerts/alert.ts';
import type { MessageAlert } from '../../../../src/server/notifications/channels/channel.ts';
import { toDeliveryRow } from '../../../../src/server/notifications/delivery/notification-recorder.ts';
import {
  createSampleAlert,
  createSampleDelivery,
} from '../../../../src/server/notifications/message/sample-message.ts';

const CAUSE = '100 % of calls to `payments.example` are failing, up from 0 %';
const RESULT = {
  status: 'delivered',
  reason: 'delivered',
  detail: undefined,
  recipient: 'role:ADMIN',
  atMs: 1000,
} as const;

/** Returns the stored content of a message about alerts of these tenants. */
function toContent(
  tenants: readonly (readonly [organization: string, property: string])[],
  recipient: { organization?: string; property?: string } = {},
  status: 'firing' | 'resolved' = 'firing',
) {
  const target = { receiver: 'default', index: 0, kind: 'inApp', role: 'ADMIN', ...recipient };
  const alerts = tenants.map(
    ([organization, property]): Alert => createSampleAlert({ organization, property }, 0),
  );
  const deliveries = alerts.map((alert) =>
    createSampleDelivery(target as Parameters<typeof createSampleDelivery>[0], alert, 'UTC', 0),
  );
  const [delivery] = deliveries;
  const message = {
    ...delivery!.message,
    status,
    alerts: deliveries.flatMap((each): readonly MessageAlert[] => each.message.alerts),
    incident: { id: 'i1', cause: CAUSE, tenants: [], moreTenants: 0, url: undefined },
  };
  return JSON.parse(toDeliveryRow({ ...delivery!, message }, RESULT).content!);
}

test('an in-app message contains the incident, its cause, and the tenant of each alert', () => {
  const content = toContent([
    ['grand', 'north'],
    ['city', 'airport'],
  ]);
  expect(content.incident).toEqual({ id: 'i1', cause: CAUSE });
  expect(content.alerts.map(({ tenant }: { tenant: string }) => tenant)).toEqual([
    'grand/north',
    'city/airport',
  ]);
  expect(toContent([['grand', 'north']], {}, 'resolved').incident).toEqual({ id: 'i1' });
});

test('a row that a tenant can read contains only a cause for the same tenant', () => {
  const alerts = [['grand', 'north']] as const;
  expect(toContent(alerts).incident).toEqual({ id: 'i1' });
  expect(toContent(alerts, { organization: 'grand' }).incident).toEqual({ id: 'i1' });
  const recipient = { organization: 'grand', property: 'north' };
  expect(toContent(alerts, recipient).incident).toEqual({ id: 'i1', cause: CAUSE });
});
