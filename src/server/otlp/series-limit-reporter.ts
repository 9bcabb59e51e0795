import { HOUR_MS } from '../../core/duration.ts';
import type { Logger } from '../../core/log.ts';
import type { DropReport } from '../../core/otel/series/fair-shares.ts';
import type { SeriesStates } from '../../core/otel/series/series-states.ts';
import { createError } from '../../core/perfscope-error.ts';
import { redact } from '../../core/redact.ts';

/** Minimum time between two warnings of the same kind. */
const WARN_INTERVAL_MS = HOUR_MS;
const MAX_NAME_LENGTH = 100;

export interface SeriesLimitReporterOptions {
  readonly states: SeriesStates;
  readonly log: Logger;
  /** Adds to the server's own metrics. */
  readonly countForgotten: (kind: 'series' | 'facts', count: number) => void;
  /** Returns the current time in ms. Default: `Date.now`. */
  readonly now?: () => number;
}

/** Counts series and facts that were forgotten because of a limit, and logs at most one warning per hour and kind. */
export class SeriesLimitReporter {
  readonly #options: SeriesLimitReporterOptions;
  readonly #now: () => number;
  readonly #counted = { series: 0, facts: 0 };
  readonly #nextWarningMs = { series: 0, facts: 0 };

  constructor(options: SeriesLimitReporterOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** Call it after each request. */
  update(): void {
    const { states } = this.#options;
    this.#update('series', states.droppedSeries, () => {
      const report = states.takeSeriesReport();
      const metric = report?.metric === undefined ? undefined : formatName(report.metric);
      return report && toMessage('PS_OTLP_TOO_MANY_SERIES', report, metric);
    });
    this.#update('facts', states.droppedFacts, () => {
      const report = states.takeFactReport();
      return report && toMessage('PS_OTLP_TOO_MANY_PROCESSES', report, undefined);
    });
  }

  #update(kind: 'series' | 'facts', dropped: number, takeMessage: () => string | undefined): void {
    const count = dropped - this.#counted[kind];
    if (count === 0) return;
    this.#counted[kind] = dropped;
    this.#options.countForgotten(kind, count);
    if (this.#now() < this.#nextWarningMs[kind]) return;
    const message = takeMessage();
    if (message === undefined) return;
    this.#nextWarningMs[kind] = this.#now() + WARN_INTERVAL_MS;
    this.#options.log.warn(message);
  }
}

function toMessage(
  code: 'PS_OTLP_TOO_MANY_SERIES' | 'PS_OTLP_TOO_MANY_PROCESSES',
  { organization, service, dropped, kept }: DropReport,
  metric: string | undefined,
): string {
  const owner = formatOwner(organization, service);
  return createError(code, { owner, dropped, kept, metric }).message;
}

function formatOwner(organization: string | undefined, service: string | undefined): string {
  if (organization === undefined) return 'other organizations';
  const name = service === undefined ? 'other services' : `the service ${formatName(service)}`;
  return organization === '' ? name : `${name} of the organization ${formatName(organization)}`;
}

/** Senders choose the names, so they can contain line breaks. */
function formatName(name: string): string {
  return JSON.stringify(redact(name, MAX_NAME_LENGTH));
}
