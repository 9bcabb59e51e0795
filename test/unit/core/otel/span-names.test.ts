import { describe, expect, it } from 'vitest';
import { DEFAULT_TENANT_ATTRIBUTES } from '../../../../src/core/otel/mapping/tenant-attributes.ts';
import { SpanConverter } from '../../../../src/core/otel/rows/spans-to-rows.ts';
import { CumulativeSeries } from '../../../../src/core/otel/series/cumulative-series.ts';
import type { OtelSpan } from '../../../../src/core/otel/span-data.ts';
import { REQUEST_SAMPLE_METRIC_NAME } from '../../../../src/core/request-sample-row.ts';
import { toPartialSuccess } from '../../../../src/server/otlp/partial-success.ts';

const NOW = Date.UTC(2026, 10, 28);

function convert(span: Pick<OtelSpan, 'name' | 'attributes'>) {
  const converter = new SpanConverter({
    tenantAttributes: DEFAULT_TENANT_ATTRIBUTES,
    retentionMs: 86_400_000,
  });
  const transaction = new CumulativeSeries({ sinceMs: 0 }).begin(NOW);
  const common = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), kind: 'server' } as const;
  const times = { startTimeMs: NOW - 900, endTimeMs: NOW };
  const complete: OtelSpan = { ...common, ...times, status: 'unset', events: [], ...span };
  const scopes = [{ scope: { name: 'test' }, spans: [complete] }];
  const resources = [{ resource: { 'service.name': 'shop' }, scopes }];
  return converter.convert(resources, { transaction, nowMs: NOW }).metrics;
}

describe('requests of other protocols', () => {
  it.each(['/login/ada.lovelace', 'GET /users/ada', 'https://shop.example/ada', 'ws://chat/ada'])(
    'do not store %s, because it is a path or a URL',
    (name) => {
      const rows = convert({ name, attributes: {} });
      expect(rows[0]).toMatchObject({ name: 'perfscope.span.server.duration', count: 1 });
      expect(JSON.stringify(rows)).not.toContain('ada');
    },
  );

  it.each(['shop.Orders/Create', 'chat receive'])('store %s as the endpoint', (name) => {
    expect(convert({ name, attributes: {} })[0]?.endpoint).toBe(name);
  });
});

it('samples of failed calls without an HTTP status have an error type', () => {
  const rpc = { 'rpc.system': 'grpc', 'rpc.service': 'Orders', 'rpc.method': 'Create' };
  const rows = convert({ name: 'create', attributes: { ...rpc, 'rpc.grpc.status_code': 13 } });
  const sample = rows.find(({ name }) => name === REQUEST_SAMPLE_METRIC_NAME);
  expect(JSON.parse(sample!.tags!)).toMatchObject({ 'error.type': '_OTHER' });
});

it('explanations of rejected data name all causes', () => {
  const rejected = new Map([
    ['not_finite', 1],
    ['invalid_timestamp', 2],
  ]);
  const { message } = toPartialSuccess('traces', { stored: 0, rejected, ignored: new Map() })!;
  expect(message).toContain('larger than 10^300');
  expect(message).toContain('end before the start');
});
