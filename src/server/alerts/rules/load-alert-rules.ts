import {
  type ConfigProblem,
  createRulesFileError,
  prefixReport,
  type ReportProblem,
  validateConfig,
} from '../../../core/config-files/config-validation.ts';
import {
  type NamedFileText,
  readNamedFile,
  WatchedFile,
  type WatchedFileStatus,
} from '../../../core/config-files/watched-file.ts';
import {
  createReporter,
  parseYamlSource,
  type YamlSource,
} from '../../../core/config-files/yaml-source.ts';
import { findClosestMatch } from '../../../core/did-you-mean.ts';
import { DAY_MS } from '../../../core/duration.ts';
import { formatDuration } from '../../../core/format.ts';
import type { Logger } from '../../../core/log.ts';
import type { Holiday } from '../../anomalies/holidays.ts';
import { moveFormerTargetRules } from '../objectives/former-target-rules.ts';
import { loadObjectives } from '../objectives/load-objectives.ts';
import type { Objective } from '../objectives/objective.ts';
import { type InhibitRule, inhibitRuleSchema, toInhibitRule } from '../suppression/inhibition.ts';
import { maintenanceSchema, type Silence, toMaintenanceSilence } from '../suppression/silence.ts';
import type { AlertRule } from './alert-rule.ts';
import {
  type AlertRulesFileConfig,
  alertRuleSchema,
  alertRulesFileSchema,
} from './alert-rule-schema.ts';
import { buildAlertRule } from './build-alert-rule.ts';
import { checkDisabledName, checkMatchers } from './check-references.ts';
import {
  createEnvironmentSource,
  type MergedConfig,
  mergeByName,
  type ThresholdSettings,
} from './environment-thresholds.ts';
import { RULE_KEY_HINTS, RULES_FILE_KEY_HINTS } from './foreign-key-hints.ts';
import { loadDefaultRules } from './load-default-rules.ts';
import { collectRuleDefinitions, type RuleDefinition } from './rule-definition.ts';

/** The merged content of all rule files. */
export interface AlertRuleSet {
  /** Time between two evaluations of a rule. */
  readonly intervalMs: number;
  readonly rules: readonly AlertRule[];
  readonly objectives: readonly Objective[];
  /** The configuration of each rule by name. Contains disabled rules too. */
  readonly definitions: ReadonlyMap<string, RuleDefinition>;
  readonly inhibit: readonly InhibitRule[];
  /** Maintenance windows from the files, as silences. */
  readonly maintenance: readonly Silence[];
  readonly notifications: {
    readonly groupBy: readonly string[];
    readonly waitMs: number;
    readonly intervalMs: number;
    readonly repeatMs: number;
  };
  /** Days on which no normal values are known. */
  readonly holidays: readonly Holiday[];
  readonly flapping: { readonly transitions: number; readonly windowMs: number };
}

/**
 * Loads the built-in rules, the thresholds from the environment, and the user's file.
 *
 * @throws PS_RULES_INVALID if the file is invalid, with the line of each problem
 */
export function loadAlertRules(settings: ThresholdSettings, file?: NamedFileText): AlertRuleSet {
  const defaultRules = loadDefaultRules();
  const problems: ConfigProblem[] = [];
  const user = file && parseYamlSource(file.name, file.text, problems);
  const environment = createEnvironmentSource(defaultRules, settings);
  const [own, ...moved] = user ? moveFormerTargetRules(user) : [];
  const userSources = own ? [own, ...moved] : [];
  const sources = [...defaultRules, environment, ...(own ? [own] : [])];
  const set = buildRuleSet(sources, problems);
  const days = settings.PERFORMANCE_RETENTION_MINUTE_DAYS;
  const objectives = loadObjectives(defaultRules, userSources, days, problems);
  if (problems.length > 0) throw createRulesFileError(problems);
  return { ...set, objectives, definitions: collectRuleDefinitions(sources, own) };
}

const SHOW_VALUES = { showsValues: true } as const;

function buildRuleSet(
  sources: readonly YamlSource[],
  problems: ConfigProblem[],
): Omit<AlertRuleSet, 'definitions' | 'objectives'> {
  const {
    interval = 30_000,
    notifications = {},
    flapping = {},
    holidays = [],
  } = mergeGeneralConfig(sources, problems);
  if (interval < 1000 || interval > DAY_MS) {
    const report = createReporter(sources.at(-1)!, [], problems);
    const message = `\`interval\` must be from \`1s\` to \`1d\`, not \`${formatDuration(interval)}\``;
    report(['interval'], message);
  }
  const [ruleNames, inhibitNames] = (['rules', 'inhibit'] as const).map((list) =>
    mergeByName(sources, list, []).map(({ name }) => name),
  ) as [string[], string[]];
  return {
    intervalMs: interval,
    rules: buildRules(sources, interval, problems),
    inhibit: buildNamed(sources, 'inhibit', problems, (entry) => {
      // An earlier version might have had a built-in entry with this name.
      if (entry.data.enabled === false && entry.data.source === undefined) {
        checkDisabledName(entry, inhibitNames);
        return undefined;
      }
      const data = validateConfig(inhibitRuleSchema, entry.data, entry.report, SHOW_VALUES);
      if (data) {
        checkMatchers(data.source, ruleNames, prefixReport(entry.report, 'source'));
        checkMatchers(data.target, ruleNames, prefixReport(entry.report, 'target'));
      }
      return data && toInhibitRule(data);
    }),
    maintenance: buildNamed(sources, 'maintenance', problems, (entry) => {
      const data = validateConfig(maintenanceSchema, entry.data, entry.report, SHOW_VALUES);
      if (data) checkMatchers(data.matchers, ruleNames, prefixReport(entry.report, 'matchers'));
      return data && toMaintenanceSilence(data);
    }),
    notifications: {
      groupBy: notifications.groupBy ?? ['alertname', 'service'],
      waitMs: notifications.groupWait ?? 30_000,
      intervalMs: notifications.groupInterval ?? 300_000,
      repeatMs: notifications.repeatInterval ?? 14_400_000,
    },
    holidays,
    flapping: {
      transitions: flapping.transitions ?? 6,
      windowMs: flapping.window ?? 1_800_000,
    },
  };
}

