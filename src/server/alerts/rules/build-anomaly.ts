import type { ReportProblem } from '../../../core/config-files/config-validation.ts';
import { DAY_MS, MINUTE_MS } from '../../../core/duration.ts';
import { BAND_AGGREGATES } from '../../anomalies/band-measure.ts';
import { DEFAULT_SENSITIVITY, SENSITIVITIES } from '../../anomalies/model/band.ts';
import type { AnomalyMeasure } from './alert-rule.ts';
import type { AlertRuleConfig, MeasureConfig } from './alert-rule-schema.ts';

/** The distance of a lasting deviation changes with the spread of each hour, so an alert needs a lower value to end. */
const DEFAULT_RECOVERY = '50%';

/** Builds what an anomaly rule watches. Returns `undefined` for other aggregates. Reports keys that don't fit. */
export function buildAnomaly(
  { aggregate, type, of, sensitivity, window }: MeasureConfig,
  direction: AlertRuleConfig['direction'],
  report: ReportProblem,
): AnomalyMeasure | undefined {
  if (aggregate !== 'anomaly') {
    for (const [key, value] of Object.entries({ of, sensitivity })) {
      if (value === undefined) continue;
      report(
        [key],
        `\`${aggregate}\` doesn't support \`${key}\`; use \`aggregate: anomaly\``,
        'key',
      );
    }
    return undefined;
  }
  if (of === undefined) {
    const list = BAND_AGGREGATES.map((name) => `\`${name}\``).join(', ');
    report(
      ['of'],
      `\`of\` is missing: \`anomaly\` requires the aggregate to watch, one of ${list}`,
    );
    return undefined;
  }
  if (type === undefined && of !== 'depth') {
    report(['type'], `\`type\` is missing: \`anomaly\` of \`${of}\` requires a metric type`);
  }
  if (window < MINUTE_MS || window > DAY_MS) {
    report(['window'], '`window` of `anomaly` must be from `1m` to `1d`');
  }
  return { of, sensitivity: sensitivity ?? DEFAULT_SENSITIVITY, direction };
}

/**
 * Returns the thresholds and the direction of the value of a rule. The value of an anomaly rule is a distance, which
 * is compared with the threshold of its sensitivity.
 */
export function toValueThresholds(
  entry: AlertRuleConfig,
): Pick<AlertRuleConfig, 'thresholds' | 'recovery'> & { readonly direction: 'above' | 'below' } {
  const { measure, thresholds, recovery, direction } = entry;
  if (measure?.aggregate !== 'anomaly') {
    return { thresholds, recovery, direction: direction === 'both' ? 'above' : direction };
  }
  const { sensitivity = DEFAULT_SENSITIVITY } = measure;
  const isEmpty = Object.keys(thresholds).length === 0;
  return {
    thresholds: isEmpty ? { warning: SENSITIVITIES[sensitivity] } : thresholds,
    recovery: recovery ?? DEFAULT_RECOVERY,
    direction: 'above',
  };
}
