import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { REPEATED_STATEMENTS_METRIC_NAME } from '../../../../src/core/request-breakdown.ts';
import {
  EVENT_LOOP_BLOCK_METRIC_NAME,
  HELD_CONNECTIONS_METRIC_NAME,
  REPEATED_EXECUTIONS_METRIC_NAME,
  RETURNED_ROWS_METRIC_NAME,
  TRANSACTION_STATEMENTS_METRIC_NAME,
} from '../../../../src/core/suggestion-metrics.ts';
import { DETECTORS } from '../../../../src/server/suggestions/detectors/detector-table.ts';
import { lacksLimit } from '../../../../src/server/suggestions/detectors/missing-limit.ts';
import { toBatchStatement } from '../../../../src/server/suggestions/detectors/n-plus-one.ts';
import { mayUseIndex } from '../../../../src/server/suggestions/detectors/slow-statement.ts';
import { computeErrorProbability } from '../../../../src/server/suggestions/detectors/slow-tenant.ts';
import type { SuggestionFacts } from '../../../../src/server/suggestions/facts/suggestion-facts.ts';
import { findSuggestions } from '../../../../src/server/suggestions/find-suggestions.ts';
import { SUGGESTION_KINDS } from '../../../../src/server/suggestions/suggestion.ts';
import {
  makeFacts,
  makeGaugeFact,
  makeJobs,
  makeQueue,
  makeRequests,
  makeRetries,
  makeSeries,
  makeStatement,
  makeTenant,
} from '../../../support/suggestion-facts.ts';

const LOOKUP = 'SELECT name FROM rooms WHERE id = ?';
const SEARCH = 'SELECT * FROM bookings WHERE property = ? AND arrival > ?';
const POOL = 'db:5432/booking';

function find(facts: Partial<SuggestionFacts>) {
  return findSuggestions([makeFacts(facts)]);
}

function listKinds(facts: Partial<SuggestionFacts>): string[] {
  return find(facts).map(({ kind }) => kind);
}

it('has one detector for each kind, with documentation', () => {
  expect(DETECTORS.map(({ kind }) => kind).sort()).toEqual([...SUGGESTION_KINDS].sort());
  for (const { title, looksFor, minimum, nextStep } of DETECTORS) {
    for (const text of [looksFor, minimum, nextStep]) expect(text).toMatch(/^[A-Z\d].*\.$/);
    expect(title).not.toBe('');
  }
});

it('finds nothing without facts', () => {
  expect(find({})).toEqual([]);
});

describe('n-plus-one', () => {
  const repeated = (count: number) =>
    makeSeries(REPEATED_STATEMENTS_METRIC_NAME, {
      ...{ endpoint: '/rooms', operation: LOOKUP, count, mean: 25 },
    });
  const requests = [makeRequests('/rooms', { count: 100, average: 60 })];

  it('shows the gain from the statement, and the batch', () => {
    const statements = [makeStatement(LOOKUP, 2500, 2)];
    const [found] = find({ series: [repeated(100)], statements, requests });
    expect(found).toMatchObject({
      kind: 'n-plus-one',
      title: '/rooms runs the same statement 25 times per request',
      gain: { ms: 48, share: 80, text: 'Up to 48 ms per request, 80 % of the time of the route.' },
      nextStep: { code: 'SELECT name FROM rooms WHERE id = ANY($1)' },
      confidence: 'high',
    });
    expect(found?.evidence).toContainEqual({
      label: 'Executions per request',
      value: 25,
      unit: '1',
    });
    expect(found?.links[0]?.path).toBe('/endpoint?service=booking&endpoint=%2Frooms');
  });

  it('ignores few requests, and statements that take no time', () => {
    const statements = [makeStatement(LOOKUP, 2500, 2)];
    expect(listKinds({ series: [repeated(19)], statements, requests })).toEqual([]);
    const fast = [makeStatement(LOOKUP, 2500, 0.05)];
    expect(listKinds({ series: [repeated(100)], statements: fast, requests })).toEqual([]);
  });

  it('uses IN for MySQL', () => {
    expect(toBatchStatement('SELECT `a` FROM `b` WHERE `id` = ?')).toBe(
      'SELECT `a` FROM `b` WHERE `id` IN (?)',
    );
    expect(toBatchStatement('SELECT now()')).toContain('-- run once');
  });
});

