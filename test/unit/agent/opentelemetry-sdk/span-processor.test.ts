import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { QuestDBSpanExporter } from '../../../../src/agent/opentelemetry-sdk/questdb-span-exporter.ts';
import type { SdkSpan } from '../../../../src/agent/opentelemetry-sdk/sdk-span-types.ts';
import { PerfscopeSpanProcessor } from '../../../../src/agent/opentelemetry-sdk/span-processor.ts';

const exporter = {
  export: vi.fn<(spans: readonly SdkSpan[]) => void>(),
  forceFlush: vi.fn(async () => {}),
};
let processor: PerfscopeSpanProcessor;

beforeEach(() => {
  vi.useFakeTimers();
  vi.resetAllMocks();
  processor = new PerfscopeSpanProcessor(exporter as unknown as QuestDBSpanExporter);
});
afterEach(async () => {
  await processor.shutdown();
  vi.useRealTimers();
});

function end(spans: number, span: object = { kind: 1 }): void {
  for (let i = 0; i < spans; i++) processor.onEnd(span as SdkSpan);
}

/** Numbers of spans in each export. */
function listSizes(): number[] {
  return exporter.export.mock.calls.map(([spans]) => spans.length);
}

it('exports spans every 5 s, without internal spans', async () => {
  end(3);
  end(2, { kind: 0 });
  await vi.advanceTimersByTimeAsync(4999);
  expect(listSizes()).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  await vi.advanceTimersByTimeAsync(5000);
  expect(listSizes()).toEqual([3]);
});

it('exports 512 spans in the next turn of the event loop', async () => {
  end(513);
  expect(listSizes()).toEqual([]);
  await vi.advanceTimersByTimeAsync(0);
  end(512);
  await vi.advanceTimersByTimeAsync(0);
  expect(listSizes()).toEqual([513, 512]);
});

it('exports spans immediately before they need much memory', () => {
  end(2049);
  expect(listSizes()).toEqual([2048]);
});

it('exports the rest when it is flushed, and nothing after the shutdown', async () => {
  end(1);
  await processor.forceFlush();
  end(2);
  await processor.shutdown();
  end(4);
  await processor.forceFlush();
  expect(listSizes()).toEqual([1, 2]);
  expect(exporter.forceFlush).toHaveBeenCalledTimes(3);
});

it('waits for the attributes of the resource, but not forever', async () => {
  const resource = {
    asyncAttributesPending: true,
    waitForAsyncAttributes: () => new Promise(() => {}),
  };
  end(1, { kind: 1, resource });
  const flushed = processor.forceFlush();
  await vi.advanceTimersByTimeAsync(4999);
  expect(listSizes()).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  await flushed;
  expect(listSizes()).toEqual([1]);
});

it('never throws for odd spans', () => {
  expect(() => processor.onEnd(undefined as never)).not.toThrow();
});
