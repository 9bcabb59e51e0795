import { beforeEach, describe, expect, it } from 'vitest';
import { createError } from '../../../../src/core/perfscope-error.ts';
import type { WriteOutcome } from '../../../../src/storage/write/ilp-client.ts';
import { LineQueue } from '../../../../src/storage/write/line-queue.ts';
import { LineSender } from '../../../../src/storage/write/line-sender.ts';
import { createRandom } from '../../../support/random.ts';

const TARGET = { url: 'http://questdb' };

let requests: string[][];
let stored: string[];
let rejected: string[];
let repairs: number;
let nowMs: number;
/** Number of repairs before the current connection was opened. */
let connection: number;
beforeEach(() => {
  requests = [];
  stored = [];
  rejected = [];
  repairs = 0;
  nowMs = 0;
  connection = 0;
});

/** Creates a sender whose QuestDB stores all lines of a request, or none of them. */
function createSender(
  respond: (lines: string[], body: Buffer) => WriteOutcome,
  repairSchema: () => Promise<void> = async () => {},
): LineSender {
  return new LineSender({
    client: {
      write: async (_target, parts) => {
        const body = Buffer.concat(parts);
        const lines = body.toString().split('\n').slice(0, -1);
        requests.push(lines);
        const outcome = respond(lines, body);
        if (outcome.kind === 'stored') stored.push(...lines);
        return outcome;
      },
      reconnect: () => {
        connection = repairs;
      },
    },
    repairSchema: async () => {
      repairs++;
      await repairSchema();
    },
    onRejected: async (_table, line, reason) => {
      rejected.push(`${line.toString().trim()} ${reason}`);
    },
    now: () => nowMs,
  });
}

/** Sends all lines. Returns the failures. */
async function sendAll(sender: LineSender, lines: readonly string[]): Promise<string[]> {
  const data = Buffer.from(lines.map((line) => `${line}\n`).join(''));
  const queue = new LineQueue([{ lines: data, rows: lines.length }]);
  const failures: string[] = [];
  while (!queue.isEmpty && failures.length < 20) {
    const failure = await sender.sendNext(TARGET, 'table', queue);
    if (failure !== undefined) failures.push(failure.reason);
  }
  return failures;
}

/** Rejects a request with a line that starts with `bad`. */
const rejectBad =
  (reportsLine: boolean) =>
  (lines: string[]): WriteOutcome => {
    const index = lines.findIndex((line) => line.startsWith('bad'));
    if (index === -1) return { kind: 'stored' };
    return { kind: 'rejected', reason: 'cast error', line: reportsLine ? index + 1 : undefined };
  };

describe.each([
  ['with line numbers', true],
  ['without line numbers', false],
])('isolates rejected lines %s', (_name, reportsLine) => {
  it.each([
    [5000, 0],
    [5000, 1],
    [5000, 20],
    [1000, 500],
    [1000, 1000],
    [1, 1],
  ])('of %i lines with %i bad lines', async (count, badCount) => {
    const random = createRandom(count + badCount);
    const bad = new Set<number>();
    while (bad.size < badCount) bad.add(Math.floor(random() * count));
    const lines = Array.from({ length: count }, (_, i) => (bad.has(i) ? `bad ${i}` : `good ${i}`));
    const sender = createSender(rejectBad(reportsLine));
    expect(await sendAll(sender, lines)).toEqual([]);
    expect(stored).toEqual(lines.filter((line) => line.startsWith('good')));
    expect(rejected).toEqual(
      lines.filter((line) => line.startsWith('bad')).map((line) => `${line} cast error`),
    );
    expect(sender.storedRows).toBe(count - badCount);
    const perBadLine = reportsLine || badCount > count / 10 ? 3 : 2 * Math.log2(count) + 4;
    expect(requests.length).toBeLessThanOrEqual(perBadLine * badCount + 2 * Math.log2(count) + 4);
    expect(repairs).toBe(badCount > 0 ? 1 : 0);
  });
});

it('keeps lines that a wrong line number points to', async () => {
  const sender = createSender((lines) => {
    if (!lines.includes('bad')) return { kind: 'stored' };
    return { kind: 'rejected', reason: 'r', line: 1 };
  });
  await sendAll(sender, ['good 1', 'good 2', 'bad', 'good 3']);
  expect(stored).toEqual(['good 1', 'good 2', 'good 3']);
  expect(rejected).toEqual(['bad r']);
});