describe('slow-statement and slow-table', () => {
  it('proposes EXPLAIN for a slow SELECT with a condition', () => {
    const [found] = find({ statements: [makeStatement(SEARCH, 50, 120)] });
    expect(found).toMatchObject({
      ...{ kind: 'slow-statement', table: 'bookings', isExplainable: true },
      nextStep: { code: `perfscope suggestions explain ${found?.id}` },
    });
  });

  it('ignores fast and rare statements, and statements that no index supports', () => {
    expect(listKinds({ statements: [makeStatement(SEARCH, 50, 20)] })).toEqual([]);
    expect(listKinds({ statements: [makeStatement(SEARCH, 19, 500)] })).toEqual([]);
    const others = [makeStatement(SEARCH, 20, 60), makeStatement('INSERT INTO a', 9000, 40)];
    expect(listKinds({ statements: others })).toEqual([]);
    expect(mayUseIndex('SELECT count(*) FROM bookings')).toBe(false);
    expect(mayUseIndex('SELECT pg_sleep(?)')).toBe(false);
    expect(mayUseIndex('INSERT INTO a SELECT * FROM b WHERE c = ?')).toBe(false);
    expect(mayUseIndex('DELETE FROM a WHERE c = ?')).toBe(true);
  });

  it('groups slow statements by table', () => {
    const statements = ['a', 'b', 'c'].map((column) =>
      makeStatement(`SELECT ${column} FROM bookings WHERE ${column} = ?`, 15, 100),
    );
    expect(find({ statements })).toMatchObject([
      { kind: 'slow-table', title: 'Table bookings has 3 slow statements', table: 'bookings' },
    ]);
    expect(listKinds({ statements: statements.slice(0, 2) })).toEqual([]);
  });
});

describe('missing-limit', () => {
  const all = 'SELECT * FROM bookings WHERE property = ?';
  const returned = (endpoint: string, count: number, mean: number) => ({
    series: [makeSeries(RETURNED_ROWS_METRIC_NAME, { endpoint, count, mean })],
    statements: [makeStatement(endpoint, 1000, 40)],
  });

  it('finds a SELECT with many rows', () => {
    expect(find(returned(all, 50, 400))).toMatchObject([
      {
        kind: 'missing-limit',
        gain: { ms: 30 },
        nextStep: { code: `${all} ORDER BY id LIMIT 100` },
      },
    ]);
  });

  it('ignores few rows, few results, and limited statements', () => {
    expect(listKinds(returned(all, 50, 150))).toEqual([]);
    expect(listKinds(returned(all, 9, 400))).toEqual([]);
    for (const statement of [
      'SELECT * FROM a ORDER BY b LIMIT ?',
      'SELECT * FROM a FETCH FIRST ? ROWS ONLY',
      'SELECT * FROM a WHERE id IN (…)',
      'SELECT * FROM a WHERE id = ANY(?)',
      'UPDATE a SET b = ? RETURNING *',
    ]) {
      expect(lacksLimit(statement), statement).toBe(false);
    }
  });
});

