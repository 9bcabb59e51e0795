import type { Settings } from '../../../core/config/parse-settings.ts';
import type { ConfigProblem, ReportProblem } from '../../../core/config-files/config-validation.ts';
import {
  createReporter,
  isPlainObject,
  type PlainObject,
  type YamlSource,
} from '../../../core/config-files/yaml-source.ts';
import { ALERT_SEVERITIES, type AlertSeverity } from '../../../core/schema/enums.ts';

import { PROMETHEUS_HINT } from './foreign-key-hints.ts';

/** The settings that override a threshold of a built-in rule. */
const THRESHOLD_SETTINGS = [
  ['response-time', 'warning', 'PERFORMANCE_RESPONSE_TIME_WARNING'],
  ['response-time', 'critical', 'PERFORMANCE_RESPONSE_TIME_CRITICAL'],
  ['error-rate', 'medium', 'PERFORMANCE_ERROR_RATE_THRESHOLD'],
  ['queue-depth', 'medium', 'PERFORMANCE_QUEUE_DEPTH_THRESHOLD'],
] as const;

/** The settings that affect alert rules and objectives. */
export type ThresholdSettings = Pick<
  Settings,
  (typeof THRESHOLD_SETTINGS)[number][2] | 'PERFORMANCE_RETENTION_MINUTE_DAYS'
>;

/**
 * Returns a source with the thresholds from the environment. The source overrides the built-in
 * rules, and the user's file overrides the source.
 *
 * If a setting reaches the threshold of a higher severity, that severity starts at the setting's
 * value, and the lower severity is removed. With an error rate threshold of 20 % (built in: 5, 10,
 * 15), everything above 20 % is critical. Otherwise, a critical value would cause only a medium
 * alert.
 */
export function createEnvironmentSource(
  defaultRules: readonly YamlSource[],
  settings: ThresholdSettings,
): YamlSource {
  const entries: readonly unknown[] = defaultRules.flatMap(({ data }) =>
    isPlainObject(data) && Array.isArray(data.rules) ? data.rules : [],
  );
  const names = [...new Set(THRESHOLD_SETTINGS.map(([name]) => name))];
  const rules = names.map((name) => {
    const rule = entries.find((entry) => isPlainObject(entry) && entry.name === name);
    const defaults = isPlainObject(rule) && isPlainObject(rule.thresholds) ? rule.thresholds : {};
    const overrides = THRESHOLD_SETTINGS.filter(([ruleName]) => ruleName === name).map(
      ([, severity, setting]) => [severity, settings[setting]] as const,
    );
    return { name, thresholds: raiseThresholds({ ...defaults, ...Object.fromEntries(overrides) }) };
  });
  return {
    file: 'environment',
    data: { rules },
    locate: () => ({ line: 1, column: 1 }),
  };
}

/** Returns the thresholds to merge into a rule. `null` removes a severity. */
function raiseThresholds(
  thresholds: Readonly<Record<string, unknown>>,
): Partial<Record<AlertSeverity, number | null>> {
  const result: Partial<Record<AlertSeverity, number | null>> = {};
  let previous: { severity: AlertSeverity; threshold: number } | undefined;
  for (const severity of ALERT_SEVERITIES) {
    const threshold = thresholds[severity];
    if (typeof threshold !== 'number') continue;
    const isReached = previous !== undefined && previous.threshold >= threshold;
    if (isReached && previous) result[previous.severity] = null;
    const raised = isReached && previous ? previous.threshold : threshold;
    result[severity] = raised;
    previous = { severity, threshold: raised };
  }
  return result;
}

/** One named entry of a list, merged from all sources that contain it. */
export interface MergedConfig {
  readonly name: string;
  readonly data: PlainObject;
  /** Whether an earlier source also contains this name. */
  readonly isInherited: boolean;
  /** Reports a problem with its position in the last source that contains the entry. */
  readonly report: ReportProblem;
}

/**
 * A rule has one of these keys. If a later source sets a different key, that key replaces the
 * earlier key.
 */
const RULE_KINDS = ['measure', 'sql', 'deploy', 'forecast', 'internal', 'burnRate'] as const;

/**
 * Merges the entries of the list `list` from all sources by name. Later sources override earlier
 * ones, as in a JSON Merge Patch (RFC 7396). Maps are merged, `null` removes a key, and any other
 * value replaces the earlier value. Entries without a name and duplicate names in one file are
 * added to `problems`.
 */
export function mergeByName(
  sources: readonly YamlSource[],
  list: string,
  problems: ConfigProblem[],
): MergedConfig[] {
  const merged = new Map<string, MergedConfig>();
  for (const source of sources) {
    const entries = isPlainObject(source.data) ? source.data[list] : undefined;
    const namesInFile = new Set<string>();
    for (const [i, entry] of (Array.isArray(entries) ? entries : []).entries()) {
      const report = createReporter(source, [list, i], problems);
      if (!isPlainObject(entry)) {
        report([], `each entry of \`${list}\` must be a map`);
        continue;
      }
      const { name } = entry;
      if (typeof name !== 'string') {
        reportInvalidName(entry, list, report);
        continue;
      }
      if (namesInFile.has(name)) {
        report(
          ['name'],
          `the name \`${name}\` is used twice in \`${list}\`; each entry needs its own name`,
        );
        continue;
      }
      namesInFile.add(name);
      const before = merged.get(name);
      const data = before
        ? mergePatch(removeOtherKinds(before.data, entry), entry)
        : mergePatch({}, entry);
      merged.set(name, { name, data, isInherited: before !== undefined, report });
    }
  }
  return [...merged.values()];
}

function reportInvalidName(entry: PlainObject, list: string, report: ReportProblem): void {
  const { name } = entry;
  if (name !== undefined) {
    report(['name'], `\`name\` must be a string in quotes, not \`${JSON.stringify(name)}\``);
  } else if (list === 'rules' && (Object.hasOwn(entry, 'alert') || Object.hasOwn(entry, 'expr'))) {
    report(['name'], `\`name\` is missing: ${PROMETHEUS_HINT}`);
  } else {
    report(['name'], `\`name\` is missing: each entry of \`${list}\` requires a name`);
  }
}

function removeOtherKinds(before: PlainObject, after: PlainObject): PlainObject {
  if (!RULE_KINDS.some((kind) => Object.hasOwn(after, kind) && !Object.hasOwn(before, kind))) {
    return before;
  }
  return Object.fromEntries(
    Object.entries(before).filter(([key]) => !(RULE_KINDS as readonly string[]).includes(key)),
  );
}

function mergePatch(base: PlainObject, patch: PlainObject): PlainObject {
  const unchanged = Object.entries(base).filter(([key]) => !Object.hasOwn(patch, key));
  const changed = Object.entries(patch).flatMap(([key, value]) => {
    if (value === null) return [];
    const before = Object.hasOwn(base, key) ? base[key] : undefined;
    return [
      [
        key,
        isPlainObject(value) ? mergePatch(isPlainObject(before) ? before : {}, value) : value,
      ] as const,
    ];
  });
  return Object.fromEntries([...unchanged, ...changed]);
}
