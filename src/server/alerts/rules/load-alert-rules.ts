import {
  type ConfigProblem,
  createRulesFileError,
  formatSuggestion,
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
import type { Logger } from '../../../core/log.ts';
import { type InhibitRule, inhibitRuleSchema, toInhibitRule } from '../suppression/inhibition.ts';
import { maintenanceSchema, type Silence, toMaintenanceSilence } from '../suppression/silence.ts';
import type { AlertRule } from './alert-rule.ts';
import {
  type AlertRulesFileConfig,
  alertRuleSchema,
  alertRulesFileSchema,
} from './alert-rule-schema.ts';
import { buildAlertRule } from './build-alert-rule.ts';
import {
  createEnvironmentSource,
  loadDefaultRules,
  type MergedConfig,
  mergeByName,
  type ThresholdSettings,
} from './rule-sources.ts';

/** Everything that files say about alerts. */
export interface AlertRuleSet {
  /** Time between two evaluations of a rule. */
  readonly intervalMs: number;
  readonly rules: readonly AlertRule[];
  readonly inhibit: readonly InhibitRule[];
  /** Static maintenance windows, in the form of silences. */
  readonly maintenance: readonly Silence[];
  readonly notifications: {
    readonly groupBy: readonly string[];
    readonly waitMs: number;
    readonly intervalMs: number;
    readonly repeatMs: number;
  };
  readonly flapping: { readonly transitions: number; readonly windowMs: number };
}

/**
 * The built-in rules with the environment's thresholds, extended and overridden by the user's file.
 *
 * @throws PS_RULES_INVALID with every problem of the file, each with its line
 */
export function loadAlertRules(settings: ThresholdSettings, file?: NamedFileText): AlertRuleSet {
  const builtIn = loadDefaultRules();
  const problems: ConfigProblem[] = [];
  const user = file && parseYamlSource(file.name, file.text, problems);
  const sources = [builtIn, createEnvironmentSource(builtIn, settings), ...(user ? [user] : [])];
  const set = buildRuleSet(sources, problems);
  if (problems.length > 0) throw createRulesFileError(problems);
  return set;
}

function buildRuleSet(sources: readonly YamlSource[], problems: ConfigProblem[]): AlertRuleSet {
  const {
    interval = 30_000,
    notifications = {},
    flapping = {},
  } = mergeGeneralConfig(sources, problems);
  if (interval < 1000) {
    createReporter(sources.at(-1)!, [], problems)(['interval'], '`interval` must be at least `1s`');
  }
  return {
    intervalMs: interval,
    rules: buildRules(sources, interval, problems),
    inhibit: buildNamed(sources, 'inhibit', problems, (entry) => {
      const data = validateConfig(inhibitRuleSchema, entry.data, entry.report);
      return data && toInhibitRule(data);
    }),
    maintenance: buildNamed(sources, 'maintenance', problems, (entry) => {
      const data = validateConfig(maintenanceSchema, entry.data, entry.report);
      return data && toMaintenanceSilence(data);
    }),
    notifications: {
      groupBy: notifications.groupBy ?? ['alertname', 'service'],
      waitMs: notifications.groupWait ?? 30_000,
      intervalMs: notifications.groupInterval ?? 300_000,
      repeatMs: notifications.repeatInterval ?? 14_400_000,
    },
    flapping: {
      transitions: flapping.transitions ?? 6,
      windowMs: flapping.window ?? 1_800_000,
    },
  };
}

/** What stands beside the lists; the last file that says something is right. */
function mergeGeneralConfig(
  sources: readonly YamlSource[],
  problems: ConfigProblem[],
): AlertRulesFileConfig {
  const entries = sources.map((source) =>
    validateConfig(alertRulesFileSchema, source.data, createReporter(source, [], problems)),
  );
  return entries.reduce<AlertRulesFileConfig>(
    (before, entry = {}) => ({
      interval: entry.interval ?? before.interval,
      notifications: { ...before.notifications, ...entry.notifications },
      flapping: { ...before.flapping, ...entry.flapping },
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
    const wrong = new Set<unknown>();
    const data = validateConfig(alertRuleSchema, entry.data, (path, message, on) => {
      wrong.add(path[0]);
      entry.report(path, message, on);
    });
    if (!data) {
      checkRemainingKeys(entry, wrong, intervalMs);
      return undefined;
    }
    const kinds = [data.measure, data.sql, data.internal].some((kind) => kind !== undefined);
    if (!entry.isInherited && !kinds) {
      const words = `there is no rule \`${entry.name}\` to override; ${formatSuggestion(entry.name, names)}`;
      entry.report(['name'], `${words} A new rule needs \`measure\`, \`sql\` or \`internal\``);
      return undefined;
    }
    return data.enabled ? buildAlertRule(data, intervalMs, entry.report) : undefined;
  });
}

/** What is right in form is checked in meaning too, so that all problems are told at once. */
function checkRemainingKeys(
  entry: MergedConfig,
  wrong: ReadonlySet<unknown>,
  intervalMs: number,
): void {
  const kept = Object.entries(entry.data).filter(([key]) => !wrong.has(key));
  const { success, data } = alertRuleSchema.safeParse(Object.fromEntries(kept));
  if (!success) return;
  buildAlertRule(data, intervalMs, (path, message, on) => {
    if (path.length > 0 && !wrong.has(path[0])) entry.report(path, message, on);
  });
}

function buildNamed<T>(
  sources: readonly YamlSource[],
  list: string,
  problems: ConfigProblem[],
  make: (entry: MergedConfig) => T | undefined,
): T[] {
  return mergeByName(sources, list, problems).flatMap((entry) => make(entry) ?? []);
}

/** The rules that run: the built-in ones and the user's file, read again whenever it changes. */
export class AlertRulesFile {
  readonly #file: WatchedFile<AlertRuleSet>;

  /** Begins with the built-in rules where the file is not valid, which the log says. */
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
          `${rules.length} alert rules run, with those of ${from}.`,
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

  /** Looks whether the file has changed. @returns whether other rules run now */
  refresh(now: number): boolean {
    return this.#file.refresh(now);
  }
}

/** The file's text with the name that its problems have. @throws PS_RULES_INVALID */
export function readRulesFile(path: string) {
  return readNamedFile(path, 'PS_RULES_INVALID');
}
