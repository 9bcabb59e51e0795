import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { PerfscopeClient } from '../../../../src/client/perfscope-client.ts';
import { createOrganizationScope, UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { TestApiServer } from '../../../support/api-server.ts';

const api = new TestApiServer();
let client: PerfscopeClient;
/** Bodies that the webhook received. */
const bodies: string[] = [];
let status = 200;
const hook = createServer((request, response) => {
  let body = '';
  request
    .on('data', (chunk) => (body += chunk))
    .on('end', () => {
      bodies.push(body);
      response.writeHead(status).end();
    });
});

beforeAll(async () => {
  hook.listen(0, '127.0.0.1');
  await once(hook, 'listening');
  const { port } = hook.address() as AddressInfo;
  const secretFile = join(api.questdb.folder, 'hook.secret');
  writeFileSync(secretFile, 's'.repeat(40), { mode: 0o600 });
  const notifyFile = join(api.questdb.folder, 'notify.yaml');
  const webhook = `{ kind: webhook, url: "http://127.0.0.1:${port}/", secretFile: "${secretFile}", allowHttp: true, allowPrivate: true }`;
  writeFileSync(
    notifyFile,
    `
people:
  - { name: ann, role: PROPERTY_MGR, organization: anna, properties: [north], user: token:ann }
receivers:
  - { name: oncall, to: { people: [ann] }, channels: [${webhook}, { kind: inApp }] }
route: { receivers: [oncall] }
`,
  );
  await api.start({ notifyFile });
  client = new PerfscopeClient({ url: api.url });
  await api.notifier.tick();
  expect(api.notifier.file.problems).toEqual([]);
});
afterAll(async () => {
  await api.remove();
  hook.close();
});
beforeEach(() => {
  api.scope = UNRESTRICTED_SCOPE;
  api.role = 'ADMIN';
  status = 200;
  bodies.length = 0;
});

it('sends a sample alert through each channel and reports the results', async () => {
  const answer = await client.testReceiver('oncall', {
    ...{ organizationId: 'anna', propertyId: 'north' },
  });
  expect(answer).toMatchObject({
    receiver: 'oncall',
    results: [
      { channel: 'webhook', recipient: expect.stringContaining('127.0.0.1'), status: 'delivered' },
      { channel: 'inApp', recipient: 'user:token:ann', status: 'delivered' },
    ],
  });
  expect(bodies).toHaveLength(1);
  expect(bodies[0]).toContain('Sample alert. No action is needed.');
  await api.waitUntilStored();
  const { notifications } = await client.get('notifications', { last: '1h' });
  expect(notifications).toMatchObject([
    { kind: 'test', channel: 'inApp', receiver: 'oncall', organizationId: 'anna' },
  ]);
});

it('reports failures, and omits people who receive no alerts of the tenant', async () => {
  status = 400;
  const { results } = await client.testReceiver('oncall');
  expect(results).toMatchObject([
    { channel: 'webhook', status: 'failed', detail: expect.stringContaining('400') },
  ]);
});

it('is stored in the audit log', async () => {
  await client.testReceiver('oncall');
  await api.waitUntilStored();
  const rows = await api.questdb.sql(
    "SELECT author, object, detail FROM audit_log WHERE action = 'receiver.test'",
  );
  expect(rows.at(-1)).toEqual(['test', 'oncall', '{"results":["webhook delivered"]}']);
});

it('rejects unknown receivers and other roles', async () => {
  await expect(client.testReceiver('nobody')).rejects.toMatchObject({ code: 'PS_NOT_FOUND' });
  api.role = 'ORG_ADMIN';
  api.scope = createOrganizationScope('anna');
  await expect(client.testReceiver('oncall')).rejects.toMatchObject({ code: 'PS_FORBIDDEN' });
  const response = await fetch(`${api.url}/api/performance/receivers/oncall/test`);
  expect(response.status).toBe(405);
  expect(bodies).toEqual([]);
});
