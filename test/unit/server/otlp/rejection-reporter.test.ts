import { expect, it } from 'vitest';
import { HOUR_MS } from '../../../../src/core/duration.ts';
import { RejectionReporter } from '../../../../src/server/otlp/rejection-reporter.ts';

function createReporter() {
  const messages: string[] = [];
  const clock = { nowMs: 1e12 };
  const warn = (message: string) => void messages.push(message);
  const log = { info: () => {}, warn, error: () => {} };
  return { messages, clock, reporter: new RejectionReporter({ log, now: () => clock.nowMs }) };
}

it('senders of gRPC get one warning per hour and address', () => {
  const { messages, clock, reporter } = createReporter();
  for (const address of ['::ffff:10.0.0.1', '::ffff:10.0.0.1', '2001:db8::1', undefined]) {
    reporter.reportHttp2(address);
  }
  const advice = 'Set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf in the sender.';
  expect(messages).toEqual(
    ['10.0.0.1', '2001:db8::1', 'an unknown address'].map(
      (address) => `A client at ${address} sends gRPC (HTTP/2), so its data is lost. ${advice}`,
    ),
  );
  clock.nowMs += HOUR_MS;
  reporter.reportHttp2('::ffff:10.0.0.1');
  expect(messages).toHaveLength(4);
});

it('many senders fill neither the memory nor the log, and others are reported an hour later', () => {
  const { messages, clock, reporter } = createReporter();
  for (let i = 0; i < 10_000; i++) reporter.reportHttp2(`10.0.${i >> 8}.${i & 255}`);
  expect(messages).toHaveLength(201);
  clock.nowMs += HOUR_MS;
  for (let i = 0; i < 10; i++) reporter.reportHttp2(`10.1.0.${i}`);
  expect(messages).toHaveLength(211);
});

it('a clock that is set back does not turn the log off', () => {
  const { messages, clock, reporter } = createReporter();
  reporter.reportHttp2('10.0.0.1');
  clock.nowMs -= 24 * HOUR_MS;
  reporter.reportHttp2('10.0.0.1');
  expect(messages).toHaveLength(2);
});
