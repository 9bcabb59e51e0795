import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findFreePort } from '../../demo/server-process.ts';
import { createLocalClient } from '../../src/cli/local-client.ts';
import type { PerfscopeClient } from '../../src/client/perfscope-client.ts';
import { expectRows } from '../support/expect-rows.ts';
import { FakeProvider } from '../support/fake-provider.ts';
import { insertFailingRequests, insertSuccessfulRequests } from '../support/insert-requests.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { TestSmtpServer } from '../support/test-smtp-server.ts';
import { waitFor } from '../support/wait-for.ts';

/** Only the tested rule, with short notification intervals. */
const RULES = `interval: 2s
notifications: { groupBy: [alertname, service], groupWait: 1s, groupInterval: 2s, repeatInterval: 1h }
rules:
  - name: booking-errors
    measure: { type: API_RESPONSE_TIME, aggregate: error_ratio, groupBy: [service], window: 10s, filter: { service: booking } }
    thresholds: { critical: 2 }
    minimumCount: 3
`;

const smtpServer = new TestSmtpServer();
const webhook = new FakeProvider();
const server = new PerfscopeServer({ PERFORMANCE_FLUSH_INTERVAL: '1000' });
let client: PerfscopeClient;

beforeAll(async () => {
  const [smtpPort] = await Promise.all([smtpServer.start(), webhook.start()]);
  const port = await findFreePort();
  const file = (name: string, text: string) => {
    const path = join(server.folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const secret = file('hook.secret', 's'.repeat(40));
  const notify = `
people: [{ name: ann, role: ADMIN, email: ann@hotel.example }]
receivers:
  - name: managers
    to: { people: [ann] }
    channels:
      - { kind: email, host: 127.0.0.1, port: ${smtpPort}, security: none, from: perfscope@hotel.example }
  - { name: inside, to: { roles: [ADMIN] }, channels: [{ kind: inApp }] }
  - name: oncall
    channels: [{ kind: webhook, url: '${webhook.url}/', secretFile: '${secret}', allowHttp: true, allowPrivate: true }]
escalations: [{ name: soon, levels: [{ after: 5s, receivers: [oncall] }] }]
route:
  routes: [{ matchers: [alertname=booking-errors], receivers: [managers, inside], escalation: soon }]
`;
  Object.assign(server.env, {
    PORT: String(port),
    PERFORMANCE_PUBLIC_URL: `http://127.0.0.1:${port}`,
    PERFORMANCE_RULES_FILE: file('rules.yaml', RULES),
    PERFORMANCE_NOTIFY_FILE: file('notify.yaml', notify),
  });
  await server.start();
  // The server has a public URL, so it accepts no requests without credentials.
  client = createLocalClient(server.url, server.discovery);
});
afterAll(async () => {
  await Promise.all([server.remove(), smtpServer.stop(), webhook.stop()]);
});

interface WebhookMessage {
  readonly kind: string;
  readonly status: string;
  readonly alerts: readonly { readonly id: string; readonly state: string }[];
}

const listWebhookMessages = () =>
  webhook.requests.map(({ body }) => JSON.parse(body) as WebhookMessage);

/** Decodes a quoted-printable email. */
const decodeQuotedPrintable = (raw: string) =>
  raw
    .replace(/=\r\n/g, '')
    .replace(/=([\dA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

it('notifies by email, escalates, accepts an acknowledgment by link, and reports the resolution', async () => {
  const questdb = { target: server.questdb.write };
  await insertFailingRequests(questdb, 'booking');
  const email = await waitFor(async () => smtpServer.emails[0]);
  expect(email.to).toEqual(['ann@hotel.example']);
  expect(email.headers.get('subject')).toContain('booking-errors');

  const escalation = await waitFor(async () => listWebhookMessages()[0]);
  expect(escalation).toMatchObject({ kind: 'escalation', status: 'firing' });
  const { id } = escalation.alerts[0]!;

  const links = [
    ...decodeQuotedPrintable(email.raw).matchAll(/http:\/\/127\.0\.0\.1:\d+\/links\/[\w.~-]+/g),
  ];
  const pages = await Promise.all(
    [...new Set(links.map(([link]) => link))].map(async (link) => {
      return { link, page: await (await fetch(link)).text() };
    }),
  );
  const { link } = pages.find(({ page }) => page.includes('Acknowledge this alert?'))!;
  const readState = async () => (await client.alert(id)).alert.state;
  // GET shows only a confirmation page.
  expect(await readState()).toBe('firing');
  const body = new URLSearchParams({ comment: 'Ann is on it' });
  expect((await fetch(link, { method: 'POST', body })).status).toBe(200);
  expect(await readState()).toBe('acknowledged');

  await insertSuccessfulRequests(questdb, 'booking');
  await waitFor(async () => (await readState()) === 'resolved');
  // Each channel that sent the alert also sends the resolution, once.
  await waitFor(async () => listWebhookMessages().some(({ status }) => status === 'resolved'));
  const listResolvedEmails = () =>
    smtpServer.emails.filter(({ headers }) => /resolved/i.test(headers.get('subject')!));
  await waitFor(async () => listResolvedEmails().length > 0);
  expect(listResolvedEmails()).toHaveLength(1);
  expect(listWebhookMessages().filter(({ status }) => status === 'resolved')).toHaveLength(1);

  await expectRows(
    () => server.sql(`SELECT count() FROM error_logs WHERE alert_id = '${id}'`),
    [[1]],
  );
  await expectRows(
    // On a busy machine, a delivery can be retried.
    () =>
      server.sql(`SELECT count() FROM (
        SELECT status, row_number() OVER (PARTITION BY id ORDER BY timestamp DESC, seq DESC) AS place
        FROM notifications) WHERE place = 1 AND status IN ('failed', 'retrying')`),
    [[0]],
  );
  const { notifications, unread } = await client.get('notifications', { inbox: true });
  expect(unread).toBeGreaterThan(0);
  expect(notifications.length).toBeGreaterThan(0);
});