describe('pools', () => {
  const gauges = (used: number, pending = 0) => [
    makeGaugeFact('db.client.connection.count', used, { endpoint: POOL, operation: 'used' }),
    makeGaugeFact('db.client.connection.max', 10, { endpoint: POOL }),
    makeGaugeFact('db.client.connection.pending_requests', pending, { endpoint: POOL }),
  ];
  const waits = (count: number, mean: number) => [
    makeSeries('db.client.connection.wait_time', { endpoint: POOL, count, mean }),
  ];
  const held = (min: number, last: number) =>
    makeGaugeFact(HELD_CONNECTIONS_METRIC_NAME, last, {
      ...{ endpoint: POOL, operation: '/export', min, average: (min + last) / 2 },
    });

  it('finds a pool that is too small', () => {
    const requests = [makeRequests('/a', { count: 100, average: 100, connectionWaitTime: 40 })];
    const [found] = find({ series: waits(100, 40), pools: gauges(10, 4), requests });
    expect(found).toMatchObject({
      ...{ kind: 'pool-too-small', pool: POOL, gain: { ms: 40, share: 40 } },
      nextStep: { code: expect.stringMatching(/^pool max: 18\n/) as string },
    });
  });

  it('ignores short waits, few waits, and pools with free connections', () => {
    expect(listKinds({ series: waits(1000, 0.4), pools: gauges(10) })).toEqual([]);
    expect(listKinds({ series: waits(49, 100), pools: gauges(10) })).toEqual([]);
    expect(listKinds({ series: waits(1000, 40), pools: gauges(3) })).toEqual([]);
  });

  it('finds a leak, and then doesn’t propose a larger pool', () => {
    const pools = [...gauges(10, 4), held(1, 9)];
    expect(find({ series: waits(100, 4000), pools })).toMatchObject([
      {
        kind: 'connection-leak',
        title: `/export holds 9 of 10 connections of ${POOL} and doesn't return them`,
        confidence: 'high',
      },
    ]);
    expect(listKinds({ pools: [...gauges(10), held(10, 10)] })).toEqual(['connection-leak']);
  });

  it('ignores one held connection, constant small numbers, and falling numbers', () => {
    expect(listKinds({ pools: [...gauges(5), held(1, 1)] })).toEqual([]);
    expect(listKinds({ pools: [...gauges(5), held(2, 2)] })).toEqual([]);
    const falling = { ...held(1, 4), max: 6 };
    expect(listKinds({ pools: [...gauges(5), falling] })).toEqual([]);
    expect(listKinds({ pools: [...gauges(5), { ...held(1, 9), samples: 2 }] })).toEqual([]);
  });
});

describe('chatty-transaction', () => {
  const insert = 'INSERT INTO lines (a, b) VALUES (…)';
  const transactions = (count: number, mean: number) => ({
    series: [
      makeSeries(TRANSACTION_STATEMENTS_METRIC_NAME, {
        ...{ endpoint: '/import', operation: insert, count, mean },
      }),
    ],
    statements: [makeStatement(insert, 4000, 2)],
    requests: [makeRequests('/import', { count: 100, average: 100 })],
  });

  it('proposes one statement for all rows', () => {
    const [found] = find(transactions(50, 40));
    expect(found).toMatchObject({ kind: 'chatty-transaction', gain: { ms: 78, share: 78 } });
    expect(found?.nextStep.code).toMatch(/^INSERT INTO lines .* unnest/);
  });

  it('ignores few transactions and few statements', () => {
    expect(listKinds(transactions(9, 40))).toEqual([]);
    expect(listKinds(transactions(50, 14))).toEqual([]);
  });
});

describe('queues', () => {
  it('finds too few workers', () => {
    const queue = makeQueue({
      arrivalRate: 30,
      waitMs: 9000,
      depth: 300,
      workers: 2,
      maxActive: 2,
    });
    expect(find({ queues: [queue] })).toMatchObject([
      {
        kind: 'too-few-workers',
        gain: { ms: 9000 },
        nextStep: {
          code: 'new Worker("mails", processor, { connection, concurrency: 3 });',
        },
      },
    ]);
  });

  it('ignores short waits, idle workers, and an unknown number of workers', () => {
    const busy = { arrivalRate: 30, waitMs: 9000, depth: 300 };
    expect(listKinds({ queues: [makeQueue({ ...busy, waitMs: 500 })] })).toEqual([]);
    expect(listKinds({ queues: [makeQueue({ ...busy, maxActive: 50 })] })).toEqual([]);
    const unknown = makeQueue({ ...busy, workers: undefined, maxActive: 0 });
    expect(listKinds({ queues: [unknown] })).toEqual([]);
    expect(listKinds({ queues: [makeQueue({ ...busy, ended: 49 })] })).toEqual([]);
  });

  it('finds too many workers', () => {
    const found = find({ queues: [makeQueue({ workers: 12 })] });
    expect(found).toMatchObject([
      {
        kind: 'too-many-workers',
        title: 'mails has 12 workers, and needs 2',
        confidence: 'medium',
      },
    ]);
    expect(listKinds({ queues: [makeQueue({ workers: 3 })] })).toEqual([]);
    expect(listKinds({ queues: [makeQueue({ workers: 12, maxActive: 8 })] })).toEqual([]);
    expect(listKinds({ queues: [makeQueue({ workers: 12, peakArrivalRate: 90 })] })).toEqual([]);
  });
});

