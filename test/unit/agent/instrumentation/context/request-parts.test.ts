import fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { toMetricRows } from '../../../../../src/agent/export/otel-metric-rows.ts';
import { createJobRun } from '../../../../../src/agent/instrumentation/context/caller.ts';
import {
  endOperation,
  type Operation,
  type OperationKind,
  startOperation,
} from '../../../../../src/agent/instrumentation/context/operations.ts';
import {
  enterRequestContext,
  runJob,
  runWithTenant,
} from '../../../../../src/agent/instrumentation/context/tenant-context.ts';
import { HistogramRegistry } from '../../../../../src/agent/instrumentation/histograms/histogram-registry.ts';
import { RequestRecorder } from '../../../../../src/agent/instrumentation/requests/request-recorder.ts';
import { RequestSampler } from '../../../../../src/agent/instrumentation/requests/request-sampler.ts';
import type { RequestState } from '../../../../../src/agent/instrumentation/requests/request-state.ts';
import { OverheadLevel, overhead } from '../../../../../src/agent/overhead/overhead-level.ts';
import { createTestRequestState } from '../../../../support/request-measurements.ts';

/** Interval of the timer that detects a blocked event loop, with its tolerance. */
const LATEST_TICK_MS = 12;

let histograms: HistogramRegistry;
let sampler: RequestSampler;
let recorder: RequestRecorder;
let nowMs: number;

beforeEach(() => {
  vi.useFakeTimers();
  nowMs = 1000;
  vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
  histograms = new HistogramRegistry(() => {});
  sampler = new RequestSampler();
  recorder = new RequestRecorder({ histograms, sampler, onRequest: () => {} });
});

