import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HOUR_MS } from '../../../../src/core/duration.ts';
import type { Role } from '../../../../src/core/person-and-roles.ts';
import { UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { hasPermission } from '../../../../src/server/access/permissions.ts';
import { createPrincipal, type Principal } from '../../../../src/server/access/principal.ts';
import { ENDPOINT_LIST, ENDPOINTS } from '../../../../src/server/api/endpoint-registry.ts';
import { TestApiServer } from '../../../support/api-server.ts';
import {
  findIds,
  listBodies,
  listOperations,
  listQueries,
  type Operation,
  type TriedNames,
} from '../../../support/endpoint-walker.ts';
import {
  ALPHA,
  addAlertingRows,
  addForeignNotifications,
  addSharedRows,
  addSuggestionRows,
  addTenantRows,
  BETA,
  FOREIGN_RULES,
  HOST_MARK,
  type SeededTenant,
  SISTER,
} from '../../../support/two-tenants.ts';
import { waitFor } from '../../../support/wait-for.ts';

/** A caller, and texts that must not be in any response to this caller. */
interface Caller {
  readonly name: string;
  readonly principal: Principal;
  readonly foreign: readonly string[];
}

const createCaller = (role: Role, properties?: readonly string[]): Caller => ({
  name: `${role}${properties ? ' of a property' : ''}`,
  principal: createPrincipal(`key:${ALPHA.mark}`, {
    role,
    organizationId: ALPHA.organizationId,
    properties,
  }),
  foreign: [BETA.mark, HOST_MARK, ...(properties ? [SISTER.mark] : [])],
});
const WRITERS = [createCaller('PROPERTY_MGR', [ALPHA.propertyId]), createCaller('ORG_ADMIN')];
const READERS = [createCaller('VIEWER'), createCaller('VIEWER', [ALPHA.propertyId])];
const CALLERS = [...WRITERS, ...READERS];
/** Two organizations can use the same name for a property. This one has the name of the other one's property. */
const NAMESAKE: Caller = {
  ...createCaller('VIEWER', [BETA.propertyId]),
  foreign: [BETA.organizationId, `${BETA.mark}-s`, `${BETA.mark}-r`, ALPHA.propertyId, SISTER.mark],
};
/** Returns texts that a client could try, as any name. */
const listNames = ({ mark, organizationId, propertyId }: SeededTenant) => [
  propertyId,
  organizationId,
  `${mark}-service`,
  `/${mark}-rooms`,
];
const ALL_NAMES = { own: listNames(ALPHA), foreign: [BETA, SISTER].flatMap(listNames) };
const PROPERTY_NAMES: TriedNames = { own: [ALPHA.propertyId], foreign: [BETA.propertyId] };
/** Number of queries without names of tenants. They are the first ones. See `listQueries`. */
const PLAIN_QUERIES = 2;
const DATABASE_TEXT = /questdb|sqlstate|postgres|econnrefused|invalid column|\bat position\b/i;
const METHODS = ['GET', 'POST', 'DELETE'];

const api = new TestApiServer();
let operations: Operation[];
/** IDs of another organization's objects. */
let foreignIds: string[];
/** One ID for each path. */
let foreignIdsByPath: string[];
const now = Date.now();

beforeAll(async () => {
  const rulesFile = join(api.questdb.folder, 'rules.yaml');
  writeFileSync(rulesFile, FOREIGN_RULES);
  await api.start({ rulesFile });
  expect(api.evaluator.rulesFile.status.problems).toEqual([]);
  const { add } = api.dependencies;
  for (const tenant of [ALPHA, SISTER, BETA]) {
    addTenantRows(add, tenant, now);
    addAlertingRows(add, tenant, now);
    addSuggestionRows(add, tenant, now);
  }
  addSharedRows(add, now);
  addForeignNotifications(add, now);
  await api.waitUntilStored();
  await api.dependencies.alerts.createSilence(
    { matchers: ['alertname="response-time"'], duration: '1h', comment: `${ALPHA.mark} moves` },
    { organizationId: ALPHA.organizationId },
    { author: `key:${ALPHA.mark}`, scope: UNRESTRICTED_SCOPE },
  );
  await api.dependencies.alerts.createSilence(
    { matchers: ['alertname="response-time"'], duration: '1h', comment: `${BETA.mark} moves` },
    {},
    { author: `key:${BETA.mark}`, scope: UNRESTRICTED_SCOPE },
  );
  await api.evaluator.runOnce(now);
  await api.waitUntilStored();
  // Forecasts read whole hours.
  await api.evaluator.forecasts.refresh(now + HOUR_MS);
  operations = listOperations(await (await fetch(`${api.url}/api/openapi.json`)).json());
  const idsByPath = await collectForeignIds();
  foreignIds = idsByPath.flat();
  foreignIdsByPath = idsByPath.flatMap((ids) => ids.slice(0, 1));
});
afterAll(() => api.remove());

/** Returns the IDs of objects that only callers of the other organization can see. */
async function collectForeignIds(): Promise<string[][]> {
  const [own, other] = [ALPHA, BETA].map(({ organizationId }) =>
    createPrincipal('key:b', { role: 'ORG_ADMIN', organizationId }),
  );
  // Both organizations see the rules that apply to all.
  const shared = new Set([...(await collectIdsByPath(own!, Infinity)).values()].flat());
  const isForeign = (id: string) => !shared.has(id);
  return [...(await collectIdsByPath(other!, 3, isForeign)).values()];
}

/**
 * Returns the IDs in the responses of each path without path parameters.
 *
 * @param limit maximum number of IDs per response
 */
async function collectIdsByPath(
  principal: Principal,
  limit = 3,
  isIncluded: (id: string) => boolean = () => true,
): Promise<Map<string, string[]>> {
  api.principal = principal;
  const ids = new Map<string, string[]>();
  for (const { path, method, isStream, parameters } of operations) {
    if (method !== 'GET' || path.includes('{') || isStream) continue;
    // For example, `inbox=true` lists other notifications.
    const options = parameters.filter(({ schema }) => schema.type === 'boolean');
    for (const query of [...options.map(({ name }) => `${name}=true`), '']) {
      const response = await fetch(`${api.url}${path}?${query}`);
      const found = response.ok ? findIds(await response.json(), path) : [];
      ids.set(path, [...(ids.get(path) ?? []), ...found.filter(isIncluded).slice(0, limit)]);
    }
  }
  return ids;
}

interface Call {
  readonly method: string;
  readonly url: string;
  readonly body?: object | undefined;
  readonly accept?: string;
}

interface Answer extends Call {
  readonly status: number;
  readonly headers: string;
  readonly text: string;
}

async function send(call: Call): Promise<Answer> {
  const { method, url, body, accept } = call;
  const response = await fetch(api.url + url, {
    method,
    headers: {
      ...(accept !== undefined && { accept }),
      ...(body && { 'content-type': 'application/json' }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  const headers = [...response.headers].map((pair) => pair.join(': ')).join('\n');
  return { ...call, status: response.status, headers, text: await response.text() };
}

/** Returns the foreign texts in an answer. Problems, links, SQL, and comparisons can repeat parts of the request. */
function findLeaks({ url, body, status, headers, text }: Answer, { foreign }: Caller): string[] {
  const sent = [url, decodeURIComponent(url), JSON.stringify(body ?? {})].join('\n').toLowerCase();
  const isEcho = (mark: string, content: string) => {
    const words = content.toLowerCase().match(new RegExp(`[\\w/.-]*${mark}[\\w/.-]*`, 'g')) ?? [];
    return words.every((word) => sent.includes(word) || sent.includes(encodeURIComponent(word)));
  };
  const leaks = (content: string, canEcho: boolean) =>
    foreign.filter(
      (mark) => content.toLowerCase().includes(mark) && !(canEcho && isEcho(mark, content)),
    );
  const echoing = [ENDPOINTS.trendsSql.path, ENDPOINTS.compare.path];
  const canEcho =
    status >= 400 || body !== undefined || echoing.some((path) => url.startsWith(path));
  return [...leaks(text, canEcho), ...leaks(headers, true)];
}

function describeFailure(answer: Answer, caller: Caller, reason: string): string {
  const { method, url, body, status, text, headers } = answer;
  const at = Math.max(0, ...caller.foreign.map((mark) => (text + headers).indexOf(mark) - 150));
  const sent = body ? JSON.stringify(body) : '';
  return `${caller.name} ${method} ${url} ${sent} => ${status} ${reason}: ${(text + headers).slice(at, at + 400)}`;
}

/** Sends a call, checks the response, and returns it. */
async function check(call: Call, caller: Caller, failures: string[]): Promise<Answer> {
  api.principal = caller.principal;
  const answer = await send(call);
  const leaks = findLeaks(answer, caller);
  if (leaks.length > 0) failures.push(describeFailure(answer, caller, `contains ${leaks}`));
  if (answer.status >= 500) failures.push(describeFailure(answer, caller, 'server error'));
  if (answer.status >= 400 && DATABASE_TEXT.test(answer.text)) {
    failures.push(describeFailure(answer, caller, 'text of the database'));
  }
  return answer;
}

function isDeclaredAsMutating(path: string): boolean {
  const endpoint = ENDPOINT_LIST.find((each) => each.path.replaceAll(/:(\w+)/g, '{$1}') === path);
  return endpoint?.isMutating === true;
}

/** Returns the paths of an operation with own and foreign IDs. */
function listPaths({ path }: Operation, ownIds: ReadonlyMap<string, readonly string[]>): string[] {
  if (!path.includes('{')) return [path];
  const parent = path.slice(0, path.indexOf('/{'));
  const own = ownIds.get(parent) ?? [];
  return [...new Set([...own, ...foreignIds, `${BETA.mark}-name`])].map((id) =>
    path.replace(/\{\w+\}/, encodeURIComponent(id)),
  );
}

/** Follows `nextCursor` to the last page. Returns the cursors. */
async function followCursors(url: string, caller: Caller, failures: string[]): Promise<string[]> {
  const cursors: string[] = [];
  for (let cursor: string | undefined = ''; cursor !== undefined && cursors.length < 30; ) {
    const page: string = cursor === '' ? url : `${url}&cursor=${encodeURIComponent(cursor)}`;
    const { text, status } = await check({ method: 'GET', url: page }, caller, failures);
    cursor = status === 200 ? (JSON.parse(text) as { nextCursor?: string }).nextCursor : undefined;
    if (cursor === undefined) break;
    cursors.push(cursor);
    const decoded = Buffer.from(cursor, 'base64url').toString();
    if (caller.foreign.some((mark) => decoded.includes(mark))) failures.push(`cursor: ${decoded}`);
  }
  return cursors;
}

/** Returns copies of a cursor in which one value is replaced. */
function tamper(cursor: string): string[] {
  const content = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown[];
  const values = [
    -1,
    0,
    1.5,
    2 ** 53,
    1e300,
    null,
    '',
    'a\0b',
    '\ud800',
    "'",
    {},
    [],
    'x'.repeat(999),
  ];
  const keys = content.at(-1) as unknown[];
  const contents = values.flatMap((value) => [
    ...content.map((_, i) => content.with(i, value)),
    ...keys.map((_, i) => content.with(-1, keys.with(i, value))),
    content.with(-1, [...keys, value]),
  ]);
  const encode = (each: unknown) => Buffer.from(JSON.stringify(each)).toString('base64url');
  return [...contents.map(encode), `${cursor}A`, cursor.slice(0, -3), 'bm90aGluZw'];
}

/**
 * Paths that show no names. `distribution.test.ts` and `deploys-api.test.ts` check that the values are limited to the
 * tenant.
 */
const PATHS_WITHOUT_NAMES = [
  '/api/performance/bands',
  '/api/performance/compare',
  '/api/performance/distribution',
  '/api/performance/actions',
  '/api/openapi.json',
];

/** Whether there are anomalies depends on the time of the test. `anomalies.test.ts` checks their tenants. */
const PATH_WITH_CHANGING_NAMES = '/api/performance/anomalies';

// First, because other tests end silences and acknowledge alerts.
it('shows names in the response of each path, so the other tests are meaningful', async () => {
  const admin = createPrincipal('key:admin', { role: 'ADMIN' });
  expect({
    tenant: await listPathsWithoutNames(createCaller('ORG_ADMIN').principal, ALPHA),
    admin: await listPathsWithoutNames(admin, BETA),
  }).toEqual({
    // Tenants don't see processes.
    tenant: [...PATHS_WITHOUT_NAMES, '/api/performance/health'].sort(),
    // The scope of other callers, the hosts, and the operator's files contain no tenant.
    admin: [
      ...PATHS_WITHOUT_NAMES,
      ...['trends/sql', 'coverage', 'receivers', 'people', 'storage', 'me', 'backtest'].map(
        (name) => `/api/performance/${name}`,
      ),
    ].sort(),
  });
});

/** Returns the GET paths whose responses never contain the tenant's mark, although the caller can read them. */
async function listPathsWithoutNames(
  principal: Principal,
  { mark }: SeededTenant,
): Promise<string[]> {
  const ids = await collectIdsByPath(principal, Infinity);
  api.principal = principal;
  const paths: string[] = [];
  for (const operation of operations) {
    const { method, path, permission, isStream } = operation;
    const isAllowed = permission === undefined || hasPermission(principal.role, permission);
    if (method !== 'GET' || isStream || !isAllowed) continue;
    const own = ids.get(path.slice(0, path.indexOf('/{'))) ?? [];
    const urls = path.includes('{')
      ? own.map((id) => path.replace(/\{\w+\}/, encodeURIComponent(id)))
      : [path];
    const queries = listQueries(operation, { own: [], foreign: [] });
    let isShown = false;
    for (const url of urls.flatMap((each) => queries.map((query) => `${each}?${query}`))) {
      const { status, text } = await send({ method, url });
      isShown = status === 200 && text.toLowerCase().includes(mark);
      if (isShown) break;
    }
    if (!isShown && path !== PATH_WITH_CHANGING_NAMES) paths.push(path);
  }
  return paths.sort();
}

describe.each(WRITERS)('$name', (caller) => {
  it('sees no names of other tenants and no hosts in any response', () =>
    // In CI, only the caller with the smallest scope tries all parameters.
    checkOperations(caller, PROPERTY_NAMES, caller === WRITERS[0] ? undefined : PLAIN_QUERIES));
  it('sees no other rows with its own, changed, and foreign cursors', () => checkCursors(caller));
  it('receives no events of other tenants', () => checkStreams(caller));
  it('gets the same response for names of other tenants and for unknown names', () =>
    compareAnswers(caller));
});

describe.each(READERS)('$name', (caller) => {
  it('sees no names of other tenants and no hosts in any response', () =>
    checkOperations(caller, PROPERTY_NAMES, PLAIN_QUERIES));
  it('receives no events of other tenants', () => checkStreams(caller));
});

// Long: in CI, the tests above try fewer names and queries for the same callers.
describe.each(CALLERS)('$name, with all names and cursors', { tags: 'long' }, (caller) => {
  it('sees no names of other tenants and no hosts in any response', () =>
    checkOperations(caller, ALL_NAMES));
  it('sees no other rows with its own, changed, and foreign cursors', () => checkCursors(caller));
});

/** @param maxQueries number of queries for each path. Default: all */
async function checkOperations(
  caller: Caller,
  names: TriedNames,
  maxQueries?: number,
): Promise<void> {
  const failures: string[] = [];
  const ownIds = await collectIdsByPath(caller.principal);
  const { role } = caller.principal;
  const sorted = METHODS.flatMap((method) =>
    operations.filter((operation) => operation.method === method && !operation.isStream),
  );
  expect(sorted).toHaveLength(operations.filter(({ isStream }) => !isStream).length);
  for (const operation of sorted) {
    const { method, permission, path } = operation;
    const before = api.addedTables.length;
    const statuses = new Set<number>();
    for (const each of listPaths(operation, ownIds)) {
      for (const query of listQueries(operation, names).slice(0, maxQueries)) {
        const url = query === '' ? each : `${each}?${query}`;
        const formats = operation.hasCsv ? [undefined, 'text/csv'] : [undefined];
        for (const body of method === 'POST' ? listBodies(operation, names) : [undefined]) {
          for (const accept of formats) {
            const call = { method, url, body, ...(accept && { accept }) };
            const answer = await check(call, caller, failures);
            statuses.add(answer.status);
            await removeCreated(operation, answer);
          }
        }
      }
    }
    // Other websites can trigger a GET, so every GET that changes data must be declared.
    const added = api.addedTables.slice(before).filter((table) => table !== 'notifications');
    if (method === 'GET' && !isDeclaredAsMutating(path) && added.length > 0) {
      failures.push(`GET ${path} adds rows to ${[...new Set(added)]}`);
    }
    // A call that never succeeds proves nothing.
    const isAllowed = permission === undefined || hasPermission(role, permission);
    const isProven = isAllowed ? statuses.has(200) : [...statuses].join() === '403';
    if (!isProven)
      failures.push(`${caller.name} ${method} ${path} was not called: ${[...statuses]}`);
    for (const other of ['HEAD', 'OPTIONS']) {
      await check({ method: other, url: path.replace(/\{\w+\}/, 'x') }, caller, failures);
    }
  }
  expect(failures.slice(0, 5)).toEqual([]);
}

/**
 * Deletes what a POST created. Texts of an organization's administrator are visible to its other callers, so they would
 * be in later responses.
 */
async function removeCreated(
  { method, path }: Operation,
  { status, url, text }: Answer,
): Promise<void> {
  const item = `${path}/{id}`;
  const canDelete = operations.some((each) => each.method === 'DELETE' && each.path === item);
  if (method !== 'POST' || status !== 200 || !canDelete) return;
  for (const id of findIds(JSON.parse(text))) {
    const { status: deleted } = await send({ method: 'DELETE', url: `${url}/${id}` });
    expect(deleted).toBe(200);
  }
}

async function checkCursors(caller: Caller): Promise<void> {
  const failures: string[] = [];
  const beta = createPrincipal('key:b', {
    role: 'ORG_ADMIN',
    organizationId: BETA.organizationId,
  });
  let followed = 0;
  for (const { path } of operations.filter(({ hasCursor }) => hasCursor)) {
    const url = `${path}?limit=1`;
    const own = await followCursors(url, caller, failures);
    const foreign = await followCursors(url, { ...caller, principal: beta, foreign: [] }, failures);
    followed += own.length;
    for (const cursor of [...foreign, ...own.slice(0, 1).flatMap(tamper)]) {
      const next = `${url}&cursor=${encodeURIComponent(cursor)}`;
      const { status } = await check({ method: 'GET', url: next }, caller, failures);
      if (status !== 200 && status !== 400) failures.push(`${next} => ${status}`);
    }
  }
  expect(failures.slice(0, 5)).toEqual([]);
  expect(followed).toBeGreaterThan(10);
}

async function checkStreams(caller: Caller): Promise<void> {
  api.principal = caller.principal;
  for (const { path, parameters } of operations.filter(({ isStream }) => isStream)) {
    expect(parameters.map(({ name }) => name)).toContain('interval');
    for (const lastEventId of [
      undefined,
      'decision=1',
      'alert=x.0,notification=x.0,decision=0.a.1',
    ]) {
      const text = await readStream(path, lastEventId);
      expect(text.toLowerCase()).toContain(ALPHA.mark);
      expect(caller.foreign.filter((mark) => text.toLowerCase().includes(mark))).toEqual([]);
    }
  }
}

/** Compares the responses for names and IDs of other tenants with the responses for unknown names. */
async function compareAnswers(caller: Caller): Promise<void> {
  const failures: string[] = [];
  let compared = 0;
  const isLimited = caller.principal.properties !== undefined;
  const foreignNames = [isLimited ? SISTER.propertyId : BETA.propertyId, BETA.organizationId];
  const compare = async (operation: Operation, name: string, unknown: string, calls: Call[]) => {
    const answers: string[] = [];
    for (const call of calls) {
      const answer = await check(call, caller, failures);
      await removeCreated(operation, answer);
      answers.push(`${answer.status} ${normalizeAnswer(answer, [name, unknown])}`);
    }
    compared++;
    if (new Set(answers).size > 1) failures.push(`${JSON.stringify(calls)}: ${answers.join('\n')}`);
  };
  for (const operation of operations.filter(({ isStream }) => !isStream)) {
    const { method, path } = operation;
    for (const name of path.includes('{') ? foreignIdsByPath : foreignNames) {
      const unknown = name.replaceAll(/[0-9a-z]/g, 'q');
      const toCalls = (each: string): Call[] => {
        const queryNames = { own: [], foreign: [each] };
        const bodyNames = { own: [ALPHA.propertyId], foreign: [each] };
        const url = path.replace(/\{\w+\}/, encodeURIComponent(each));
        const bodies = method === 'POST' ? listBodies(operation, bodyNames) : [undefined];
        return listQueries(operation, queryNames).flatMap((query) =>
          bodies.map((body) => ({ method, url: query === '' ? url : `${url}?${query}`, body })),
        );
      };
      const unknownCalls = toCalls(unknown);
      for (const [i, call] of toCalls(name).entries()) {
        const other = unknownCalls[i]!;
        const isDifferent = JSON.stringify(call) !== JSON.stringify(other);
        if (isDifferent) await compare(operation, name, unknown, [call, other]);
      }
    }
  }
  expect(failures.slice(0, 5)).toEqual([]);
  expect(compared).toBeGreaterThan(50);
}

/** Replaces the requested names, times, and the values that are new for each object. */
function normalizeAnswer({ text }: Answer, names: readonly string[]): string {
  return (
    names
      .flatMap((name) => [name, encodeURIComponent(name)])
      .reduce((result, name) => result.replaceAll(name, 'NAME'), text)
      .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
      .replaceAll(/"(id|key)":"[^"]*"/g, '"$1":"NEW"')
      // Parts of an ID can look like personal data, and are then replaced.
      .replaceAll(/[\w-]*(?:\[number\][\w-]*)+/g, 'NAME')
  );
}

/** Returns the events of a stream during which alerts and notifications of all tenants change. */
async function readStream(path: string, lastEventId: string | undefined): Promise<string> {
  const controller = new AbortController();
  const response = await fetch(`${api.url}${path}?interval=1s`, {
    signal: controller.signal,
    headers: lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId },
  });
  expect(response.status).toBe(200);
  let text = '';
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) text += decoder.decode(chunk, { stream: true });
  })().catch(() => {});
  await waitFor(async () => text.includes('retry'));
  for (const tenant of [BETA, SISTER, ALPHA]) publishChanges(tenant);
  const own = () => [...text.matchAll(/event: (alert|notification)\n/g)].map(([, type]) => type);
  await waitFor(async () => own().includes('alert') && own().includes('notification'));
  await waitFor(async () => text.includes('event: point'));
  controller.abort();
  await reading;
  return text;
}

function publishChanges({ mark, organizationId, propertyId }: SeededTenant): void {
  const live = [...api.evaluator.alertStates.listLive()].map(({ transition }) => transition);
  const own = live.filter((each) => each.propertyId === propertyId);
  expect(own.length).toBeGreaterThan(2);
  for (const transition of own) api.evaluator.recorder.record(transition, transition);
  api.notifier.recorder.record({
    timestamp: Date.now(),
    id: `${mark}-live`,
    seq: 1,
    status: 'delivered',
    channel: 'webhook',
    receiver: `${mark}-desk`,
    recipient: HOST_MARK,
    organizationId,
    propertyId,
  });
}

it('keeps properties with the same name apart, because a property belongs to an organization', async () => {
  const failures: string[] = [];
  const [admin, beta] = [ALPHA, BETA].map(({ organizationId }) =>
    createPrincipal('key:admin', { role: 'ORG_ADMIN', organizationId }),
  );
  const url = '/api/performance/silences';
  const body = { matchers: ['alertname="error-rate"'], duration: '1h', comment: 'namesake' };
  api.principal = admin;
  const create = async (propertyId: string) => {
    const { text } = await send({ method: 'POST', url, body: { ...body, propertyId } });
    expect(text).toContain(ALPHA.organizationId);
    return findIds(JSON.parse(text))[0] ?? '';
  };
  const id = await create(BETA.propertyId);
  const ownId = await create(ALPHA.propertyId);
  api.principal = beta;
  expect((await send({ method: 'GET', url })).text).not.toContain('namesake');
  expect((await send({ method: 'DELETE', url: `${url}/${id}` })).status).toBe(404);
  api.principal = admin;
  await api.evaluator.runOnce(Date.now());
  const alerts = [...api.evaluator.alertStates.listLive()].map(({ transition }) => transition);
  const listSuppressions = (propertyId: string) =>
    alerts
      .filter((alert) => alert.rule === 'error-rate' && alert.propertyId === propertyId)
      .flatMap((alert) => api.evaluator.gate.getSuppressions(alert.id).map(({ by }) => by));
  expect(listSuppressions(ALPHA.propertyId)).toContain(ownId);
  expect(listSuppressions(BETA.propertyId).length).toBeGreaterThan(0);
  expect(listSuppressions(BETA.propertyId)).not.toContain(id);
  for (const operation of operations) {
    const { method, path, isStream } = operation;
    if (method !== 'GET' || path.includes('{') || isStream) continue;
    for (const query of listQueries(operation, PROPERTY_NAMES).slice(0, PLAIN_QUERIES)) {
      await check({ method, url: query === '' ? path : `${path}?${query}` }, NAMESAKE, failures);
    }
  }
  api.principal = admin;
  for (const each of [id, ownId]) {
    expect((await send({ method: 'DELETE', url: `${url}/${each}` })).status).toBe(200);
  }
  expect(failures.slice(0, 5)).toEqual([]);
});

it('explains alerts with the data of the tenant, so the other tests are meaningful', async () => {
  api.principal = READERS[0]?.principal;
  const { text } = await send({ method: 'GET', url: '/api/performance/alerts' });
  const { alerts } = JSON.parse(text) as { alerts: { rule: string; cause?: string }[] };
  const causes = alerts.filter(({ cause }) => cause !== undefined).map(({ rule }) => rule);
  expect(causes).toEqual(expect.arrayContaining(['error-rate', 'slow-host']));
  expect(text).toContain(`GET /${ALPHA.mark}-rooms`);
  const errors = await send({ method: 'GET', url: '/api/performance/errors?kind=alert' });
  expect(errors.text).toContain(`GET /${ALPHA.mark}-rooms`);
  api.principal = createPrincipal('key:admin', { role: 'ADMIN' });
  const all = await send({ method: 'GET', url: '/api/performance/alerts' });
  for (const mark of [BETA.mark, SISTER.mark, HOST_MARK]) expect(all.text).toContain(mark);
});