/** Merges the settings other than lists. The last source that sets a value wins. */
function mergeGeneralConfig(
  sources: readonly YamlSource[],
  problems: ConfigProblem[],
): AlertRulesFileConfig {
  const entries = sources.map((source) =>
    validateConfig(alertRulesFileSchema, source.data, createReporter(source, [], problems), {
      showsValues: true,
      keyHints: RULES_FILE_KEY_HINTS,
    }),
  );
  return entries.reduce<AlertRulesFileConfig>(
    (before, entry = {}) => ({
      interval: entry.interval ?? before.interval,
      notifications: { ...before.notifications, ...entry.notifications },
      flapping: { ...before.flapping, ...entry.flapping },
      holidays: entry.holidays ?? before.holidays,
    }),
    {},
  );
}

function buildRules(
  sources: readonly YamlSource[],
  intervalMs: number,
  problems: ConfigProblem[],
): AlertRule[] {
  const names = mergeByName(sources.slice(0, -1), 'rules', []).map(({ name }) => name);
  return buildNamed(sources, 'rules', problems, (entry) => {
    const invalidKeys = new Set<unknown>();
    const report: ReportProblem = (path, message, on) => {
      invalidKeys.add(path[0]);
      entry.report(path, message, on);
    };
    const options = { showsValues: true, keyHints: RULE_KEY_HINTS };
    const data = validateConfig(alertRuleSchema, entry.data, report, options);
    if (!data) {
      checkRemainingKeys(entry, invalidKeys, intervalMs);
      return undefined;
    }
    const { measure, sql, deploy, forecast, internal, burnRate } = data;
    const hasSource = [measure, sql, deploy, forecast, internal, burnRate].some(
      (kind) => kind !== undefined,
    );
    if (!entry.isInherited && !hasSource) {
      const closest = findClosestMatch(entry.name, names);
      const suggestion = closest === undefined ? '' : ` did you mean \`${closest}\`?`;
      const message = `there is no rule \`${entry.name}\` to override;${suggestion}`;
      const hint = 'a new rule requires `measure`, `sql`, `deploy`, `forecast`, or `internal`';
      entry.report(['name'], `${message} ${hint}`);
      return undefined;
    }
    return data.enabled ? buildAlertRule(data, intervalMs, entry.report) : undefined;
  });
}

/**
 * If some keys of a rule are invalid, also checks its remaining keys, so that all problems are
 * reported at once.
 */
function checkRemainingKeys(
  entry: MergedConfig,
  invalidKeys: ReadonlySet<unknown>,
  intervalMs: number,
): void {
  const valid = Object.entries(entry.data).filter(([key]) => !invalidKeys.has(key));
  const { success, data } = alertRuleSchema.safeParse(Object.fromEntries(valid));
  if (!success) return;
  buildAlertRule(data, intervalMs, (path, message, on) => {
    if (path.length > 0 && !invalidKeys.has(path[0])) entry.report(path, message, on);
  });
}

function buildNamed<T>(
  sources: readonly YamlSource[],
  list: string,
  problems: ConfigProblem[],
  build: (entry: MergedConfig) => T | undefined,
): T[] {
  return mergeByName(sources, list, problems).flatMap((entry) => build(entry) ?? []);
}

/** The rules in effect. The user's file is read again whenever it changes. */
export class AlertRulesFile {
  readonly #file: WatchedFile<AlertRuleSet>;

  /** If the file is invalid, logs the problems and uses only the built-in rules. */
  constructor(settings: ThresholdSettings, path: string | undefined, log: Logger, now: number) {
    const initial = loadAlertRules(settings);
    this.#file = new WatchedFile<AlertRuleSet>(
      {
        path,
        initial,
        log,
        code: 'PS_RULES_INVALID',
        load: (file) => loadAlertRules(settings, file),
        formatLoadedMessage: ({ rules }, from) =>
          `Using ${rules.length} alert rules, including those in ${from}.`,
      },
      now,
    );
  }

  get ruleSet(): AlertRuleSet {
    return this.#file.value;
  }

  get status(): WatchedFileStatus {
    return this.#file.status;
  }

  /**
   * Reads the file if it has changed.
   *
   * @returns whether the rules changed
   */
  refresh(now: number): boolean {
    return this.#file.refresh(now);
  }
}

/**
 * Reads a rules file.
 *
 * @returns the text, and the file name to show with problems
 * @throws PS_RULES_INVALID if the file can't be read
 */
export function readRulesFile(path: string) {
  return readNamedFile(path, 'PS_RULES_INVALID');
}
