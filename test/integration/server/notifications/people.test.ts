import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { addNotifyCommand } from '../../../../src/cli/notify-command.ts';
import { PerfscopeClient } from '../../../../src/client/perfscope-client.ts';
import type { Alert } from '../../../../src/core/alerts/alert.ts';
import { ROLES } from '../../../../src/core/person-and-roles.ts';
import { createAuditLogger } from '../../../../src/server/access/audit-logger.ts';
import { PeopleStore } from '../../../../src/server/notifications/people/people-store.ts';
import { TestApiServer } from '../../../support/api-server.ts';
import { expectRows } from '../../../support/expect-rows.ts';
import { waitFor } from '../../../support/wait-for.ts';

const PATH = '/api/performance/people';
const NOTIFY_FILE = `
people:
  - { name: ann, role: ADMIN, email: ann@hotel.example }
receivers:
  - name: oncall
    to: { people: [ann, bob] }
    channels: [{ kind: email, host: 127.0.0.1, port: 1, security: none, from: perfscope@hotel.example }]
route: { receivers: [oncall] }
`;
const ALERT: Alert = {
  id: 'a1',
  rule: 'error-rate',
  state: 'firing',
  severity: 'critical',
  annotations: {},
  labels: { organization: 'anna', property: 'north' },
  runbook: undefined,
  value: 1,
  threshold: 1,
  cause: undefined,
  author: undefined,
  comment: undefined,
  startedMs: 0,
  firedMs: 0,
  changedMs: 0,
};
const BOB = {
  name: 'bob',
  role: 'PROPERTY_MGR' as const,
  organizationId: 'anna',
  properties: ['north'],
  email: 'robert@hotel.example',
  phone: '+43699555123',
  user: 'token:bob',
};
const MASKED = { email: 'ro***@hotel.example', phone: '+43***23', user: 'token:bob' };
/** Matches addresses that only the last row of the table can contain. */
const ADDRESSES = /robert|rob@|699555123|eve@/;

const api = new TestApiServer();
/** Recipients of each sent message. */
const sentTo: (readonly string[] | undefined)[] = [];
let client: PerfscopeClient;
let otherStore: PeopleStore;

beforeAll(async () => {
  const notifyFile = join(api.questdb.folder, 'notify.yaml');
  writeFileSync(notifyFile, NOTIFY_FILE);
  await api.start({
    notifyFile,
    createChannel: ({ kind }, { to } = {}) => ({
      kind,
      recipient: 'masked',
      deliver: async () => {
        sentTo.push(to);
        return { status: 'delivered' };
      },
    }),
  });
  client = new PerfscopeClient({ url: api.url });
  otherStore = createOtherStore();
  otherStore.watch();
});
afterAll(async () => {
  otherStore?.close();
  await api.remove();
});
beforeEach(() => {
  api.role = 'ADMIN';
});

/** Creates the people store of another server that uses the same QuestDB. */
function createOtherStore(): PeopleStore {
  const { add, flush, queryClient } = api.dependencies;
  return new PeopleStore({ read: queryClient.read, add, flush, audit: createAuditLogger(add) });
}

async function sendRequest(method: string, path: string, body?: object) {
  const headers = { 'content-type': 'application/json' };
  const init = body && { body: JSON.stringify(body) };
  const response = await fetch(api.url + path, { method, headers, ...init });
  return { status: response.status, text: await response.text() };
}

it.each([
  ['GET', PATH, undefined],
  ['POST', PATH, BOB],
  ['DELETE', `${PATH}/bob`, undefined],
])('only administrators can call %s %s', async (method, path, body) => {
  for (const role of ROLES.filter((each) => each !== 'ADMIN')) {
    api.role = role;
    const { status, text } = await sendRequest(method, path, body);
    expect([role, status]).toEqual([role, 403]);
    expect(text).not.toContain('ann');
  }
  expect(api.peopleStore.people).toEqual([]);
});

