import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  decodeMetricsJson,
  decodeTracesJson,
} from '../../../../../src/server/otlp/decode/decode-json.ts';
import {
  decodeMetricsProtobuf,
  decodeTracesProtobuf,
} from '../../../../../src/server/otlp/decode/decode-protobuf.ts';
import { OtlpDecodeError } from '../../../../../src/server/otlp/decode/otlp-decode-error.ts';
import { preferSmallHeap } from '../../../../../src/server/startup/small-heap.ts';
import { BrokenOtlpBodies } from '../../../../support/broken-otlp-bodies.ts';
import {
  encodeOfficially,
  MetricsRequest,
  TracesRequest,
  toOfficialJson,
} from '../../../../support/official-otlp.ts';
import { metricsRequest, tracesRequest } from '../../../../support/otlp-arbitraries.ts';
import { chooseSeed } from '../../../../support/random-seed.ts';

const BODIES = 100_000;
const MEBIBYTE = 1024 * 1024;

/** Valid requests for metrics and spans in both encodings. */
function createValidBodies(seed: number): Buffer[] {
  return [
    ...fc
      .sample(metricsRequest, { numRuns: 50, seed })
      .map((request) => ({ request, type: MetricsRequest })),
    ...fc
      .sample(tracesRequest, { numRuns: 50, seed })
      .map((request) => ({ request, type: TracesRequest })),
  ]
    .map(({ request, type }) => ({ type, body: encodeOfficially(type, request) }))
    .filter(({ body }) => body.length > 20)
    .flatMap(({ type, body }) => [body, Buffer.from(JSON.stringify(toOfficialJson(type, body)))]);
}

it(`decodes or rejects ${BODIES} broken bodies, without any other error`, () => {
  preferSmallHeap();
  const seed = chooseSeed(process.env);
  const bodies = new BrokenOtlpBodies(seed, createValidBodies(seed));
  const outcomes = { decoded: 0, rejected: 0 };
  let memory: number | undefined;
  let largest = 0;
  for (let i = 0; i < BODIES; i++) {
    const body = bodies.next();
    const decoders =
      body[0] === 0x7b
        ? [decodeMetricsJson, decodeTracesJson]
        : [decodeMetricsProtobuf, decodeTracesProtobuf];
    for (const decode of decoders) {
      try {
        decode(body);
        outcomes.decoded += 1;
      } catch (error) {
        if (!(error instanceof OtlpDecodeError)) {
          throw new Error(`body ${i}: ${body.toString('base64')}`, { cause: error });
        }
        outcomes.rejected += 1;
      }
    }
    // After these bodies, the code is compiled, and the heap has its usual size.
    if (i === BODIES / 10) memory = process.memoryUsage.rss();
    if (i % 100 === 0) largest = Math.max(largest, process.memoryUsage.rss());
  }
  expect(outcomes.decoded).toBeGreaterThan(BODIES / 20);
  expect(outcomes.rejected).toBeGreaterThan(BODIES / 2);
  expect(largest - memory!).toBeLessThan(64 * MEBIBYTE);
});
