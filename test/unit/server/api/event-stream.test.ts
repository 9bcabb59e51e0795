import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readEvents } from '../../../../src/client/server-sent-events.ts';
import { createPointSource } from '../../../../src/server/api/stream/interval-events.ts';
import type { IntervalPoint } from '../../../../src/storage/queries/interval-points.ts';
import type { TimeRange } from '../../../../src/storage/queries/time-range.ts';

const NOW = 1_795_608_000_000;

describe('createPointSource', () => {
  /** Returns the positions of the events before the first wait, and the queried ranges. */
  async function readEvents(position: string | undefined, failureCount = 0) {
    const queried: TimeRange[] = [];
    const stop = new AbortController();
    let failures = failureCount;
    const source = createPointSource({
      intervalMs: 10,
      maxWriteDelayMs: 5,
      now: () => NOW,
      queryPoints: async (range) => {
        if (failures-- > 0) throw new Error('unavailable');
        queried.push(range);
        const count = (range.toMs - range.fromMs) / 10;
        return Array.from({ length: count }, (_, i) => {
          const fromMs = range.fromMs + 10 * i;
          return { from: new Date(fromMs), to: new Date(fromMs + 10) } as IntervalPoint;
        });
      },
    });
    const events: string[] = [];
    for await (const event of source.follow(position, stop.signal)) {
      events.push(`${event.type ?? source.type} ${Number(event.position) - NOW}`);
      if (event.position === String(NOW - 10)) stop.abort();
    }
    return { events, queried };
  }

  it('starts with the last interval that is completely stored', async () => {
    expect((await readEvents(undefined)).events).toEqual(['point -10']);
  });

  it('resumes after the last event without gaps or duplicates', async () => {
    const { events } = await readEvents(String(NOW - 40));
    expect(events).toEqual(['point -30', 'point -20', 'point -10']);
  });

  it('queries missed intervals in batches, and reports skipped intervals as a gap', async () => {
    const { events, queried } = await readEvents(String(NOW - 100_000));
    expect(events[0]).toBe('gap -7210');
    expect(events.slice(1)).toEqual(
      Array.from({ length: 720 }, (_, i) => `point ${-7200 + 10 * i}`),
    );
    expect(queried).toHaveLength(12);
  });

  it.each(['nonsense', '-5', String(NOW + 99_999), '1e3', ''])(
    'ignores the invalid position %j',
    async (position) => {
      expect((await readEvents(position)).events).toEqual(['point -10']);
    },
  );

  it('retries failed queries', async () => {
    expect((await readEvents(String(NOW - 30), 2)).events).toEqual(['point -20', 'point -10']);
  });
});

it('reads events no matter how their bytes are split into chunks', async () => {
  const text =
    ': hello\n\nretry: 3000\n\nevent: point\nid: a=1\ndata: {"x":\ndata: 1}\n\n:\n\ndata: y\n\n';
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: text.length })),
      fc.boolean(),
      async (splits, hasWindowsLineEnds) => {
        const bytes = Buffer.from(hasWindowsLineEnds ? text.replaceAll('\n', '\r\n') : text);
        const starts = [0, ...splits.sort((a, b) => a - b)];
        const chunks = starts.map((start, i) => bytes.subarray(start, starts[i + 1]));
        let connections = 0;
        const onConnected = () => {
          connections++;
        };
        const response = new Response(ReadableStream.from(chunks));
        const events: unknown[] = [];
        for await (const event of readEvents(response, { onConnected, onIdle: () => {} })) {
          events.push(event);
        }
        expect(connections).toBe(1);
        expect(events).toEqual([{ event: 'point', id: 'a=1', data: '{"x":\n1}' }, { data: 'y' }]);
      },
    ),
  );
});