it('adds a person on every server within seconds, and masks the addresses in responses', async () => {
  const { people } = await client.setPerson(BOB);
  const expected = { ...BOB, ...MASKED, source: 'api', hidden: false };
  expect(people).toEqual([expected]);
  await waitFor(async () => otherStore.people.length === 1);
  expect(otherStore.people[0]).toMatchObject({ email: BOB.email, organization: 'anna' });
  expect((await client.get('people')).people).toEqual([
    {
      name: 'ann',
      role: 'ADMIN',
      email: 'an***@hotel.example',
      source: 'file',
      hidden: false,
    },
    expected,
  ]);
  expect((await client.get('receivers')).people.map(({ name }) => name)).toEqual(['ann', 'bob']);
});

it("notifies people from the API and the file, but only about their organizations' alerts", async () => {
  const alert = { ...ALERT, startedMs: Date.now(), firedMs: Date.now(), changedMs: Date.now() };
  api.notifier.notify({ key: 'g1', alerts: [alert] });
  await waitFor(async () => sentTo.length === 2);
  expect(sentTo.flat().sort()).toEqual(['ann@hotel.example', 'robert@hotel.example']);
  const otherAlert = { ...alert, id: 'a2', labels: { organization: 'bert', property: 'north' } };
  api.notifier.notify({ key: 'g2', alerts: [otherAlert] });
  await waitFor(async () => sentTo.length === 3);
  expect(sentTo[2]).toEqual(['ann@hotel.example']);
});

it('replaces a person, even if two servers do so, and deletes the old addresses', async () => {
  await Promise.all([
    client.setPerson({ ...BOB, email: 'first@hotel.example' }),
    client.setPerson({ ...BOB, email: 'rob@hotel.example', phone: undefined }),
  ]);
  const newEmails = ['first@hotel.example', 'rob@hotel.example'];
  await waitFor(async () => {
    const [mine, others] = [api.peopleStore, otherStore].map(({ people }) => people[0]?.email);
    return mine === others && newEmails.includes(String(mine));
  });
  await otherStore.set(
    { name: 'bob', role: 'VIEWER', organization: 'anna', email: 'eve@hotel.example' },
    { author: 'cli:test' },
  );
  await waitFor(async () => {
    await api.peopleStore.load();
    return api.peopleStore.people[0]?.email === 'eve@hotel.example';
  });
  await expectRows(
    () =>
      api.questdb.sql(
        'SELECT seq, state, author, email, phone, subject FROM notification_people ORDER BY seq',
      ),
    [
      ...[1, 2, 3].map((seq) => [seq, 'active', 'test', null, null, null]),
      [4, 'active', 'cli:test', 'eve@hotel.example', null, null],
    ],
  );
});

it.each([
  ['a line break in an address', { email: 'eve@x.example\r\nBcc: all@x.example' }],
  ['another header in an address', { email: 'eve@x.example\nSubject:eve@x.example' }],
  ['two addresses in one field', { email: 'eve@x.example, eve@y.example' }],
  ['an invisible character in an address', { email: 'eve@x.example\u0000' }],
  ['an invalid phone number', { phone: '699555123' }],
  ['a user with two lines', { user: 'token:eve@\nx' }],
  ['a name with two words', { name: 'bob eve@x.example' }],
  ['a role that cannot have properties', { role: 'ADMIN' }],
  ['a property without an organization', { organizationId: undefined }],
  ['an unknown key', { organization: 'anna' }],
])('rejects %s without repeating addresses', async (_case, more) => {
  const before = api.peopleStore.people;
  const { status, text } = await sendRequest('POST', PATH, { ...BOB, ...more });
  expect([status, JSON.parse(text).code]).toEqual([400, 'PS_REQUEST_INVALID']);
  expect(text).not.toMatch(ADDRESSES);
  expect(api.peopleStore.people).toEqual(before);
});

it('does not change people from the file', async () => {
  const { status, text } = await sendRequest('POST', PATH, { name: 'ann', role: 'ADMIN' });
  expect([status, text]).toEqual([400, expect.stringContaining('is in the notification file')]);
  expect((await sendRequest('DELETE', `${PATH}/ann`)).status).toBe(404);
});

