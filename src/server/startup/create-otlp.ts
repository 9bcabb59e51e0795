import type { RequestHandler } from 'express';
import type { Agent } from '../../agent/agent.ts';
import { getMeterProvider } from '../../agent/opentelemetry-api/shared-api.ts';
import type { Settings } from '../../core/config/parse-settings.ts';
import { startTask } from '../../core/guard.ts';
import type { Logger } from '../../core/log.ts';
import { createError } from '../../core/perfscope-error.ts';
import type { SeriesStateStore } from '../../storage/write/series-state-store.ts';
import type { Authenticator } from '../access/check-credentials.ts';
import { createOtlpConversions } from '../otlp/otlp-conversions.ts';
import { OtlpCounters } from '../otlp/otlp-counters.ts';
import { createOtlpRouter } from '../otlp/otlp-router.ts';
import { OtlpService } from '../otlp/otlp-service.ts';
import { SeriesLimitReporter } from '../otlp/series-limit-reporter.ts';

export interface OtlpOptions {
  readonly settings: Settings;
  readonly agent: Agent;
  /** IDs of the server's store. See `createOtlpConversions`. */
  readonly getStoreIds: () => readonly string[];
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
  getStoreIds,
  states,
  authenticate,
  getPauseReason,
  log,
}: OtlpOptions): RequestHandler {
  let isReady = false;
  startTask('the state of cumulative metrics', async () => {
    await states.ready;
    // Otherwise, rows of the last process could replace newer rows, such as the blank rows of spans.
    await states.adopted;
    isReady = true;
  });
  const counters = new OtlpCounters(getMeterProvider(), () => states.series.size);
  const reporter = new SeriesLimitReporter({
    states: states.series.states,
    log,
    countForgotten: (kind, count) => counters.countForgotten(kind, count),
  });
  const service = new OtlpService({
    series: states.series,
    ...createOtlpConversions(settings, getStoreIds),
    addDurably: async (rows) => {
      const { writer } = agent.deferredWriter;
      if (!writer) throw createError('PS_WRITER_CLOSED', {});
      await writer.addDurably(rows);
    },
    getUnavailableReason: () =>
      isReady ? getPauseReason() : 'the server is starting and reads its state',
    countItems: (signal, outcome) => {
      counters.countItems(signal, outcome);
      reporter.update();
    },
  });
  return createOtlpRouter({
    authenticate,
    store: (request) => service.store(request),
    countResponse: (signal, status) => counters.countRequest(signal, status),
    log,
  });
}