describe('jobs', () => {
  it('finds jobs that always fail first', () => {
    const jobs = [
      makeJobs({
        completedAfterRetry: 950,
        failedFirst: 960,
        failedFirstMs: 30,
        retriedLater: 960,
      }),
    ];
    const retries = makeRetries(20, { gapMs: 1000, error: 'booking not found' });
    const [found] = find({ jobs, retries });
    expect(found).toMatchObject({ kind: 'fails-first', confidence: 'high', gain: { ms: 1030 } });
    expect(found?.nextStep.text).toContain('“booking not found”');
    expect(listKinds({ jobs: [makeJobs({ completedAfterRetry: 200, failedFirst: 200 })] })).toEqual(
      [],
    );
    expect(
      listKinds({ jobs: [makeJobs({ completed: 19, completedAfterRetry: 19, failedFirst: 19 })] }),
    ).toEqual([]);
  });

  it('finds retries without backoff', () => {
    const jobs = [makeJobs({ retriedAtOnce: 60 })];
    expect(find({ jobs, retries: makeRetries(20, {}) })).toMatchObject([
      { kind: 'no-backoff', confidence: 'high' },
    ]);
    expect(listKinds({ jobs: [makeJobs({ retriedAtOnce: 9 })] })).toEqual([]);
    expect(listKinds({ jobs: [makeJobs({ retriedAtOnce: 30, retriedLater: 30 })] })).toEqual([]);
    expect(listKinds({ jobs, retries: makeRetries(20, { gapMs: 5000 }) })).toEqual([]);
  });
});

describe('cacheable-results', () => {
  const repeated = (increase: number) => ({
    series: [makeSeries(REPEATED_EXECUTIONS_METRIC_NAME, { endpoint: LOOKUP, increase })],
    statements: [makeStatement(LOOKUP, 2000, 3)],
  });

  it('finds statements that repeat their arguments', () => {
    expect(find(repeated(1800))).toMatchObject([
      { kind: 'cacheable-results', gain: { share: 90 }, confidence: 'high' },
    ]);
  });

  it('ignores a small share, and statements without a table', () => {
    expect(listKinds(repeated(900))).toEqual([]);
    const ping = [
      makeSeries(REPEATED_EXECUTIONS_METRIC_NAME, { endpoint: 'SELECT ?', increase: 900 }),
    ];
    expect(listKinds({ series: ping, statements: [makeStatement('SELECT ?', 1000, 3)] })).toEqual(
      [],
    );
  });
});

describe('event-loop-block', () => {
  const blocks = (count: number) => ({
    series: [
      makeSeries(EVENT_LOOP_BLOCK_METRIC_NAME, {
        ...{ endpoint: '/report', operation: 'GET', count, mean: 180 },
      }),
    ],
    requests: [makeRequests('/report', { count: 2000, average: 220, databaseTime: 1 })],
  });

  it('finds an endpoint that blocks the event loop', () => {
    expect(find(blocks(900))).toMatchObject([
      {
        kind: 'event-loop-block',
        title: 'GET /report blocks the event loop for 180 ms',
        gain: { ms: 180, share: 4.5 },
      },
    ]);
  });

  it('ignores few blocks, and rare blocks', () => {
    expect(listKinds(blocks(9))).toEqual([]);
    expect(listKinds(blocks(19))).toEqual([]);
  });
});