afterEach(() => {
  overhead.level = OverheadLevel.FULL;
  // Without open requests, the timer stops at its next tick.
  vi.advanceTimersByTime(10);
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** Lets time pass with a responsive event loop. */
function wait(ms: number): void {
  for (let left = ms; left > 0; left -= 10) {
    const step = Math.min(10, left);
    nowMs += step;
    vi.advanceTimersByTime(step);
  }
}

/** Lets time pass while code blocks the event loop. The late timers run later. */
function block(ms: number): void {
  nowMs += ms;
}

/** The late timers run. */
function runLateTimers(): void {
  vi.advanceTimersByTime(10);
}

async function handle<T>(state: RequestState, fn: () => T): Promise<T> {
  await undefined;
  enterRequestContext(state);
  return fn();
}

function finish(state: RequestState, status = 200): void {
  recorder.end(state, 'finished', status, false, undefined);
}

function takeRows() {
  const { metrics } = toMetricRows(histograms.collectDelta(0), { service: 's', instance: 'i' });
  return metrics;
}

const TIMES = {
  database: 'databaseTime',
  outgoing: 'outgoingTime',
  queue: 'queueTime',
  connection: 'connectionWaitTime',
} as const;
const CALLS = {
  database: 'databaseCalls',
  outgoing: 'outgoingCalls',
  queue: 'queueCalls',
} as const;
const KINDS = ['database', 'outgoing', 'queue', 'connection'] as const;

it('attributes the time of any schedule of operations to its parts', async () => {
  const operation = fc.record({
    kind: fc.constantFrom(...KINDS),
    start: fc.integer({ min: 0, max: 400 }),
    duration: fc.integer({ min: 0, max: 400 }),
    count: fc.integer({ min: 1, max: 3 }),
  });
  const schedule = fc.record({
    durationMs: fc.integer({ min: 0, max: 500 }),
    operations: fc.array(operation, { maxLength: 12 }),
  });
  await fc.assert(
    fc.asyncProperty(schedule, async ({ durationMs, operations }) => {
      const startMs = nowMs;
      const state = createTestRequestState({});
      await handle(state, () => {
        const open = new Map<number, Operation>();
        for (let ms = 0; ms <= 800; ms++) {
          nowMs = startMs + ms;
          if (ms % 5 === 0) vi.advanceTimersByTime(5);
          for (const [i, each] of operations.entries()) {
            if (each.start === ms) open.set(i, startOperation(each.kind));
            const started = open.get(i);
            if (started && each.start + each.duration === ms)
              endOperation(started, `name ${i}`, false, each.count);
          }
          if (ms === durationMs) finish(state);
        }
      });
      const [row] = takeRows();
      const expected = computeBreakdown(durationMs, operations);
      for (const [column, value] of Object.entries(expected))
        expect(row?.[column as 'databaseTime'], column).toBeCloseTo(value, 6);
      const times = [...Object.values(TIMES), 'eventLoopWaitTime', 'ownTime'] as const;
      const parts = times.map((column) => row?.[column] ?? Number.NaN);
      expect(Math.min(...parts)).toBeGreaterThanOrEqual(0);
      expect(parts.reduce((sum, each) => sum + each)).toBeCloseTo(row?.sum ?? -1, 6);
    }),
    { numRuns: 200 },
  );
});

interface PlannedOperation {
  kind: OperationKind;
  start: number;
  duration: number;
  count: number;
}

/** Computes the breakdown from the operations in progress in each ms. */
function computeBreakdown(durationMs: number, operations: readonly PlannedOperation[]) {
  const sums: Record<string, number> = { eventLoopWaitTime: 0, ownTime: 0 };
  for (const column of [...Object.values(TIMES), ...Object.values(CALLS)]) sums[column] = 0;
  for (let ms = 0; ms < durationMs; ms++) {
    const kinds = new Set(
      operations
        .filter(({ start, duration }) => start <= ms && ms < start + duration)
        .map(({ kind }) => kind),
    );
    if (kinds.size === 0) sums.ownTime! += 1;
    for (const kind of kinds) sums[TIMES[kind]]! += 1 / kinds.size;
  }
  for (const { kind, start, duration, count } of operations) {
    // The operations start before the request ends, if both are in the same ms.
    if (kind === 'connection' || start > durationMs) continue;
    sums[CALLS[kind]]! += start + duration <= durationMs ? count : 1;
  }
  return sums;
}

it('attributes a blocked event loop to the requests that wait, and not to the request that blocks it', async () => {
  const waiting = createTestRequestState({});
  const blocking = createTestRequestState({});
  const idle = createTestRequestState({});
  waiting.route = '/waiting';
  blocking.route = '/blocking';
  idle.route = '/idle';
  const query = await handle(waiting, () => startOperation('database'));
  wait(20);
  await handle(blocking, () => endOperation(startOperation('database'), 'SELECT ?', false));
  block(200);
  finish(blocking);
  runLateTimers();
  await handle(waiting, () => endOperation(query, 'SELECT ?', false));
  finish(waiting);
  finish(idle);
  const rows = Object.fromEntries(takeRows().map((row) => [row.endpoint, row]));
  const blockedMs = 200 - LATEST_TICK_MS;
  expect(rows['/blocking']).toMatchObject({ eventLoopWaitTime: 0, databaseTime: 0 });
  expect(rows['/blocking']?.ownTime).toBeCloseTo(220, 6);
  expect(rows['/waiting']?.eventLoopWaitTime).toBeCloseTo(blockedMs, 6);
  expect(rows['/waiting']?.databaseTime).toBeCloseTo(220 - blockedMs, 6);
  expect(rows['/waiting']?.ownTime).toBeCloseTo(0, 6);
  expect(rows['/idle']?.eventLoopWaitTime).toBeCloseTo(blockedMs, 6);
  expect(rows['/idle']?.ownTime).toBeCloseTo(220 - blockedMs, 6);
});

it('attributes each of two blocks to the request that caused it', async () => {
  const first = createTestRequestState({});
  first.route = '/first';
  block(100);
  const second = createTestRequestState({});
  second.route = '/second';
  block(50);
  finish(second);
  runLateTimers();
  finish(first);
  const rows = Object.fromEntries(takeRows().map((row) => [row.endpoint, row]));
  expect(rows['/first']?.eventLoopWaitTime).toBeCloseTo(50, 6);
  expect(rows['/first']?.ownTime).toBeCloseTo(100, 6);
  expect(rows['/second']?.eventLoopWaitTime).toBe(0);
  expect(rows['/second']?.ownTime).toBeCloseTo(50, 6);
});

it('keeps the time and the calls exact when the event loop is blocked at random', async () => {
  const step = fc.record({
    blocks: fc.boolean(),
    ms: fc.integer({ min: 0, max: 100 }),
    request: fc.nat(2),
    kind: fc.constantFrom(...KINDS),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const states = [0, 1, 2].map((i) => {
        const state = createTestRequestState({});
        state.route = `/${i}`;
        return state;
      });
      const open: (Operation | undefined)[] = [];
      const calls = [0, 0, 0];
      for (const { blocks, ms, request, kind } of steps) {
        if (blocks) block(ms);
        else wait(ms);
        const running = open[request];
        if (running) {
          endOperation(running, 'x', false);
          open[request] = undefined;
        } else {
          open[request] = await handle(states[request]!, () => startOperation(kind));
          if (kind !== 'connection') calls[request]! += 1;
        }
      }
      for (const state of states) finish(state);
      const rows = takeRows().filter(({ unit }) => unit === 'ms');
      expect(rows).toHaveLength(3);
      for (const row of rows) {
        const times = [...Object.values(TIMES), 'eventLoopWaitTime', 'ownTime'] as const;
        const parts = times.map((column) => row[column] ?? Number.NaN);
        expect(Math.min(...parts)).toBeGreaterThanOrEqual(0);
        expect(parts.reduce((sum, each) => sum + each)).toBeCloseTo(row.sum ?? -1, 6);
        const { databaseCalls = 0, outgoingCalls = 0, queueCalls = 0, endpoint = '' } = row;
        expect(databaseCalls + outgoingCalls + queueCalls).toBe(calls[Number(endpoint.slice(1))]);
      }
    }),
    { numRuns: 100 },
  );
});

it('ignores operations that start after the request, in a job, or outside of requests', async () => {
  const state = createTestRequestState({});
  await handle(state, () => {
    const running = runWithTenant({ organizationId: 'acme' }, () => startOperation('outgoing'));
    runJob(createJobRun('invoices', 'invoice', undefined), () => startOperation('queue'));
    wait(10);
    finish(state);
    wait(10);
    endOperation(running, 'example.com', false, 5);
    endOperation(startOperation('database'), 'SELECT ?', false);
  });
  startOperation('database');
  expect(takeRows()).toMatchObject([
    { outgoingTime: 10, outgoingCalls: 1, queueCalls: 0, databaseCalls: 0, ownTime: 0 },
  ]);
});

it('excludes requests from the breakdown while the overhead is limited', async () => {
  const run = async () => {
    const state = createTestRequestState({});
    const statement = await handle(state, () => startOperation('database'));
    wait(10);
    endOperation(statement, 'SELECT ?', false);
    finish(state, 500);
    const [sample] = sampler.takeSamples();
    return sample?.parts?.length;
  };
  expect(await run()).toBe(1);
  overhead.level = OverheadLevel.NO_SAMPLE_PARTS;
  expect(await run()).toBe(0);
  overhead.level = OverheadLevel.NO_BREAKDOWN;
  expect(await run()).toBeUndefined();
  const [row] = takeRows();
  expect(row).toMatchObject({ count: 3, databaseCalls: 2 });
  expect(row?.sum).toBeCloseTo(30, 6);
  expect(row?.databaseTime).toBeCloseTo(20, 6);
  expect(row?.ownTime).toBeCloseTo(0, 6);
});

it('does not add the parts of aborted requests', async () => {
  const state = createTestRequestState({});
  await handle(state, () => startOperation('database'));
  wait(10);
  recorder.end(state, 'clientClosed', undefined, false, undefined);
  const [row] = takeRows();
  expect(row).toMatchObject({ count: 0, abortedCount: 1 });
  expect(row?.databaseTime).toBeUndefined();
});

it('records the most repeated statement of each request', async () => {
  const run = async (statements: string[]) => {
    const state = createTestRequestState({});
    state.route = '/rooms';
    await handle(state, () => {
      for (const each of statements) endOperation(startOperation('database'), each, false);
    });
    finish(state);
  };
  const repeat = (text: string, count: number) => Array<string>(count).fill(text);
  await run([...repeat('SELECT a', 4), ...repeat('SELECT b', 4)]);
  await run([...repeat('SELECT a', 4), ...repeat('SELECT b', 5)]);
  await run([...repeat('SELECT b', 7), ...repeat('SELECT a', 6)]);
  const rows = takeRows().filter(({ name }) => name === 'perfscope.request.repeated_statements');
  expect(rows).toMatchObject([
    { endpoint: '/rooms', operation: 'SELECT b', count: 2, sum: 12, min: 5, max: 7 },
  ]);
});

it('lists the first 50 operations of a sampled request', async () => {
  const state = createTestRequestState({});
  await handle(state, () => {
    wait(1);
    const call = startOperation('outgoing');
    wait(2);
    endOperation(call, 'example.com', true);
    for (let i = 0; i < 51; i++) endOperation(startOperation('queue'), 'mail', false);
    wait(3);
    startOperation('database');
  });
  finish(state, 500);
  const [sample] = sampler.takeSamples();
  expect(sample?.parts).toHaveLength(50);
  expect(sample?.omittedPartCount).toBe(3);
  expect(sample?.parts?.slice(0, 2)).toEqual([
    { kind: 'outgoing', name: 'example.com', start: 1, duration: 2, failed: true },
    { kind: 'queue', name: 'mail', start: 3, duration: 0, failed: false },
  ]);
});

it('ends the operations of a sampled request with the request, and shortens long names', async () => {
  const state = createTestRequestState({});
  await handle(state, () => {
    endOperation(startOperation('database'), 'x'.repeat(1000), false);
    startOperation('database');
  });
  wait(7);
  finish(state);
  wait(7);
  const [sample] = sampler.takeSamples();
  expect(sample?.parts).toEqual([
    { kind: 'database', name: 'x'.repeat(160), start: 0, duration: 0, failed: false },
    { kind: 'database', name: '', start: 0, duration: 7, failed: false },
  ]);
});
