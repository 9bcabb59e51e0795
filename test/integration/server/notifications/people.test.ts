import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { addNotifyCommand } from '../../../../src/cli/notify-command.ts';
import { PerfscopeClient } from '../../../../src/client/perfscope-client.ts';
import type { Alert } from '../../../../src/core/alerts/alert.ts';
import { ROLES } from '../../../../src/core/people.ts';
import { createAuditLogger } from '../../../../src/server/access/audit-logger.ts';
import { PeopleStore } from '../../../../src/server/notifications/people/people-store.ts';
import { TestApiServer } from '../../../support/api-server.ts';
import { expectRows } from '../../../support/expect-rows.ts';
import { waitFor } from '../../../support/wait-for.ts';

const PATH = '/api/performance/people';
const FILE = `
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
  role: 'PROPERTY_MGR',
  organizationId: 'anna',
  properties: ['north'],
  email: 'robert@hotel.example',
  phone: '+43699555123',
  user: 'token:bob',
};
const MASKED = { email: 'ro***@hotel.example', phone: '+43***23', user: 'token:bob' };
/** What must stand nowhere but in the last row of the table. */
const PERSONAL = /robert|rob@|699555123|eve@/;

const api = new TestApiServer();
/** What went out: to whom. */
const sent: (readonly string[] | undefined)[] = [];
let client: PerfscopeClient;
let elsewhere: PeopleStore;

beforeAll(async () => {
  const notifyFile = join(api.questdb.folder, 'notify.yaml');
  writeFileSync(notifyFile, FILE);
  await api.start({
    notifyFile,
    createChannel: ({ kind }, { to } = {}) => ({
      kind,
      recipient: 'masked',
      deliver: async () => {
        sent.push(to);
        return { status: 'delivered' };
      },
    }),
  });
  client = new PerfscopeClient({ url: api.url });
  elsewhere = bookOf();
  elsewhere.watch();
}, 120_000);
afterAll(async () => {
  elsewhere?.close();
  await api.remove();
});
beforeEach(() => {
  api.role = 'ADMIN';
});

/** The book of another server of the same QuestDB. */
function bookOf(): PeopleStore {
  const { add, flush, queryClient: store } = api.dependencies;
  return new PeopleStore({ read: store.read, add, flush, audit: createAuditLogger(add) });
}

async function ask(method: string, path: string, body?: object) {
  const headers = { 'content-type': 'application/json' };
  const sent = body && { body: JSON.stringify(body) };
  const response = await fetch(api.url + path, { method, headers, ...sent });
  return { status: response.status, text: await response.text() };
}

it.each([
  ['GET', PATH, undefined],
  ['POST', PATH, BOB],
  ['DELETE', `${PATH}/bob`, undefined],
])('is for administrators only: %s %s', async (method, path, body) => {
  for (const role of ROLES.filter((each) => each !== 'ADMIN')) {
    api.role = role;
    const { status, text } = await ask(method, path, body);
    expect([role, status]).toEqual([role, 403]);
    expect(text).not.toContain('ann');
  }
  expect(api.peopleStore.people).toEqual([]);
});

it('names somebody, whom every server knows within seconds, and masks how she is reached', async () => {
  const began = Date.now();
  const { people } = await client.setPerson(BOB);
  const expected = { ...BOB, ...MASKED, source: 'api', hidden: false };
  expect(people).toEqual([expected]);
  await waitFor(async () => elsewhere.people.length === 1, 5000);
  expect(Date.now() - began).toBeLessThan(10_000);
  expect(elsewhere.people[0]).toMatchObject({ email: BOB.email, organization: 'anna' });
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

it('tells her beside those of the file, of what concerns her only', async () => {
  const alert = { ...ALERT, startedMs: Date.now(), firedMs: Date.now(), changedMs: Date.now() };
  api.notifier.notify({ key: 'g1', alerts: [alert] });
  await waitFor(async () => sent.length === 2);
  expect(sent.flat().sort()).toEqual(['ann@hotel.example', 'robert@hotel.example']);
  const foreign = { ...alert, id: 'a2', labels: { organization: 'bert', property: 'north' } };
  api.notifier.notify({ key: 'g2', alerts: [foreign] });
  await waitFor(async () => sent.length === 3);
  expect(sent[2]).toEqual(['ann@hotel.example']);
});

it('replaces her, also from two servers, and keeps no address that was', async () => {
  await Promise.all([
    client.setPerson({ ...BOB, email: 'first@hotel.example' }),
    client.setPerson({ ...BOB, email: 'rob@hotel.example', phone: undefined }),
  ]);
  await waitFor(async () => elsewhere.people[0]?.email === 'rob@hotel.example');
  await elsewhere.set(
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
  ['two addresses in one', { email: 'eve@x.example, eve@y.example' }],
  ['an address that cannot be seen', { email: 'eve@x.example\u0000' }],
  ['no number', { phone: '699555123' }],
  ['a subject of two lines', { user: 'token:eve@\nx' }],
  ['a name of two words', { name: 'bob eve@x.example' }],
  ['a role that makes no sense', { role: 'ADMIN' }],
  ['a property of nobody', { organizationId: undefined }],
  ['an unknown key', { organization: 'anna' }],
])('refuses %s, and does not repeat it', async (_what, more) => {
  const before = api.peopleStore.people;
  const { status, text } = await ask('POST', PATH, { ...BOB, ...more });
  expect([status, JSON.parse(text).code]).toEqual([400, 'PS_REQUEST_INVALID']);
  expect(text).not.toMatch(PERSONAL);
  expect(api.peopleStore.people).toEqual(before);
});

it('changes nobody of the file', async () => {
  const { status, text } = await ask('POST', PATH, { name: 'ann', role: 'ADMIN' });
  expect([status, text]).toEqual([400, expect.stringContaining('is in the notification file')]);
  expect((await ask('DELETE', `${PATH}/ann`)).status).toBe(404);
});

it('is known after a restart, and gone for good when she is removed', async () => {
  const restarted = bookOf();
  expect(restarted.isLoaded).toBe(false);
  await restarted.load();
  expect(restarted.people).toEqual(api.peopleStore.people);
  expect(restarted.people).toHaveLength(1);
  expect((await client.removePerson('bob')).people).toMatchObject([
    { name: 'bob', email: 'ev***@hotel.example' },
  ]);
  await waitFor(async () => elsewhere.people.length === 0, 5000);
  expect((await client.get('people')).people.map(({ name }) => name)).toEqual(['ann']);
  await expect(client.removePerson('bob')).rejects.toMatchObject({ code: 'PS_NOT_FOUND' });
  await api.waitUntilStored();
  const rows = await api.questdb.sql('SELECT * FROM notification_people');
  expect(rows).toHaveLength(5);
  expect(JSON.stringify(rows)).not.toMatch(PERSONAL);
  const again = await client.setPerson({ name: 'bob', role: 'ADMIN' });
  expect(again.people).toMatchObject([{ name: 'bob', role: 'ADMIN' }]);
});

it('is named, told and removed on the command line too', async () => {
  const add = ['cem', '--role', 'VIEWER', '--organization', 'anna', '--email', 'eve@hotel.example'];
  const view = {
    name: 'cem',
    role: 'VIEWER',
    organizationId: 'anna',
    email: 'ev***@hotel.example',
  };
  expect(await run('people', 'add', ...add, '--json')).toEqual([view]);
  await waitFor(async () => elsewhere.people.length === 2, 5000);
  expect(await run('people', 'list', '--json')).toEqual([{ name: 'bob', role: 'ADMIN' }, view]);
  await expect(run('people', 'add', 'dan', '--role', 'VIEWER')).rejects.toThrow(/organization/);
  // What is tried by command knows them as well.
  writeFileSync(join(api.questdb.folder, 'notify.yaml'), FILE.replace('ann, bob', 'cem'));
  const labels = ['--labels', 'organization=anna'];
  expect(await run('routes', ...labels, '--json')).toMatchObject({ routes: [{ for: 'cem' }] });
  expect(await run('people', 'remove', 'cem', '--json')).toEqual([view]);
  expect(await run('routes', ...labels, '--json')).toEqual({ routes: [] });
});

/** One command in this process, with the server's QuestDB. @returns what it prints as JSON */
async function run(...args: string[]): Promise<unknown> {
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

it('leaves a row of each change in the audit log, and an address nowhere', async () => {
  await api.waitUntilStored();
  const audit = await api.questdb.sql(
    "SELECT author, action, object, organization_id, detail FROM audit_log WHERE action LIKE 'person.%' ORDER BY timestamp",
  );
  expect(audit.map(([author, action, object, of]) => [author, action, object, of])).toEqual([
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
  const told = await api.questdb.sql('SELECT * FROM notifications');
  expect(told.length).toBeGreaterThan(2);
  expect(JSON.stringify([audit, told, api.logMessages])).not.toMatch(PERSONAL);
});
