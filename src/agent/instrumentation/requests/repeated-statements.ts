import type { Attributes } from '@opentelemetry/api';
import { REPEATED_STATEMENTS_METRIC_NAME } from '../../../core/request-breakdown.ts';
import { ATTR_ORGANIZATION_ID, ATTR_PROPERTY_ID } from '../../attribute-keys.ts';
import type { RepeatedStatement } from '../context/request-parts.ts';
import type { HistogramRegistry } from '../histograms/histogram-registry.ts';
import type { KeyedHistogram } from '../histograms/keyed-histogram.ts';
import type { RequestState } from './request-state.ts';

const BOUNDARIES = [5, 10, 20, 50, 100, 200, 500, 1000];

/**
 * Records how often requests ran their most repeated statement, by route and statement. Many repetitions are
 * usually a loop that runs one statement for each row of another (N+1).
 */
export class RepeatedStatementRecorder {
  readonly #histogram: KeyedHistogram;

  constructor(histograms: HistogramRegistry) {
    this.#histogram = histograms.create({
      scope: 'perfscope.http',
      name: REPEATED_STATEMENTS_METRIC_NAME,
      unit: '{statement}',
      description: 'Executions of the most repeated statement of a request.',
      boundaries: BOUNDARIES,
      isUnscraped: true,
    });
  }

  record({ route, tenant }: RequestState, { text, count }: RepeatedStatement): void {
    const { organizationId = '', propertyId = '' } = tenant ?? {};
    const key = `${text}\n${route}\n${organizationId}\n${propertyId}`;
    this.#histogram.record(count, key, () => {
      const attributes: Attributes = { 'db.query.text': text };
      if (route !== undefined) attributes['http.route'] = route;
      if (organizationId) attributes[ATTR_ORGANIZATION_ID] = organizationId;
      if (propertyId) attributes[ATTR_PROPERTY_ID] = propertyId;
      return attributes;
    });
  }
}