describe('gc-pressure', () => {
  const gc = (total: number) =>
    makeGaugeFact('v8js.gc.duration', 5, { total, lastMs: Date.UTC(2026, 5, 1, 12, 11) });
  const heap = (used: number) => [
    makeGaugeFact('v8js.memory.heap.used', used, {}),
    makeGaugeFact('v8js.memory.heap.limit', 1000, {}),
  ];

  it('finds long pauses, and a full heap', () => {
    expect(find({ processes: [gc(120_000)] })).toMatchObject([
      { kind: 'gc-pressure', title: 'booking spends 20 % of its time in garbage collection' },
    ]);
    expect(find({ processes: heap(920) })).toMatchObject([
      { title: 'The heap of booking is 92 % full' },
    ]);
  });

  it('ignores normal processes', () => {
    expect(listKinds({ processes: [gc(12_000), ...heap(700)] })).toEqual([]);
  });
});

describe('slow-tenant', () => {
  it('finds a tenant that is slower than the others', () => {
    const tenant = makeTenant(400, 90, { slowerPart: { name: 'database', ms: 290 } });
    const [found] = find({ tenants: [tenant], tenantComparisons: 40 });
    expect(found).toMatchObject({
      ...{ kind: 'slow-tenant', organizationId: 'grand', confidence: 'high' },
      title: 'GET /rooms is slow only for grand: 400 ms instead of 90 ms',
      gain: { ms: 310 },
    });
    expect(found?.nextStep.text).toContain(
      'Most of the additional time is in the database (290 ms).',
    );
  });

  it('ignores small differences, few requests, and random differences', () => {
    expect(listKinds({ tenants: [makeTenant(150, 90)] })).toEqual([]);
    expect(listKinds({ tenants: [makeTenant(30, 11)] })).toEqual([]);
    const few = makeTenant(400, 90, { own: { count: 29, average: 400 } });
    expect(listKinds({ tenants: [few] })).toEqual([]);
    const oneSpike = makeTenant(400, 90, {
      intervals: Array.from({ length: 20 }, (_, i) => ({ own: i === 7 ? 1e9 : 90, others: 90 })),
    });
    expect(listKinds({ tenants: [oneSpike] })).toEqual([]);
  });

  it('needs 5 intervals, and stays a probability for any numbers', () => {
    const interval = { own: 300, others: 100 };
    expect(computeErrorProbability([interval, interval, interval, interval])).toBe(1);
    expect(computeErrorProbability(Array.from({ length: 5 }, () => interval))).toBeLessThan(1e-4);
    const number = fc.oneof(fc.double(), fc.constantFrom(0, -5, 1e9, Number.NaN));
    const intervals = fc.array(fc.record({ own: number, others: number }), { maxLength: 40 });
    fc.assert(
      fc.property(intervals, (values) => {
        const probability = computeErrorProbability(values);
        expect(probability).toBeGreaterThanOrEqual(0);
        expect(probability).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('does not put names with other characters into a command', () => {
    const tenant = makeTenant(400, 90, { organizationId: '$(rm -rf /)"; \'' });
    expect(find({ tenants: [tenant] })[0]?.nextStep.code).not.toContain('rm -rf');
  });
});

describe('findSuggestions', () => {
  const slow = { statements: [makeStatement(SEARCH, 50, 120)] };

  it('returns a problem once, with the evidence of the first range', () => {
    const recent = makeFacts({ statements: [makeStatement(SEARCH, 30, 90)] });
    const found = findSuggestions([makeFacts(slow), recent]);
    expect(found).toHaveLength(1);
    expect(found[0]?.evidence[0]).toMatchObject({ label: 'Executions', value: 50 });
    const onlyRecent = findSuggestions([makeFacts({}), recent]);
    expect(onlyRecent.map(({ id }) => id)).toEqual(found.map(({ id }) => id));
  });

  it('keeps IDs when numbers change', () => {
    const before = find(slow)[0]?.id;
    const after = find({ statements: [makeStatement(SEARCH, 900, 999)] })[0]?.id;
    expect(before).toMatch(/^[0-9a-f]{16}$/);
    expect(after).toBe(before);
  });

  it('sorts by the time that can be saved', () => {
    const statements = [makeStatement(SEARCH, 20, 60), makeStatement(`${SEARCH} LIMIT ?`, 90, 200)];
    const found = find({ statements });
    expect(found.map(({ savedMsPerSecond }) => savedMsPerSecond)).toEqual(
      found.map(({ savedMsPerSecond }) => savedMsPerSecond).toSorted((a, b) => b - a),
    );
    expect(found).toHaveLength(2);
  });
});

describe('odd facts', () => {
  // The queries return no NaN and no infinity: `toNumber` converts them to undefined.
  const odd = fc.oneof(
    fc.double({ min: -1e15, max: 1e15, noNaN: true }),
    fc.constantFrom(0, -1, 1, 20, 1e9, 4e12),
  );
  const text = fc.oneof(
    fc.string({ maxLength: 40 }),
    fc.constantFrom(LOOKUP, SEARCH, '/a', POOL, 'used', "x'; DROP TABLE a; --", '`', '"'),
  );
  const optional = fc.option(text, { nil: undefined });
  const names = fc.constantFrom(
    ...[REPEATED_STATEMENTS_METRIC_NAME, RETURNED_ROWS_METRIC_NAME, HELD_CONNECTIONS_METRIC_NAME],
    ...[TRANSACTION_STATEMENTS_METRIC_NAME, REPEATED_EXECUTIONS_METRIC_NAME],
    ...[EVENT_LOOP_BLOCK_METRIC_NAME, 'db.client.connection.wait_time'],
    ...['db.client.connection.count', 'db.client.connection.max', 'v8js.gc.duration'],
    ...['v8js.memory.heap.used', 'v8js.memory.heap.limit'],
  );
  const times = { firstMs: odd, lastMs: odd };
  const series = fc.record({
    ...{ name: names, service: text, endpoint: optional, operation: optional },
    ...{ count: odd, total: odd, max: odd, increase: odd, ...times },
  });
  const gauge = fc.record({
    ...{ name: names, service: text, instance: text, endpoint: optional, operation: optional },
    ...{ samples: odd, average: odd, min: odd, max: odd, last: odd, total: odd, ...times },
  });
  const queue = fc.record({
    ...{ queue: text, scope: optional, ended: odd, arrivalRate: odd, workMs: odd, waitMs: odd },
    ...{ depth: odd, maxDepth: odd, maxActive: odd, workers: odd, peakArrivalRate: odd, ...times },
  });
  const job = fc.record({
    ...{ queue: text, scope: optional, jobType: optional, service: optional, completed: odd },
    ...{ completedAfterRetry: odd, failedFirst: odd, failedFirstMs: odd, retriedAtOnce: odd },
    ...{ retriedLater: odd, ...times },
  });
  const list = <T>(arbitrary: fc.Arbitrary<T>) => fc.array(arbitrary, { maxLength: 8 });

  it('never causes an exception, NaN, or a suggestion without numbers', () => {
    const facts = fc.record({
      ...{ series: list(series), statements: list(series), pools: list(gauge) },
      ...{ processes: list(gauge), queues: list(queue), jobs: list(job) },
    });
    fc.assert(
      fc.property(facts, (given) => {
        for (const found of find(given as Partial<SuggestionFacts>)) {
          const { evidence, gain, title, savedMsPerSecond, firstSeenMs, lastSeenMs, range } = found;
          expect(evidence.length).toBeGreaterThan(0);
          for (const { value } of evidence) expect(value).toSatisfy(Number.isFinite);
          for (const value of [gain.ms ?? 0, gain.share ?? 0]) {
            expect(value).toSatisfy(Number.isFinite);
          }
          expect(`${title} ${gain.text} ${found.nextStep.text}`).not.toMatch(/\bNaN\b|undefined/);
          expect(savedMsPerSecond).toBeGreaterThanOrEqual(0);
          for (const ms of [firstSeenMs, lastSeenMs]) {
            expect(ms).toBeGreaterThanOrEqual(range.fromMs);
            expect(ms).toBeLessThanOrEqual(range.toMs);
          }
        }
      }),
    );
  });
});
