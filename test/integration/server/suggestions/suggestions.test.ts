import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { PostgresServer } from '../../../../demo/database-servers.ts';
import { runCli } from '../../../../src/cli/cli.ts';
import { PerfscopeClient } from '../../../../src/client/perfscope-client.ts';
import { createOrganizationScope, UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { SUGGESTION_KINDS } from '../../../../src/server/suggestions/suggestion.ts';
import { TestApiServer } from '../../../support/api-server.ts';
import {
  addHealthyMinute,
  addProblemMinute,
  LOOKUP,
  SEARCH,
} from '../../../support/suggestion-rows.ts';

const MINUTE_MS = 60_000;
/** The problems started 8 minutes ago. */
const PROBLEM_MINUTES = 8;
const NOW = Date.now();
const PASSWORD = 'secret-password-7';

const api = new TestApiServer();
const postgres = new PostgresServer();
let client: PerfscopeClient;

beforeAll(async () => {
  await postgres.start();
  await prepareTables();
  const url = new URL(postgres.url);
  url.password = PASSWORD;
  api.explainUrls = { PERFORMANCE_EXPLAIN_POSTGRES_URL: url.href };
  await api.start();
  client = new PerfscopeClient({ url: api.url });
  const { add } = api.dependencies;
  for (let minute = 0; minute < PROBLEM_MINUTES; minute += 1) {
    addProblemMinute(add, NOW - (PROBLEM_MINUTES - minute) * MINUTE_MS + 5000, minute);
  }
  for (let minute = 0; minute < 50; minute += 1) {
    addHealthyMinute(add, NOW - (50 - minute) * MINUTE_MS, minute);
  }
  await api.waitUntilStored();
});
afterAll(() => Promise.all([api.remove(), postgres.remove()]));
beforeEach(() => {
  api.scope = UNRESTRICTED_SCOPE;
  api.role = 'ADMIN';
});

async function prepareTables(): Promise<void> {
  const database = new pg.Client(postgres.url);
  await database.connect();
  await database.query('CREATE TABLE bookings (id int PRIMARY KEY, property text, arrival date)');
  await database.query(
    "INSERT INTO bookings SELECT i, 'p' || i % 500, '2026-01-01' FROM generate_series(1, 40000) i",
  );
  await database.query('ANALYZE bookings');
  await database.end();
}

const list = async (query: Parameters<typeof client.get<'suggestions'>>[1] = {}) =>
  (await client.get('suggestions', query)).suggestions;

describe('suggestions', () => {
  it('finds each kind within ten minutes, and nothing in a healthy service', async () => {
    const { suggestions, incomplete, from, to } = await client.get('suggestions');
    expect(Date.parse(to) - Date.parse(from)).toBe(60 * MINUTE_MS);
    expect(incomplete).toEqual([]);
    expect([...new Set(suggestions.map(({ kind }) => kind))].sort()).toEqual(
      [...SUGGESTION_KINDS].sort(),
    );
    expect(suggestions.filter(({ service }) => service === 'healthy')).toEqual([]);
    const [nPlusOne] = suggestions.filter(({ kind }) => kind === 'n-plus-one');
    expect(nPlusOne).toMatchObject({
      ...{ service: 'booking', endpoint: '/rooms', statement: LOOKUP, confidence: 'high' },
      gain: { ms: 72, share: 72 },
      nextStep: { code: 'SELECT name FROM rooms WHERE id = ANY($1)' },
    });
    expect(nPlusOne?.evidence[0]).toEqual({
      ...{ label: 'Requests that repeat the statement', value: 320, unit: '1' },
    });
    expect(Date.parse(nPlusOne!.firstSeen)).toBeGreaterThanOrEqual(NOW - 9 * MINUTE_MS);
    expect(Date.parse(nPlusOne!.lastSeen)).toBeLessThanOrEqual(Date.now());
  });

  it('finds the same problems, with the same IDs, in 7 days', async () => {
    const hour = await list();
    const week = await list({ last: '7d' });
    const kinds = (found: typeof hour) => [...new Set(found.map(({ kind }) => kind))].sort();
    expect(kinds(week)).toEqual(kinds(hour));
    const ids = new Set(week.map(({ id }) => id));
    expect(hour.filter(({ id }) => !ids.has(id))).toEqual([]);
    await expect(list({ last: '8d' })).rejects.toThrow('a range of at most 7 days');
  });

  it("shows problems of Perfscope's own processes only on request", async () => {
    expect((await list()).filter(({ service }) => service === 'perfscope')).toEqual([]);
    expect(await list({ service: ['perfscope'] })).toMatchObject([{ kind: 'gc-pressure' }]);
  });

  it('filters by kind, service, and tenant', async () => {
    expect((await list({ kind: ['slow-table'] })).map(({ title }) => title)).toEqual([
      'Table bookings has 3 slow statements',
    ]);
    expect(await list({ service: ['healthy'] })).toEqual([]);
    const ofGrand = await list({ organizationId: ['grand'] });
    expect(ofGrand.map(({ kind }) => kind)).toEqual(['slow-tenant']);
    expect(ofGrand[0]).toMatchObject({
      ...{ endpoint: '/bookings', organizationId: 'grand' },
      title: 'GET /bookings is slow only for grand: 300 ms instead of 61 ms',
    });
    expect(await list({ organizationId: ['plaza'] })).toEqual([]);
  });

  it('shows a tenant only suggestions from its own rows', async () => {
    api.role = 'ORG_ADMIN';
    api.scope = createOrganizationScope('grand');
    const text = JSON.stringify(await client.get('suggestions'));
    expect(text).not.toMatch(/plaza|palace|rooms|redis|web-1/);
    expect(await list()).toEqual([]);
    const bottlenecks = await client.get('bottlenecks', { last: '15m' });
    expect(bottlenecks.bottlenecks.map(({ group }) => group.endpoint)).toEqual([
      '/bookings',
      '/ok',
    ]);
  });
});

describe('bottlenecks', () => {
  it('names the part and its statement for each endpoint', async () => {
    const { bottlenecks } = await client.get('bottlenecks', { last: '15m', service: ['booking'] });
    expect(bottlenecks.map(({ group, text }) => [group.endpoint, text])).toEqual(
      expect.arrayContaining([
        ['/rooms', `Limited by the database: 85 % of 100 ms, mostly \`${LOOKUP}\`.`],
        ['/report', 'Limited by its own code: 100 % of 200 ms.'],
      ]),
    );
  });

  it('compares tenants', async () => {
    const { bottlenecks } = await client.get('bottlenecks', {
      ...{ last: '15m', endpoint: ['/bookings'], groupBy: ['organizationId'] },
    });
    expect(bottlenecks[0]).toMatchObject({
      ...{ group: { organizationId: 'grand' }, part: 'database', requests: 160, duration: 300 },
    });
  });
});

describe('dismissals', () => {
  it('hides a suggestion until it is restored, and audits both', async () => {
    const [first] = await list({ kind: ['slow-table'] });
    const { dismissals } = await client.dismissSuggestion(first!.id, {
      ...{ comment: 'We archive it in May', duration: '7d' },
    });
    expect(dismissals).toMatchObject([
      { suggestionId: first!.id, author: 'test', comment: 'We archive it in May' },
    ]);
    expect(await list({ kind: ['slow-table'] })).toEqual([]);
    const dismissed = await client.get('suggestions', { dismissed: true });
    expect(dismissed.suggestions.map(({ id }) => id)).toEqual([first!.id]);
    expect(dismissed.dismissals).toMatchObject([{ kind: 'slow-table', title: first!.title }]);
    await api.waitUntilStored();
    expect(await list({ kind: ['slow-table'] })).toEqual([]);

    await client.restoreSuggestion(first!.id);
    expect((await list({ kind: ['slow-table'] })).map(({ id }) => id)).toEqual([first!.id]);
    await expect(client.restoreSuggestion(first!.id)).rejects.toThrow('is not dismissed');
    await api.waitUntilStored();
    const rows = await api.questdb.sql(
      "SELECT action FROM audit_log WHERE action LIKE 'suggestion.%' ORDER BY timestamp",
    );
    expect(rows.map(([action]) => action)).toEqual(['suggestion.dismiss', 'suggestion.restore']);
  });

  it('ends a dismissal after its duration', async () => {
    const [first] = await list({ kind: ['gc-pressure'] });
    await client.dismissSuggestion(first!.id, { comment: 'later', duration: '5m' });
    expect(await list({ kind: ['gc-pressure'] })).toEqual([]);
    api.now = () => Date.now() + 6 * MINUTE_MS;
    try {
      expect(await list({ kind: ['gc-pressure'] })).toHaveLength(1);
    } finally {
      api.now = () => Date.now();
    }
    const invalid = client.dismissSuggestion(first!.id, { comment: 'x', duration: 'soon' });
    await expect(invalid).rejects.toThrow('duration is not a duration');
  });

  it('needs a permission, and an existing suggestion', async () => {
    const [first] = await list();
    await expect(client.dismissSuggestion('0123456789abcdef', { comment: 'x' })).rejects.toThrow(
      'No suggestion of the last 7 days has the ID',
    );
    api.role = 'VIEWER';
    await expect(client.dismissSuggestion(first!.id, { comment: 'x' })).rejects.toThrow(
      'VIEWER can',
    );
    api.role = 'ORG_ADMIN';
    api.scope = createOrganizationScope('plaza');
    await expect(client.dismissSuggestion(first!.id, { comment: 'x' })).rejects.toThrow(
      'No suggestion of the last 7 days has the ID',
    );
  });
});

describe('EXPLAIN', () => {
  it('shows the missing index, and keeps it with the suggestion', async () => {
    const found = await list({ kind: ['slow-statement'] });
    const search = found.find(({ statement }) => statement === SEARCH);
    expect(search?.plan).toBeUndefined();
    const { suggestion, reason } = await client.explainSuggestion(search!.id);
    expect(reason).toBeUndefined();
    expect(suggestion.plan).toMatchObject({
      ...{
        database: 'postgresql',
        index: 'CREATE INDEX CONCURRENTLY ON bookings (property, arrival)',
      },
      scans: [{ table: 'bookings', rows: 40_000 }],
    });
    const [again] = (await list({ kind: ['slow-statement'] })).filter(
      ({ id }) => id === search!.id,
    );
    expect(again?.nextStep.code).toBe('CREATE INDEX CONCURRENTLY ON bookings (property, arrival)');
    expect(JSON.stringify(again)).not.toContain(PASSWORD);
  });

  it('reports why a statement is not explained', async () => {
    const found = await list({ kind: ['slow-statement'] });
    const broken = found.find(({ statement }) => statement?.includes('guest'));
    const error = await client.explainSuggestion(broken!.id).catch(String);
    expect(error).toContain('column "guest" does not exist');
    expect(error).not.toContain(PASSWORD);
    const mysql = client.explainSuggestion(broken!.id, { database: 'mysql' });
    await expect(mysql).rejects.toThrow('Set PERFORMANCE_EXPLAIN_MYSQL_URL');
    const [other] = await list({ kind: ['n-plus-one'] });
    expect((await client.explainSuggestion(other!.id)).reason).toContain('only suggestions about');
  });

  it('is only for administrators', async () => {
    const [first] = await list({ kind: ['slow-statement'] });
    api.role = 'ORG_ADMIN';
    await expect(client.explainSuggestion(first!.id)).rejects.toThrow("ORG_ADMIN can't administer");
  });
});

describe('perfscope suggestions', () => {
  it('lists, dismisses, restores, and explains', async () => {
    const text = await run('suggestions', '--kind', 'slow-statement');
    const paragraph = text.split('\n\n').find((each) => each.includes('150 ms')) ?? '';
    expect(paragraph).toContain('A SELECT on bookings takes 150 ms: check for a missing index');
    expect(paragraph).toContain('  Evidence: Executions: 160; Mean duration: 150 ms;');
    const id = /ID: ([0-9a-f]{16})/.exec(paragraph)?.[1] ?? '';
    expect(await run('suggestions', 'dismiss', id, '--comment', 'known', '--for', '1d')).toMatch(
      /Dismissed "A SELECT on bookings takes 150 ms.*" until 20/,
    );
    expect(await run('suggestions', '--kind', 'slow-statement')).not.toContain(id);
    expect(await run('suggestions', '--dismissed')).toContain('known');
    expect(await run('suggestions', 'restore', id)).toContain('Restored "A SELECT');
    const plan = await run('suggestions', 'explain', id);
    expect(plan).toContain('An index on (property, arrival) is missing.');
    expect(plan).toContain('  CREATE INDEX CONCURRENTLY ON bookings (property, arrival)');
    const json = JSON.parse(await run('suggestions', '--json')) as { suggestions: unknown[] };
    expect(json.suggestions.length).toBeGreaterThan(10);
  });
});

/** Runs a command, and returns its output. */
async function run(...args: string[]): Promise<string> {
  let output = '';
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      output += String(text);
      return true;
    }),
    vi.spyOn(console, 'log').mockImplementation((text) => {
      output += `${String(text)}\n`;
    }),
    vi.spyOn(process.stderr, 'write').mockImplementation(() => true),
  ];
  try {
    await runCli([...args, '--url', api.url, '--key', 'test']);
  } finally {
    for (const spy of spies) spy.mockRestore();
    process.exitCode = undefined;
  }
  return output;
}
