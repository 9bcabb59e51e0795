import type { WatchedMeasure } from '../../anomalies/service/anomaly-service.ts';
import { toBandMeasure } from '../rule-queries/query-anomalies.ts';
import type { AlertRule } from '../rules/alert-rule.ts';

/** Returns the measures of the rules about anomalies. */
export function listWatchedMeasures(rules: readonly AlertRule[]): WatchedMeasure[] {
  return rules.flatMap(({ name, source }) => {
    if (source.kind !== 'measure' || !source.anomaly) return [];
    const { of, sensitivity } = source.anomaly;
    const measure = toBandMeasure(source, of);
    return [{ rule: name, measure, windowMs: source.windowMs, sensitivity }];
  });
}
