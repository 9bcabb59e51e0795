import type { Settings } from '../../config/settings.ts';
import { isData, type Source } from '../../entries/source.ts';
import type { AlertSeverity } from '../../schema/metric-type.ts';
import { SEVERITIES } from '../../schema/severity.ts';

/** The settings that stand for a threshold of a built-in rule. */
const THRESHOLDS = [
  ['response-time', 'warning', 'PERFORMANCE_RESPONSE_TIME_WARNING'],
  ['response-time', 'critical', 'PERFORMANCE_RESPONSE_TIME_CRITICAL'],
  ['error-rate', 'medium', 'PERFORMANCE_ERROR_RATE_THRESHOLD'],
  ['queue-depth', 'medium', 'PERFORMANCE_QUEUE_DEPTH_THRESHOLD'],
] as const;

export type ThresholdSettings = Pick<Settings, (typeof THRESHOLDS)[number][2]>;

/**
 * The built-in rules with the thresholds of the environment: a source between the built-in file
 * and the user's. A worse level that a setting reaches or overtakes begins where the milder one
 * does, and the milder one is left out: above an error rate of 20 % (built in: 5, 10, 15) everything
 * is critical, so nothing that was an alert of that severity becomes a milder one.
 */
export function applyEnvironment(builtIn: Source, settings: ThresholdSettings): Source {
  const before =
    isData(builtIn.data) && Array.isArray(builtIn.data.rules) ? builtIn.data.rules : [];
  const names = [...new Set(THRESHOLDS.map(([name]) => name))];
  const rules = names.map((name) => {
    const rule: unknown = before.find((entry) => isData(entry) && entry.name === name);
    const usual = isData(rule) && isData(rule.thresholds) ? rule.thresholds : {};
    const set = THRESHOLDS.filter(([of]) => of === name).map(
      ([, severity, setting]) => [severity, settings[setting]] as const,
    );
    return { name, thresholds: pushed({ ...usual, ...Object.fromEntries(set) }) };
  });
  return {
    file: 'environment',
    data: { rules },
    locate: () => ({ line: 1, column: 1 }),
  };
}

/** `null` takes a level away when the sources are merged. */
function pushed(
  thresholds: Readonly<Record<string, unknown>>,
): Partial<Record<AlertSeverity, number | null>> {
  const result: Partial<Record<AlertSeverity, number | null>> = {};
  let milder: { severity: AlertSeverity; threshold: number } | undefined;
  for (const severity of SEVERITIES) {
    const threshold = thresholds[severity];
    if (typeof threshold !== 'number') continue;
    const overtaken = milder !== undefined && milder.threshold >= threshold;
    if (overtaken && milder) result[milder.severity] = null;
    const begins = overtaken && milder ? milder.threshold : threshold;
    result[severity] = begins;
    milder = { severity, threshold: begins };
  }
  return result;
}
