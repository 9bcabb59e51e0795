import { describe, expect, it } from 'vitest';
import type { RequestPart } from '../../src/core/request-breakdown.ts';
import { type LibraryProgram, runLibraryProgram } from '../support/library-program.ts';
import type { LineProtocolRow } from '../support/parse-line-protocol.ts';

/** Calls of the program, by function, class of the error, and tenant. */
const EXPECTED = {
  add: 1100,
  'add grand/sea': 1,
  'add plaza': 1,
  'fail _OTHER': 3,
  wait: 6,
  'reject RangeError': 2,
  find: 1,
  countTo: 2,
  page: 1,
  factorial: 5,
  'Prices.find': 1,
  'Prices.load': 1,
  book: 2,
  price: 2,
};

const CHECKS = {
  sameError: true,
  results: [20, 20, 20, 20],
  sameReason: true,
  unhandledReason: true,
  sameThenable: true,
  generated: [0, 1, 2],
  pages: 3,
  factorial: 120,
  price: 14,
  loaded: 'loaded',
  rejected: 3,
  keptAlive: 'keep-alive',
};

/** Timers can run 1 ms early, and values are stored in buckets. */
const EARLY_MS = 2;

describe('traced functions', () => {
  const check = async (node: LibraryProgram['node'], modules: LibraryProgram['modules']) => {
    const { result, rows, stderr } = await runLibraryProgram({
      program: '../traced-functions.cjs',
      library: './index.js',
      folder: '../../dist/agent-package',
      node,
      modules,
      env: {},
    });
    expect(stderr).toBe('');
    expect(result).toEqual(CHECKS);
    const sums = sumCalls(rows);
    expect(Object.fromEntries([...sums].map(([key, { count }]) => [key, count]))).toEqual(EXPECTED);
    expect(sums.get('wait')?.sum).toBeGreaterThan(6 * (20 - EARLY_MS));
    expect(sums.get('page')?.sum).toBeGreaterThan(20 - EARLY_MS);
    expect(sums.get('book')?.sum).toBeGreaterThan(2 * (60 - 2 * EARLY_MS));
    expect(sums.get('fail _OTHER')?.errors).toBe(3);
    expect(sums.get('wait')?.errors).toBe(0);
    expectParts(rows);
    expectBreakdown(rows);
  };
  const title = 'are recorded with their durations and as steps of requests on Node %s as %s';
  const all = ([22, 24, 26] as const).flatMap((node) =>
    (['CommonJS', 'ESM'] as const).map((modules) => [node, modules] as const),
  );
  const isInCi = ([node, modules]: readonly [number, string]) =>
    (node === 24) === (modules === 'ESM');
  it.concurrent.each(all.filter(isInCi))(title, check);
  // Long: the cases in CI cover each version of Node.js and each module system.
  it.concurrent.each(all.filter((each) => !isInCi(each)))(title, { tags: 'long' }, check);
});

function sumCalls(rows: readonly LineProtocolRow[]) {
  const sums = new Map<string, { count: number; errors: number; sum: number }>();
  for (const { table, columns } of rows) {
    if (table !== 'performance_metrics' || columns.name !== 'perfscope.function.duration') continue;
    expect(columns).toMatchObject({ metric_type: 'CUSTOM', unit: 'ms' });
    const tenant = [columns.organization_id, columns.property_id].filter(Boolean).join('/');
    const key = [columns.operation, columns.error_type, tenant].filter(Boolean).join(' ');
    const known = sums.get(key) ?? { count: 0, errors: 0, sum: 0 };
    sums.set(key, {
      count: known.count + Number(columns.count),
      errors: known.errors + Number(columns.error_count ?? 0),
      sum: known.sum + Number(columns.sum),
    });
  }
  return sums;
}

/** The steps contain the outgoing call, and a loop doesn't hide the operations. */
function expectParts(rows: readonly LineProtocolRow[]): void {
  const samples = rows
    .filter(({ columns }) => columns.name === 'http.server.request.sample')
    .map(({ columns }) => JSON.parse(columns.tags ?? '{}') as Record<string, unknown>)
    .filter(({ parts }) => parts !== undefined);
  const lists = samples.map(({ parts }) => parts as RequestPart[]);
  const one = lists.find((parts) => parts.length === 4)!;
  expect(one.map(({ kind, name }) => [kind, name.replace(/:\d+$/, '')])).toEqual([
    ['function', 'book'],
    ['function', 'price'],
    ['outgoing', '127.0.0.1'],
    ['function', 'wait'],
  ]);
  const [book, price, outgoing, wait] = one as [RequestPart, RequestPart, RequestPart, RequestPart];
  for (const inner of [price, wait]) expect(isInside(inner, book)).toBe(true);
  // The body of the response is read later.
  expect(outgoing.start).toBeGreaterThanOrEqual(price.start);
  expect(wait.start).toBeGreaterThanOrEqual(price.start + price.duration);
  const many = samples.find(({ parts_omitted: omitted }) => omitted !== undefined)!;
  expect(many.parts_omitted).toBe(83);
  const kinds = (many.parts as RequestPart[]).map(({ kind }) => kind);
  expect(kinds.filter((kind) => kind === 'function')).toHaveLength(20);
  expect(kinds.filter((kind) => kind === 'outgoing')).toHaveLength(1);
}

function isInside(inner: RequestPart, outer: RequestPart): boolean {
  return (
    inner.start >= outer.start &&
    inner.start + inner.duration <= outer.start + outer.duration + 0.002
  );
}

/** The 40 ms of the outgoing call aren't counted twice, and the 20 ms of the timer are own time. */
function expectBreakdown(rows: readonly LineProtocolRow[]): void {
  const requests = rows.filter(({ columns }) => columns.name === 'http.server.request.duration');
  const [row] = requests.filter(({ columns }) => Number(columns.outgoing_calls) > 0);
  const { columns } = row!;
  const outgoingMs = Number(columns.outgoing_time);
  expect(Number(columns.outgoing_calls)).toBe(2);
  // On a busy machine, other code blocks the event loop for a part of the time.
  const waits = Number(columns.event_loop_wait_time ?? 0);
  expect(outgoingMs + waits).toBeGreaterThan(2 * (40 - EARLY_MS));
  const ownMs = Number(columns.sum) - outgoingMs - waits;
  expect(ownMs).toBeGreaterThan(2 * (20 - EARLY_MS) - waits);
}
