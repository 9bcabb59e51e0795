import { type MappedSeries, type MetricHeader, mapSeries } from './map-series.ts';
import type { OtelAttributes, OtelScope } from './metric-data.ts';
import type { MappedResource, MappingOptions } from './resource-mapping.ts';

/** Number of metrics of all resources after which the cache is emptied. */
const MAX_METRICS = 10_000;

/**
 * Keeps mapped series. Attributes are compared by identity, because the decoder returns the same object for equal
 * attributes. Mapping a series again gives an equal result, so the cache can be emptied at any time.
 */
export class SeriesCache {
  readonly #metrics = new Map<string, WeakMap<OtelAttributes, MappedSeries>>();

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
    const known = this.#metrics.get(key);
    if (known) return known;
    if (this.#metrics.size >= MAX_METRICS) this.#metrics.clear();
    const series = new WeakMap<OtelAttributes, MappedSeries>();
    this.#metrics.set(key, series);
    return series;
  }
}
