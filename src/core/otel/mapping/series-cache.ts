import type { OtelAttributes, OtelScope } from '../metric-data.ts';
import { type MappedSeries, type MetricHeader, mapSeries } from './map-series.ts';
import type { MappedResource, MappingOptions } from './resource-mapping.ts';

/** Number of metrics of all resources in one generation. */
const MAX_METRICS = 10_000;

/**
 * Keeps mapped series. Attributes are compared by identity, because the decoder returns the same object for equal
 * attributes. Mapping a series again gives an equal result, so entries can be removed at any time. There are two generations:
 * if the new one is full, it replaces the old one. So metrics in use remain, even if a sender invents names.
 */
export class SeriesCache {
  #newMetrics = new Map<string, WeakMap<OtelAttributes, MappedSeries>>();
  #oldMetrics = new Map<string, WeakMap<OtelAttributes, MappedSeries>>();

  /**
   * Returns a function that maps the attributes of the points of one metric.
   *
   * @param options must be the same for each call with the same resource
   */
  forMetric(
    resource: MappedResource,
    scope: OtelScope,
    metric: MetricHeader,
    options: MappingOptions,
  ): (attributes: OtelAttributes) => MappedSeries {
    const { name, unit, kind, isMonotonic = false } = metric;
    const { name: scopeName, version = '', schemaUrl = '' } = scope;
    const key = `${resource.key}\n${scopeName}\n${version}\n${schemaUrl}\n${name}\n${unit}\n${kind}\n${isMonotonic}`;
    const series = this.#getSeries(key);
    return (attributes) => {
      const cached = series.get(attributes);
      if (cached) return cached;
      const mapped = mapSeries(resource, scope, metric, attributes, options);
      series.set(attributes, mapped);
      return mapped;
    };
  }

  #getSeries(key: string): WeakMap<OtelAttributes, MappedSeries> {
    const known = this.#newMetrics.get(key);
    if (known) return known;
    if (this.#newMetrics.size >= MAX_METRICS) {
      this.#oldMetrics = this.#newMetrics;
      this.#newMetrics = new Map();
    }
    const series = this.#oldMetrics.get(key) ?? new WeakMap<OtelAttributes, MappedSeries>();
    this.#newMetrics.set(key, series);
    return series;
  }
}
