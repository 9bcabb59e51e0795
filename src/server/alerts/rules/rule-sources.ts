import { readFileSync } from 'node:fs';
import type { Settings } from '../../../core/config/settings.ts';
import {
  type ConfigProblem,
  createRulesFileError,
  type ReportProblem,
} from '../../../core/config-files/config-validation.ts';
import {
  createReporter,
  isPlainObject,
  type PlainObject,
  parseYamlSource,
  type YamlSource,
} from '../../../core/config-files/yaml-source.ts';
import { ALERT_SEVERITIES, type AlertSeverity } from '../../../core/schema/enums.ts';

const DEFAULT_RULES_FILE = 'default-rules.yaml';

let cachedDefaultRules: YamlSource | undefined;

/** The built-in rules: one YAML file beside the code, in the sources and in the package. */
export function loadDefaultRules(): YamlSource {
  cachedDefaultRules ??= readDefaultRules();
  return cachedDefaultRules;
}

function readDefaultRules(): YamlSource {
  const text = readFileSync(new URL(`./${DEFAULT_RULES_FILE}`, import.meta.url), 'utf8');
  const problems: ConfigProblem[] = [];
  const source = parseYamlSource(DEFAULT_RULES_FILE, text, problems);
  if (!source) throw createRulesFileError(problems);
  return source;
}

/** The settings that stand for a threshold of a built-in rule. */
const THRESHOLD_SETTINGS = [
  ['response-time', 'warning', 'PERFORMANCE_RESPONSE_TIME_WARNING'],
  ['response-time', 'critical', 'PERFORMANCE_RESPONSE_TIME_CRITICAL'],
  ['error-rate', 'medium', 'PERFORMANCE_ERROR_RATE_THRESHOLD'],
  ['queue-depth', 'medium', 'PERFORMANCE_QUEUE_DEPTH_THRESHOLD'],
] as const;

export type ThresholdSettings = Pick<Settings, (typeof THRESHOLD_SETTINGS)[number][2]>;

/**
 * The built-in rules with the thresholds of the environment: a source between the built-in file
 * and the user's. A worse level that a setting reaches or overtakes begins where the milder one
 * does, and the milder one is left out: above an error rate of 20 % (built in: 5, 10, 15) everything
 * is critical, so nothing that was an alert of that severity becomes a milder one.
 */
export function createEnvironmentSource(
  builtIn: YamlSource,
  settings: ThresholdSettings,
): YamlSource {
  const before =
    isPlainObject(builtIn.data) && Array.isArray(builtIn.data.rules) ? builtIn.data.rules : [];
  const names = [...new Set(THRESHOLD_SETTINGS.map(([name]) => name))];
  const rules = names.map((name) => {
    const rule: unknown = before.find((entry) => isPlainObject(entry) && entry.name === name);
    const usual = isPlainObject(rule) && isPlainObject(rule.thresholds) ? rule.thresholds : {};
    const set = THRESHOLD_SETTINGS.filter(([of]) => of === name).map(
      ([, severity, setting]) => [severity, settings[setting]] as const,
    );
    return { name, thresholds: raiseThresholds({ ...usual, ...Object.fromEntries(set) }) };
  });
  return {
    file: 'environment',
    data: { rules },
    locate: () => ({ line: 1, column: 1 }),
  };
}

/** `null` takes a level away when the sources are merged. */
function raiseThresholds(
  thresholds: Readonly<Record<string, unknown>>,
): Partial<Record<AlertSeverity, number | null>> {
  const result: Partial<Record<AlertSeverity, number | null>> = {};
  let milder: { severity: AlertSeverity; threshold: number } | undefined;
  for (const severity of ALERT_SEVERITIES) {
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

/** One entry of a list of named things, merged over all files that speak of it. */
export interface MergedConfig {
  readonly name: string;
  readonly data: PlainObject;
  /** Whether an earlier file, or only the last one, knows this name. */
  readonly isInherited: boolean;
  /** Reports a problem where the newest file that speaks of the entry stands. */
  readonly report: ReportProblem;
}

/** What an entry can be made of: naming another one takes the inherited one away. */
const RULE_KINDS = ['measure', 'sql', 'internal'] as const;

/**
 * The entries of the list `list` of all sources, later ones merged deeply over earlier ones of the
 * same name (RFC 7396: maps merge, `null` removes, anything else replaces). Entries without a name,
 * and two of one name in one file, are added to `problems`.
 */
export function mergeByName(
  sources: readonly YamlSource[],
  list: string,
  problems: ConfigProblem[],
): MergedConfig[] {
  const merged = new Map<string, MergedConfig>();
  for (const source of sources) {
    const entries = isPlainObject(source.data) ? source.data[list] : undefined;
    const here = new Set<string>();
    for (const [i, entry] of (Array.isArray(entries) ? entries : []).entries()) {
      const report = createReporter(source, [list, i], problems);
      if (!isPlainObject(entry)) {
        report([], `each of \`${list}\` must be a map of keys`);
        continue;
      }
      const { name } = entry;
      if (typeof name !== 'string') {
        report(['name'], '`name` is missing');
        continue;
      }
      if (here.has(name)) {
        report(
          ['name'],
          `\`${name}\` is the name of two \`${list}\` of this file; each needs its own`,
        );
        continue;
      }
      here.add(name);
      const before = merged.get(name);
      const data = before
        ? mergePatch(removeOtherKinds(before.data, entry), entry)
        : mergePatch({}, entry);
      merged.set(name, { name, data, isInherited: before !== undefined, report });
    }
  }
  return [...merged.values()];
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
  const kept = Object.entries(base).filter(([key]) => !Object.hasOwn(patch, key));
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
  return Object.fromEntries([...kept, ...changed]);
}