it('repairs the schema once, and sends the lines again', async () => {
  const sender = createSender(() =>
    repairs === 0 ? { kind: 'rejected', reason: 'no column', line: 1 } : { kind: 'stored' },
  );
  expect(await sendAll(sender, ['a', 'b'])).toEqual([]);
  expect(requests).toEqual([
    ['a', 'b'],
    ['a', 'b'],
  ]);
  expect([repairs, rejected]).toEqual([1, []]);
});

it('repairs the schema again after a while, for example after another table was dropped', async () => {
  let isDropped = true;
  const sender = createSender(() => {
    if (isDropped && repairs < 2) return { kind: 'rejected', reason: 'no table', line: 1 };
    return { kind: 'stored' };
  });
  isDropped = false;
  await sendAll(sender, ['a']);
  isDropped = true;
  repairs = 1;
  nowMs += 60_000;
  await sendAll(sender, ['b']);
  expect([stored, rejected, repairs]).toEqual([['a', 'b'], [], 2]);
});

it('opens a new connection after a repair, because QuestDB caches columns for each connection', async () => {
  const sender = createSender(() =>
    connection === 1 ? { kind: 'stored' } : { kind: 'rejected', reason: 'r', line: 1 },
  );
  await sendAll(sender, ['a']);
  expect([stored, rejected]).toEqual([['a'], []]);
});

it('repairs a missing column again, because QuestDB applies changes with a delay', async () => {
  const reason = 'column: c does not exist, creating new columns is disabled';
  const isMissing = () => repairs < 2;
  const sender = createSender(() =>
    isMissing() ? { kind: 'rejected', reason, line: 1 } : { kind: 'stored' },
  );
  expect(await sendAll(sender, ['a', 'b'])).toEqual([reason]);
  expect([stored, rejected, repairs]).toEqual([['a', 'b'], [], 2]);
});

it('sets lines with an unknown column aside after some repairs', async () => {
  const reason = 'column: c does not exist, creating new columns is disabled';
  const sender = createSender((lines) =>
    lines.includes('bad') ? { kind: 'rejected', reason, line: 2 } : { kind: 'stored' },
  );
  expect(await sendAll(sender, ['a', 'bad', 'b'])).toHaveLength(2);
  expect([stored, rejected, repairs]).toEqual([['a', 'b'], [`bad ${reason}`], 3]);
});

it('sets a rejected line aside if QuestDB refuses the repair', async () => {
  const refuse = async () => {
    throw createError('PS_SCHEMA_NEWER', { found: 9, known: 6 });
  };
  const sender = createSender(rejectBad(true), refuse);
  expect(await sendAll(sender, ['a', 'bad', 'b'])).toEqual([]);
  expect([stored, rejected]).toEqual([['a', 'b'], ['bad cast error']]);
});

it('sets no line aside if QuestDB is unreachable during the repair', async () => {
  const fail = async () => {
    throw createError('PS_QUESTDB_UNREACHABLE', { url: TARGET.url, reason: 'down' });
  };
  const sender = createSender(rejectBad(true), fail);
  await expect(sendAll(sender, ['a', 'bad', 'b'])).rejects.toThrow('down');
  expect([stored, rejected]).toEqual([[], []]);
});

describe('after an internal error', () => {
  /** Fails for requests with a line that starts with `bad`. */
  const failBad = (lines: string[]): WriteOutcome => {
    const index = lines.findIndex((line) => line.startsWith('bad'));
    if (index === -1) return { kind: 'stored' };
    return { kind: 'failed', reason: 'write error', line: index + 1 };
  };

  it.each([
    ['in the middle', ['a', 'b', 'bad', 'c']],
    ['at the start', ['bad', 'a', 'b', 'c']],
    ['next to each other', ['a', 'bad 1', 'bad 2', 'b', 'c']],
  ])('sets only the lines %s aside', async (_name, lines) => {
    const sender = createSender(failBad);
    const failures = await sendAll(sender, lines);
    expect(stored).toEqual(lines.filter((line) => !line.startsWith('bad')));
    expect(rejected).toEqual(
      lines.filter((line) => line.startsWith('bad')).map((line) => `${line} write error`),
    );
    expect(failures.length).toBeGreaterThan(3);
    expect(repairs).toBe(0);
  });

  it('keeps the lines if QuestDB reports no line', async () => {
    const sender = createSender(() => ({ kind: 'failed', reason: 'disk full', line: undefined }));
    expect(await sendAll(sender, ['a', 'b'])).toHaveLength(20);
    expect([stored, rejected]).toEqual([[], []]);
  });

  it('keeps the lines if the error is temporary', async () => {
    let requestCount = 0;
    const sender = createSender(() => {
      requestCount++;
      if (requestCount > 10) return { kind: 'stored' };
      return { kind: 'failed', reason: 'busy', line: 1 };
    });
    await sendAll(sender, ['a', 'b', 'c']);
    expect([stored, rejected]).toEqual([['a', 'b', 'c'], []]);
  });
});

