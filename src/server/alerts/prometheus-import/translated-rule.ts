import { ALERT_SEVERITIES, type AlertSeverity } from '../../../core/schema/enums.ts';
import type { PrometheusRule } from './prometheus-rule.ts';
import type { MeasureSource, Quantity, SqlSource } from './quantity.ts';

/** A rule of Perfscope that was translated from a rule of Prometheus. */
export interface TranslatedRule {
  readonly original: PrometheusRule;
  readonly name: string;
  readonly source: MeasureSource | SqlSource;
  readonly direction: 'above' | 'below';
  readonly thresholds: Readonly<Partial<Record<AlertSeverity, number>>>;
  readonly minimumCount: number | undefined;
  readonly forMs: number;
  readonly keepFiringForMs: number;
  /** Set if missing data is an alert. */
  readonly noData:
    | { readonly afterMs: number; readonly severity: AlertSeverity; readonly minimumAgeMs: number }
    | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly runbook: string | undefined;
  readonly notes: readonly string[];
  readonly warnings: readonly string[];
}

/** What a rule detects, without its name and texts. */
export type Condition = Pick<
  TranslatedRule,
  'source' | 'direction' | 'thresholds' | 'minimumCount' | 'forMs' | 'noData' | 'notes' | 'warnings'
> &
  Pick<Quantity, 'constants' | 'unit'> & {
    readonly isConverted: boolean;
    readonly isInverted: boolean;
  };

/** Returns the severities of thresholds, from lowest to highest. */
export function listSeverities(thresholds: TranslatedRule['thresholds']): AlertSeverity[] {
  return ALERT_SEVERITIES.filter((severity) => thresholds[severity] !== undefined);
}
