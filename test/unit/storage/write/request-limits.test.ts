import { beforeEach, expect, it } from 'vitest';
import {
  MAX_REQUEST_BYTES,
  MIN_REQUEST_BYTES,
  RequestLimits,
} from '../../../../src/storage/write/request-limits.ts';

let nowMs = 0;
let limits: RequestLimits;
beforeEach(() => {
  nowMs = 0;
  limits = new RequestLimits(() => nowMs);
});

/** Sends full requests over a connection. Returns the size of each stored request. */
function send(
  requests: number,
  canStore: (bytes: number, deadlineMs: number) => boolean,
): number[] {
  const stored: number[] = [];
  for (let i = 0; i < requests; i++) {
    const bytes = limits.maxBytes;
    if (canStore(bytes, limits.getDeadlineMs(bytes))) {
      stored.push(bytes);
      limits.onStored(bytes, 100);
    } else limits.onTooLarge(bytes);
  }
  return stored;
}

it.each([1024 * 1024, 900_000, 20_000])('stays below a size limit of %i bytes', (limit) => {
  const stored = send(100, (bytes) => bytes <= limit);
  expect(stored.length).toBeGreaterThan(90);
  expect(Math.min(...stored)).toBeGreaterThan(limit / 4);
});

it('tries a larger size again after some minutes', () => {
  send(20, (bytes) => bytes <= 1e6);
  nowMs += 600_000;
  expect(send(20, () => true).at(-1)).toBe(MAX_REQUEST_BYTES);
});

it.each([300, 50, 5])('finds a size that a connection of %i kB/s can send in time', (rate) => {
  let stored = 0;
  let failedMs = 0;
  for (let i = 0; i < 40; i++) {
    const bytes = limits.maxBytes;
    const deadlineMs = limits.getDeadlineMs(bytes);
    expect(deadlineMs).toBeLessThanOrEqual(60_000);
    const durationMs = bytes / rate;
    if (durationMs < deadlineMs) {
      stored += bytes;
      limits.onStored(bytes, durationMs);
    } else {
      failedMs += deadlineMs;
      limits.onTimeout(bytes);
    }
  }
  expect(stored).toBeGreaterThan(40 * MIN_REQUEST_BYTES);
  expect(failedMs).toBeLessThan(120_000);
});

it('grows to the maximum size after success', () => {
  for (let i = 0; i < 20; i++) limits.onTimeout(limits.maxBytes);
  expect(limits.maxBytes).toBe(MIN_REQUEST_BYTES);
  expect(send(40, () => true).at(-1)).toBe(MAX_REQUEST_BYTES);
});

it('does not shrink because of small requests', () => {
  for (let i = 0; i < 20; i++) limits.onTimeout(1000);
  expect(limits.maxBytes).toBe(MAX_REQUEST_BYTES);
});

it('shrinks if the connection is closed repeatedly', () => {
  limits.onCut(limits.maxBytes);
  expect(limits.maxBytes).toBe(MAX_REQUEST_BYTES);
  limits.onCut(limits.maxBytes);
  expect(limits.maxBytes).toBe(MAX_REQUEST_BYTES / 2);
});

it('waits longer for a slow connection', () => {
  expect(limits.getDeadlineMs(MAX_REQUEST_BYTES)).toBe(10_000);
  limits.onStored(1_000_000, 5000);
  expect(limits.getDeadlineMs(2_000_000)).toBe(30_000);
  expect(limits.getDeadlineMs(20_000_000)).toBe(60_000);
  expect(limits.getDeadlineMs(1000)).toBe(10_000);
});

it.each([1100, 3000, 8000])('grows again after one slow response of %i ms', (durationMs) => {
  for (let i = 0; i < 20; i++) limits.onTimeout(limits.maxBytes);
  limits.onStored(limits.maxBytes, durationMs);
  expect(send(40, () => true).at(-1)).toBe(MAX_REQUEST_BYTES);
});

it.each([5, 900])(
  'grows again if small requests take %i ms after a slow response',
  (durationMs) => {
    for (let i = 0; i < 20; i++) limits.onTimeout(limits.maxBytes);
    limits.onStored(limits.maxBytes, 9000);
    for (let i = 0; i < 60; i++) limits.onStored(limits.maxBytes, durationMs);
    expect(limits.maxBytes).toBe(MAX_REQUEST_BYTES);
  },
);

it('grows although each response takes 6 s', () => {
  for (let i = 0; i < 20; i++) limits.onTimeout(limits.maxBytes);
  for (let i = 0; i < 60; i++) limits.onStored(limits.maxBytes, 6000);
  expect(limits.maxBytes).toBe(MAX_REQUEST_BYTES);
});

it.each([100, 8000])('stores requests of %i bytes although each takes 30 s', (bytes) => {
  const isInTime = Array.from({ length: 12 }, () => {
    const stored = limits.getDeadlineMs(bytes) > 30_000;
    if (stored) limits.onStored(bytes, 30_000);
    else limits.onTimeout(bytes);
    return stored;
  });
  expect(isInTime.filter(Boolean).length).toBeGreaterThan(6);
});