it('adapts the size of requests for each table', async () => {
  const lines = Array.from({ length: 1000 }, (_, i) => `slow ${i}`.padEnd(100));
  const sender = createSender((sent, body) =>
    sent[0]!.startsWith('slow') && body.length > 20_000
      ? { kind: 'timeout', reason: 'no response' }
      : { kind: 'stored' },
  );
  await sendAll(sender, lines);
  const other = lines.map((line) => line.replace('slow', 'fast'));
  const queue = new LineQueue([{ lines: Buffer.from(`${other.join('\n')}\n`), rows: 1000 }]);
  await sender.sendNext(TARGET, 'other', queue);
  expect(requests.at(-1)).toHaveLength(1000);
});

it('counts no repeated rows', async () => {
  const sender = createSender(rejectBad(true));
  const lines = Buffer.from('a\nb\n');
  await sender.sendNext(TARGET, 'table', new LineQueue([{ lines, rows: 2 }]));
  await sender.sendNext(TARGET, 'table', new LineQueue([{ lines, rows: 2 }], true));
  expect([sender.storedRows, sender.storedRequests]).toEqual([2, 2]);
});

it('limits the number of repairs if each line has another reason', async () => {
  const lines = Array.from({ length: 50 }, (_, i) => `bad ${i}`);
  const sender = createSender((sent) => ({ kind: 'rejected', reason: `no ${sent[0]}`, line: 1 }));
  await sendAll(sender, lines);
  expect([rejected.length, repairs]).toEqual([50, 5]);
});

it('keeps the progress after a failure in the middle of the isolation', async () => {
  let count = 0;
  const sender = createSender((lines) =>
    ++count % 3 === 0 ? { kind: 'retry', reason: 'HTTP 503' } : rejectBad(true)(lines),
  );
  const lines = ['good 1', 'bad 2', 'good 3', 'good 4', 'bad 5'];
  const failures = await sendAll(sender, lines);
  expect(failures.length).toBeGreaterThan(1);
  expect(stored).toEqual(['good 1', 'good 3', 'good 4']);
  expect(rejected).toHaveLength(2);
});

it('sends smaller requests behind a size limit, and sets only a larger line aside', async () => {
  const long = 'x'.repeat(50_000);
  const lines = [...Array.from({ length: 2000 }, (_, i) => `line ${i}`.padEnd(100)), long, 'last'];
  const sender = createSender((_lines, body) =>
    body.length > 20_000 ? { kind: 'too_large', reason: 'HTTP 413' } : { kind: 'stored' },
  );
  expect(await sendAll(sender, lines)).toEqual([]);
  expect(stored).toEqual(lines.filter((line) => line !== long));
  expect(rejected).toEqual([`${long} HTTP 413`]);
});

it('keeps small lines although a server responds that they are too large', async () => {
  const sender = createSender(() => ({ kind: 'too_large', reason: 'HTTP 413' }));
  expect(await sendAll(sender, ['a', 'b'])).toHaveLength(20);
  expect([stored, rejected]).toEqual([[], []]);
});

it('does not send stored lines again after a timeout', async () => {
  const lines = Array.from({ length: 50_000 }, (_, i) => `line ${i}`.padEnd(200));
  const sender = createSender((_lines, body) =>
    body.length > 2_000_000 ? { kind: 'timeout', reason: 'no response' } : { kind: 'stored' },
  );
  const failures = await sendAll(sender, lines);
  expect(failures.length).toBeLessThanOrEqual(5);
  expect(stored).toEqual(lines);
  expect(sender.failedRequests).toBe(failures.length);
});