it('loads people after a restart, and removes a person permanently', async () => {
  const restarted = createOtherStore();
  expect(restarted.isLoaded).toBe(false);
  await restarted.load();
  expect(restarted.people).toEqual(api.peopleStore.people);
  expect(restarted.people).toHaveLength(1);
  expect((await client.removePerson('bob')).people).toMatchObject([
    { name: 'bob', email: 'ev***@hotel.example' },
  ]);
  await waitFor(async () => otherStore.people.length === 0);
  expect((await client.get('people')).people.map(({ name }) => name)).toEqual(['ann']);
  await expect(client.removePerson('bob')).rejects.toMatchObject({ code: 'PS_NOT_FOUND' });
  await api.waitUntilStored();
  const rows = await api.questdb.sql('SELECT * FROM notification_people');
  expect(rows).toHaveLength(5);
  expect(JSON.stringify(rows)).not.toMatch(ADDRESSES);
  const again = await client.setPerson({ name: 'bob', role: 'ADMIN' });
  expect(again.people).toMatchObject([{ name: 'bob', role: 'ADMIN' }]);
});

it('adds, lists, and removes people with commands', async () => {
  const add = ['cem', '--role', 'VIEWER', '--organization', 'anna', '--email', 'eve@hotel.example'];
  const view = {
    name: 'cem',
    role: 'VIEWER',
    organizationId: 'anna',
    email: 'ev***@hotel.example',
  };
  expect(await runNotify('people', 'add', ...add, '--json')).toEqual([view]);
  await waitFor(async () => otherStore.people.length === 2);
  expect(await runNotify('people', 'list', '--json')).toEqual([
    { name: 'bob', role: 'ADMIN' },
    view,
  ]);
  await expect(runNotify('people', 'add', 'dan', '--role', 'VIEWER')).rejects.toThrow(
    /organization/,
  );
  // The `routes` command includes people that were added.
  writeFileSync(join(api.questdb.folder, 'notify.yaml'), NOTIFY_FILE.replace('ann, bob', 'cem'));
  const labels = ['--labels', 'organization=anna'];
  expect(await runNotify('routes', ...labels, '--json')).toMatchObject({
    routes: [{ for: 'cem' }],
  });
  expect(await runNotify('people', 'remove', 'cem', '--json')).toEqual([view]);
  expect(await runNotify('routes', ...labels, '--json')).toEqual({ routes: [] });
});

/**
 * Runs a `perfscope notify` command in this process, with the server's QuestDB.
 *
 * @returns parsed JSON output
 */
async function runNotify(...args: string[]): Promise<unknown> {
  const env = {
    ...api.questdb.env,
    PERFORMANCE_NOTIFY_FILE: join(api.questdb.folder, 'notify.yaml'),
    PERFORMANCE_DATA_DIR: join(api.questdb.folder, 'data'),
  };
  const printed: string[] = [];
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed.push(String(text));
    return true;
  });
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  try {
    const program = new Command('perfscope').exitOverride();
    addNotifyCommand(program);
    await program.parseAsync(['notify', ...args], { from: 'user' });
    return JSON.parse(printed.join(''));
  } finally {
    vi.unstubAllEnvs();
    write.mockRestore();
  }
}

it('records each change in the audit log, and stores no addresses anywhere else', async () => {
  await api.waitUntilStored();
  const audit = await api.questdb.sql(
    "SELECT author, action, object, organization_id, detail FROM audit_log WHERE action LIKE 'person.%' ORDER BY timestamp",
  );
  expect(audit.map((row) => row.slice(0, 4))).toEqual([
    ...[1, 2, 3].map(() => ['test', 'person.set', 'bob', 'anna']),
    ['cli:test', 'person.set', 'bob', 'anna'],
    ['test', 'person.remove', 'bob', 'anna'],
    ['test', 'person.set', 'bob', null],
    [expect.stringMatching(/^cli:/), 'person.set', 'cem', 'anna'],
    [expect.stringMatching(/^cli:/), 'person.remove', 'cem', 'anna'],
  ]);
  expect(JSON.parse(String(audit[0]?.[4]))).toEqual({
    role: 'PROPERTY_MGR',
    properties: ['north'],
    reachedBy: ['email', 'phone', 'user'],
  });
  const notifications = await api.questdb.sql('SELECT * FROM notifications');
  expect(notifications.length).toBeGreaterThan(2);
  expect(JSON.stringify([audit, notifications, api.logMessages])).not.toMatch(ADDRESSES);
});
