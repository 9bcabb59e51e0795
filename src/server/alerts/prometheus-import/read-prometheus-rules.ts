import { globSync } from 'node:fs';
import { dirname, isAbsolute, join, relative } from 'node:path';
import { z } from 'zod';
import {
  type ConfigPath,
  type ConfigProblem,
  createRulesFileError,
  validateConfig,
} from '../../../core/config-files/config-validation.ts';
import { type NamedFileText, readNamedFile } from '../../../core/config-files/watched-file.ts';
import {
  createReporter,
  isPlainObject,
  parseYamlSource,
  type YamlSource,
} from '../../../core/config-files/yaml-source.ts';
import type { PrometheusRule } from './prometheus-rule.ts';
import { parsePromqlDuration } from './promql-expression.ts';

const durationSchema = z.union([z.string(), z.number()]).transform((value, ctx) => {
  const ms = parsePromqlDuration(String(value));
  if (ms !== undefined) return ms;
  const message = 'must be a duration of Prometheus, such as `30s`, `5m`, or `1h30m`';
  ctx.issues.push({ code: 'custom', message, input: value });
  return z.NEVER;
});
/** YAML reads some values without quotes as numbers. */
const textSchema = z.union([z.string(), z.number(), z.boolean()]).transform(String);
const textsSchema = z.record(z.string(), textSchema).default({});

const common = { expr: textSchema, labels: textsSchema };
const alertSchema = z.strictObject({
  ...common,
  alert: z.string().min(1),
  for: durationSchema.default(0),
  keep_firing_for: durationSchema.default(0),
  annotations: textsSchema,
});
const recordSchema = z.strictObject({ ...common, record: z.string().min(1) });
const groupSchema = z.looseObject({
  name: z.string().min(1),
  labels: textsSchema,
  rules: z.array(z.unknown()).nullish(),
});

const WHAT_IS_VALID =
  'A Prometheus rule file contains `groups`, and a Prometheus configuration contains `rule_files`';

/** Reads a file. Tests replace it. */
export type ReadFile = (path: string) => NamedFileText;

/**
 * Reads rule files of Prometheus. A configuration of Prometheus stands for the files in its
 * `rule_files`. `PrometheusRule` objects of Kubernetes are also accepted.
 *
 * @throws PS_RULES_INVALID if a file can't be read or is invalid, with the line of each problem
 */
export function readPrometheusRules(
  paths: readonly string[],
  readFile: ReadFile = (path) => readNamedFile(path, 'PS_RULES_INVALID'),
): PrometheusRule[] {
  const problems: ConfigProblem[] = [];
  const seen = new Set<string>();
  const rules: PrometheusRule[] = [];
  const readAll = (path: string, canBeConfig: boolean) => {
    if (seen.has(path)) return;
    seen.add(path);
    const { text } = readFile(path);
    const source = parseYamlSource(path, text, problems, { hasNames: false });
    if (!source) return;
    const listed = canBeConfig ? listRuleFiles(source, path, problems) : undefined;
    if (listed) for (const each of listed) readAll(each, false);
    else rules.push(...readRuleFile(source, problems));
  };
  for (const path of paths) readAll(path, true);
  if (problems.length > 0) throw createRulesFileError(problems);
  return rules;
}

/** Keys that only a configuration of Prometheus has. */
const CONFIG_KEYS = ['rule_files', 'scrape_configs', 'global', 'alerting', 'scrape_config_files'];

/** Returns the rule files of a configuration of Prometheus, or undefined for another file. */
function listRuleFiles(
  source: YamlSource,
  path: string,
  problems: ConfigProblem[],
): string[] | undefined {
  const { data } = source;
  if (!isPlainObject(data) || !CONFIG_KEYS.some((key) => Object.hasOwn(data, key)))
    return undefined;
  const report = createReporter(source, [], problems);
  const patterns = data.rule_files ?? [];
  if (!Array.isArray(patterns) || patterns.some((pattern) => typeof pattern !== 'string')) {
    report(['rule_files'], '`rule_files` must be a list of paths');
    return [];
  }
  if (patterns.length === 0) {
    report([], 'this Prometheus configuration has no `rule_files`, so it contains no rules');
  }
  return (patterns as string[]).flatMap((pattern, i) => {
    const folder = dirname(path);
    const absolute = isAbsolute(pattern) ? pattern : join(folder, pattern);
    const files = globSync(absolute).toSorted();
    if (files.length === 0) report(['rule_files', i], `no file matches \`${pattern}\``);
    return files.map((file) => (isAbsolute(path) ? file : relative('.', file)));
  });
}

function readRuleFile(source: YamlSource, problems: ConfigProblem[]): PrometheusRule[] {
  const { data } = source;
  const isKubernetes = isPlainObject(data) && data.kind === 'PrometheusRule';
  const prefix: ConfigPath = isKubernetes ? ['spec'] : [];
  const root = isKubernetes ? data.spec : data;
  const report = createReporter(source, prefix, problems);
  if (!isPlainObject(root) || !Array.isArray(root.groups)) {
    report([], describeOtherFile(data));
    return [];
  }
  return root.groups.flatMap((entry: unknown, i) => {
    const reportGroup = createReporter(source, [...prefix, 'groups', i], problems);
    const group = validateConfig(groupSchema, entry, reportGroup);
    return (group?.rules ?? []).flatMap((rule, j) => {
      const path = [...prefix, 'groups', i, 'rules', j];
      return readRule(source, path, rule, group?.labels ?? {}, problems) ?? [];
    });
  });
}

function describeOtherFile(data: unknown): string {
  if (isPlainObject(data)) {
    if (Array.isArray(data.rules)) {
      return `this looks like a rules file of Perfscope, which needs no import. ${WHAT_IS_VALID}.`;
    }
    if (data.route !== undefined || data.receivers !== undefined) {
      return `this looks like a configuration of Alertmanager, which can't be imported. See docs/notifications.md for routes and receivers. ${WHAT_IS_VALID}.`;
    }
  }
  return `this is not a file with Prometheus rules. ${WHAT_IS_VALID}.`;
}

function readRule(
  source: YamlSource,
  path: ConfigPath,
  entry: unknown,
  groupLabels: Readonly<Record<string, string>>,
  problems: ConfigProblem[],
): PrometheusRule | undefined {
  const report = createReporter(source, path, problems);
  const { file } = source;
  const at = (...steps: ConfigPath) => ({ file, ...source.locate([...path, ...steps]) });
  if (!isPlainObject(entry) || (entry.alert === undefined) === (entry.record === undefined)) {
    report([], 'a rule must have exactly one of `alert` and `record`');
    return undefined;
  }
  if (entry.record !== undefined) {
    const record = validateConfig(recordSchema, entry, report);
    return (
      record && {
        ...{ ...at(), name: record.record, isRecording: true, expr: record.expr },
        exprPosition: at('expr'),
        ...{ forMs: 0, keepFiringForMs: 0, labels: {}, annotations: {} },
      }
    );
  }
  const alert = validateConfig(alertSchema, entry, report);
  return (
    alert && {
      ...{ ...at(), name: alert.alert, isRecording: false, expr: alert.expr },
      exprPosition: at('expr'),
      ...{ forMs: alert.for, keepFiringForMs: alert.keep_firing_for },
      labels: { ...groupLabels, ...alert.labels },
      annotations: alert.annotations,
    }
  );
}
