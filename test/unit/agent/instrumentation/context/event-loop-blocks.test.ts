import { setImmediate as nextIteration } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createJobRun } from '../../../../../src/agent/instrumentation/context/caller.ts';
import {
  addCollection,
  markEvent,
  markOtherCode,
  markTick,
  setBlockListener,
} from '../../../../../src/agent/instrumentation/context/event-loop-blocks.ts';
import type { Caller } from '../../../../../src/agent/instrumentation/context/tenant-context.ts';

let nowMs: number;
let cpuMs: number;
let blocks: [caller: string | undefined, durationMs: number][];
const reports = createJobRun('reports', 'monthly', undefined);
const mails = createJobRun('mails', 'send', undefined);

beforeEach(() => {
  nowMs = 1000;
  cpuMs = 500;
  blocks = [];
  vi.spyOn(process, 'cpuUsage').mockImplementation(() => ({ user: cpuMs * 1000, system: 0 }));
  setBlockListener(({ route }, durationMs) => blocks.push([route, durationMs]));
  markTick(nowMs);
});

afterEach(() => {
  setBlockListener(undefined);
  vi.restoreAllMocks();
});

function block(ms: number, cpuShare = 1): void {
  nowMs += ms;
  cpuMs += ms * cpuShare;
}

/** Returns the blocks when their garbage collections are known. */
function takeBlocks() {
  nowMs += 1000;
  markTick(nowMs);
  return blocks;
}

const mark = (caller: Caller | undefined, runs: boolean) => markEvent(caller, nowMs, runs);

it('attributes a block to the job whose events directly enclose it', () => {
  mark(reports, true);
  block(50);
  mark(reports, false);
  mark(reports, true);
  block(49);
  mark(reports, false);
  expect(takeBlocks()).toEqual([['reports:monthly', 50]]);
});

it('subtracts garbage collections from a block', () => {
  mark(reports, true);
  addCollection(nowMs + 10, 20);
  block(100);
  addCollection(nowMs - 5, 40);
  mark(reports, false);
  expect(takeBlocks()).toEqual([['reports:monthly', 75]]);
  expect(takeBlocks()).toHaveLength(1);
});

describe('attributes no block', () => {
  it('if the job waited for an operation', () => {
    mark(reports, false);
    block(100);
    mark(reports, true);
    expect(takeBlocks()).toEqual([]);
  });

  it('if another job has the next event', () => {
    mark(reports, true);
    block(100);
    mark(mails, true);
    block(10);
    mark(reports, false);
    expect(takeBlocks()).toEqual([]);
  });

  it('if the first event belongs to another job', () => {
    mark(mails, true);
    block(100);
    mark(reports, false);
    expect(takeBlocks()).toEqual([]);
  });

  it('if code without a request or job ran in between', () => {
    mark(reports, true);
    markOtherCode();
    block(100);
    mark(reports, false);
    mark(reports, true);
    mark(undefined, true);
    block(100);
    mark(reports, false);
    expect(takeBlocks()).toEqual([]);
  });

  it('if a timer ran in between, because then the event loop was not blocked', () => {
    mark(reports, true);
    block(100);
    markTick(nowMs);
    mark(reports, false);
    expect(takeBlocks()).toEqual([]);
  });

  it('if the events are in different iterations of the event loop, because the job waited', async () => {
    mark(reports, true);
    await nextIteration();
    await nextIteration();
    block(100);
    mark(reports, false);
    expect(takeBlocks()).toEqual([]);
  });

  it('if garbage collections took most of the time', () => {
    mark(reports, true);
    block(30);
    addCollection(nowMs, 60);
    block(60);
    mark(reports, false);
    expect(takeBlocks()).toEqual([]);
  });

  it('if other processes had the CPU', () => {
    mark(reports, true);
    block(100, 0.4);
    mark(reports, false);
    expect(takeBlocks()).toEqual([]);
  });
});
