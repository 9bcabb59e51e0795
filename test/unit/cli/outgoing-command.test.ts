import { expect, it } from 'vitest';
import { formatHosts } from '../../../src/cli/outgoing-command.ts';

it('lists hosts with the kinds of errors, most frequent first', () => {
  const text = formatHosts([
    {
      host: 'payments.example:8443',
      service: 'web',
      count: 100,
      rate: 1.5,
      average: 20,
      p50: 12,
      p95: 80,
      p99: 120,
      errorRate: 95,
      errorRates: { timeout: 3, refused: 92 },
    },
    {
      host: undefined,
      service: undefined,
      count: 1,
      rate: 0.1,
      average: 5,
      p50: undefined,
      p95: undefined,
      p99: undefined,
      errorRate: 0,
      errorRates: {},
    },
  ]);
  expect(text.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
    ['host', 'service', 'calls/s', 'p50 ms', 'p95 ms', 'p99 ms', 'errors %', 'kinds of errors'],
    [
      'payments.example:8443',
      'web',
      '1.50',
      '12.0',
      '80.0',
      '120',
      '95.0',
      'refused 92.0 %, timeout 3.00 %',
    ],
    ['(unknown)', '0.10', '–', '–', '–', '0.00'],
    [''],
  ]);
});
