import { checked } from '../../entries/check.ts';
import { type LocatedProblem, rulesInvalid, suggest } from '../../entries/problems.ts';
import { parseSource, reporter, type Source } from '../../entries/source.ts';
import type { NamedText } from '../../entries/watched-file.ts';
import { type InhibitRule, inhibitEntry, inhibitRule } from '../quiet/inhibit.ts';
import { maintenanceEntry, maintenanceOf } from '../quiet/maintenance.ts';
import type { Silence } from '../quiet/silence.ts';
import { buildRule } from './build.ts';
import { defaultRules } from './defaults.ts';
import { ruleEntry } from './entry.ts';
import { applyEnvironment, type ThresholdSettings } from './environment.ts';
import { type FileEntry, fileEntry } from './file.ts';
import { type MergedEntry, mergeByName } from './merge.ts';
import type { Rule } from './rule.ts';

/** Everything that files say about alerts. */
export interface RuleSet {
  /** Time between two evaluations of a rule. */
  readonly intervalMs: number;
  readonly rules: readonly Rule[];
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
export function loadRules(settings: ThresholdSettings, file?: NamedText): RuleSet {
  const builtIn = defaultRules();
  const problems: LocatedProblem[] = [];
  const user = file && parseSource(file.name, file.text, problems);
  const sources = [builtIn, applyEnvironment(builtIn, settings), ...(user ? [user] : [])];
  const set = ruleSetOf(sources, problems);
  if (problems.length > 0) throw rulesInvalid(problems);
  return set;
}

function ruleSetOf(sources: readonly Source[], problems: LocatedProblem[]): RuleSet {
  const { interval = 30_000, notifications = {}, flapping = {} } = generalOf(sources, problems);
  if (interval < 1000) {
    reporter(sources.at(-1)!, [], problems)(['interval'], '`interval` must be at least `1s`');
  }
  return {
    intervalMs: interval,
    rules: rulesOf(sources, interval, problems),
    inhibit: namedOf(sources, 'inhibit', problems, (entry) => {
      const data = checked(inhibitEntry, entry.data, entry.report);
      return data && inhibitRule(data);
    }),
    maintenance: namedOf(sources, 'maintenance', problems, (entry) => {
      const data = checked(maintenanceEntry, entry.data, entry.report);
      return data && maintenanceOf(data);
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
function generalOf(sources: readonly Source[], problems: LocatedProblem[]): FileEntry {
  const entries = sources.map((source) =>
    checked(fileEntry, source.data, reporter(source, [], problems)),
  );
  return entries.reduce<FileEntry>(
    (before, entry = {}) => ({
      interval: entry.interval ?? before.interval,
      notifications: { ...before.notifications, ...entry.notifications },
      flapping: { ...before.flapping, ...entry.flapping },
    }),
    {},
  );
}

function rulesOf(
  sources: readonly Source[],
  intervalMs: number,
  problems: LocatedProblem[],
): Rule[] {
  const names = mergeByName(sources.slice(0, -1), 'rules', []).map(({ name }) => name);
  return namedOf(sources, 'rules', problems, (entry) => {
    const wrong = new Set<unknown>();
    const data = checked(ruleEntry, entry.data, (path, message, on) => {
      wrong.add(path[0]);
      entry.report(path, message, on);
    });
    if (!data) {
      checkRest(entry, wrong, intervalMs);
      return undefined;
    }
    const kinds = [data.measure, data.sql, data.internal].some((kind) => kind !== undefined);
    if (!entry.inherited && !kinds) {
      const words = `there is no rule \`${entry.name}\` to override; ${suggest(entry.name, names)}`;
      entry.report(['name'], `${words} A new rule needs \`measure\`, \`sql\` or \`internal\``);
      return undefined;
    }
    return data.enabled ? buildRule(data, intervalMs, entry.report) : undefined;
  });
}

/** What is right in form is checked in meaning too, so that all problems are told at once. */
function checkRest(entry: MergedEntry, wrong: ReadonlySet<unknown>, intervalMs: number): void {
  const kept = Object.entries(entry.data).filter(([key]) => !wrong.has(key));
  const { success, data } = ruleEntry.safeParse(Object.fromEntries(kept));
  if (!success) return;
  buildRule(data, intervalMs, (path, message, on) => {
    if (path.length > 0 && !wrong.has(path[0])) entry.report(path, message, on);
  });
}

function namedOf<T>(
  sources: readonly Source[],
  list: string,
  problems: LocatedProblem[],
  make: (entry: MergedEntry) => T | undefined,
): T[] {
  return mergeByName(sources, list, problems).flatMap((entry) => make(entry) ?? []);
}
