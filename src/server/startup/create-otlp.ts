import type { RequestHandler } from 'express';
import type { Agent } from '../../agent/agent.ts';
import { getMeterProvider } from '../../agent/opentelemetry-api/shared-api.ts';
import type { Settings } from '../../core/config/parse-settings.ts';
import { DAY_MS } from '../../core/duration.ts';
import { startTask } from '../../core/guard.ts';
import type { Logger } from '../../core/log.ts';
import { MetricConverter } from '../../core/otel/metrics-to-rows.ts';
import { DEFAULT_TENANT_ATTRIBUTES } from '../../core/otel/resource-mapping.ts';
import { createError } from '../../core/perfscope-error.ts';
import type { AnyRow } from '../../core/schema/table-definition.ts';
import { type TableName, toAnyRows } from '../../core/schema/table-registry.ts';
import type { SeriesStateStore } from '../../storage/write/series-state-store.ts';
import type { Authenticator } from '../access/check-credentials.ts';
import { OtlpCounters } from '../otlp/otlp-counters.ts';
import { createOtlpRouter } from '../otlp/otlp-router.ts';
import { OtlpService, type OtlpServiceOptions } from '../otlp/otlp-service.ts';

export interface OtlpOptions {
  readonly settings: Settings;
  readonly agent: Agent;
  /** Last points of cumulative series. They are read at the start. */
  readonly states: SeriesStateStore;
  readonly authenticate: Authenticator;
  /** Returns why rows must not be written now. Undefined if writes are allowed. */
  readonly getPauseReason: () => string | undefined;
  readonly log: Logger;
}

/** Creates the handler of OTLP requests. Until the states of the series are read, senders must retry. */
export function createOtlpHandler({
  settings,
  agent,
  states,
  authenticate,
  getPauseReason,
  log,
}: OtlpOptions): RequestHandler {
  let isReady = false;
  startTask('the state of cumulative metrics', async () => {
    await states.ready;
    isReady = true;
  });
  const counters = new OtlpCounters(getMeterProvider());
  const service = new OtlpService({
    series: states.series,
    convertMetrics: createMetricsConversion(settings),
    convertSpans: () => ({ tables: new Map(), rejected: new Map(), ignored: new Map() }),
    addDurably: async (rows) => {
      const { writer } = agent.deferredWriter;
      if (!writer) throw createError('PS_WRITER_CLOSED', {});
      await writer.addDurably(rows);
    },
    getUnavailableReason: () =>
      isReady ? getPauseReason() : 'the server is starting and reads its state',
    countItems: (signal, outcome) => counters.countItems(signal, outcome),
  });
  return createOtlpRouter({
    authenticate,
    store: (request) => service.store(request),
    countResponse: (signal, status) => counters.countRequest(signal, status),
    log,
  });
}

function createMetricsConversion(settings: Settings): OtlpServiceOptions['convertMetrics'] {
  const converter = new MetricConverter({
    tenantAttributes: DEFAULT_TENANT_ATTRIBUTES,
    retentionMs: settings.retention.rawDays * DAY_MS,
    thresholds: {
      responseTimeWarning: settings.PERFORMANCE_RESPONSE_TIME_WARNING,
      responseTimeCritical: settings.PERFORMANCE_RESPONSE_TIME_CRITICAL,
      errorRate: settings.PERFORMANCE_ERROR_RATE_THRESHOLD,
    },
  });
  return (resources, { transaction, organizationId, nowMs }) => {
    const context = { transaction, senderOrganizationId: organizationId, nowMs };
    const { metrics, buckets, health, rejected, ignored } = converter.convert(resources, context);
    const tables = new Map<TableName, readonly AnyRow[]>([
      ['performance_metrics', toAnyRows(metrics)],
      ['metric_buckets', toAnyRows(buckets)],
      ['system_health', toAnyRows(health)],
    ]);
    return { tables, rejected, ignored };
  };
}
