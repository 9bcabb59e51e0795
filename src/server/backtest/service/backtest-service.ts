import { Document } from 'yaml';
import { DAY_MS, MINUTE_MS } from '../../../core/duration.ts';
import { createError } from '../../../core/perfscope-error.ts';
import type { Person } from '../../../core/person-and-roles.ts';
import type { TimeRange } from '../../../storage/queries/time-range.ts';
import type { ScanClient } from '../../../storage/questdb/query-client.ts';
import type { Transition } from '../../alerts/evaluation/alert-transition.ts';
import type { AlertRule } from '../../alerts/rules/alert-rule.ts';
import type { ThresholdSettings } from '../../alerts/rules/environment-thresholds.ts';
import { type AlertRuleSet, loadAlertRules } from '../../alerts/rules/load-alert-rules.ts';
import type { NotificationConfig } from '../../notifications/config/notification-config.ts';
import { createNoiseReport, type NoiseRule } from '../noise/noise-report.ts';
import {
  chooseSuggestion,
  listRuleCandidates,
  type RuleCandidate,
} from '../noise/suggest-rule-change.ts';
import { type AlertSpan, toAlertSpans } from '../report/alert-spans.ts';
import { compareStoredAlerts } from '../report/compare-stored-alerts.ts';
import { createRuleReport } from '../report/rule-report.ts';
import {
  type BacktestOutcome,
  type BacktestProgress,
  type RuleOutcome,
  runBacktest,
  type SetOutcome,
} from '../run-backtest.ts';
import type {
  BacktestRuleView,
  BacktestService,
  BacktestView,
  NoiseRuleView,
  RuleReplayView,
} from './backtest-views.ts';
import { countLateAlerts } from './count-late-alerts.ts';
import {
  describeLimits,
  loadSentMessages,
  loadSilencesDuring,
  loadStoredTransitions,
  toAcknowledgments,
} from './stored-alerts.ts';

export interface BacktestServiceOptions {
  readonly queryClient: ScanClient;
  readonly settings: ThresholdSettings;
  /** Returns the rules in effect. */
  readonly getRuleSet: () => AlertRuleSet;
  readonly getNotificationConfig: () => NotificationConfig;
  readonly getPeople: () => readonly Person[];
  /** Interval at which services report their health, in ms. */
  readonly healthIntervalMs: number;
  /** Maximum time of a backtest, in ms. Default: 5 minutes. */
  readonly timeLimitMs?: number;
}

const DEFAULT_TIME_LIMIT_MS = 5 * MINUTE_MS;
const DEFAULT_STEP_MS = MINUTE_MS;
const RETRY_AFTER_S = 10;
/** The noise report looks for changes of at most this many rules. */
const MAX_SUGGESTIONS = 5;
/** Longer ranges use longer steps, so that a report takes seconds. */
const NOISE_STEPS = 10_080;

/** Creates the service that runs backtests, one at a time. */
export function createBacktestService(options: BacktestServiceOptions): BacktestService {
  const { queryClient, settings, healthIntervalMs, getRuleSet } = options;
  const { timeLimitMs = DEFAULT_TIME_LIMIT_MS } = options;
  let progress: BacktestProgress | undefined;

  /** Runs `work` unless another backtest runs. */
  async function runExclusively<T>(work: () => Promise<T>): Promise<T> {
    if (progress) {
      const limits = { limit: 1, what: 'backtests', per: 'server', seconds: RETRY_AFTER_S };
      throw createError('PS_TOO_MANY_OPEN', limits);
    }
    progress = { done: 0, rows: 0 };
    try {
      return await work();
    } finally {
      progress = undefined;
    }
  }

  function replay(
    ruleSets: readonly AlertRuleSet[],
    range: TimeRange,
    stepMs: number,
    ruleNames: readonly string[] | undefined,
    inputs: Awaited<ReturnType<typeof loadInputs>>,
    signal: AbortSignal | undefined,
  ): Promise<BacktestOutcome> {
    const deadlineMs = performance.now() + timeLimitMs;
    return runBacktest(
      {
        queryClient,
        healthIntervalMs,
        notificationConfig: options.getNotificationConfig(),
        people: options.getPeople(),
        silences: inputs.silences,
        acknowledgments: toAcknowledgments(inputs.transitions),
      },
      { range, stepMs, ruleSets, ruleNames },
      {
        onProgress: (update) => {
          progress = update;
        },
        checkCanceled() {
          signal?.throwIfAborted();
          if (performance.now() > deadlineMs) throw createError('PS_QUERY_TOO_LONG', {});
        },
      },
    );
  }

  async function loadInputs(range: TimeRange) {
    const [transitions, silences] = await Promise.all([
      loadStoredTransitions(queryClient, range),
      loadSilencesDuring(queryClient, range),
    ]);
    return { transitions, silences, notes: describeLimits(transitions.length, 0) };
  }

  async function compareWithStored(
    current: SetOutcome,
    outcome: BacktestOutcome,
    transitions: readonly Transition[],
  ): Promise<BacktestView['stored']> {
    const { range, stepMs } = outcome;
    const replayed = current.rules.filter(({ skipped }) => skipped === undefined);
    const names = new Set(replayed.map(({ rule }) => rule.name));
    const isInRange = ({ firedMs }: AlertSpan) => firedMs >= range.fromMs && firedMs <= range.toMs;
    const stored = toAlertSpans(transitions).filter(
      (span) => names.has(span.rule) && isInRange(span),
    );
    const spans = replayed.flatMap((rule) => rule.spans).filter(isInRange);
    const toleranceMs = stepMs + 2 * getRuleSet().intervalMs;
    const compared = compareStoredAlerts(stored, spans, toleranceMs);
    const rules = new Map(getRuleSet().rules.map((rule) => [rule.name, rule]));
    const late = await countLateAlerts(
      queryClient,
      compared.missing,
      transitions,
      (name) => rules.get(name),
      healthIntervalMs,
    );
    return {
      alerts: compared.stored,
      reproduced: compared.reproduced,
      late,
      other: compared.missing.length - late,
      added: compared.added.length,
    };
  }

  return {
    getProgress: () => progress && { ...progress },

    async run({ rules, range, stepMs = DEFAULT_STEP_MS, ruleNames, timeZone }, signal) {
      const current = getRuleSet();
      const file = rules === undefined ? undefined : { name: 'rules.yaml', text: rules };
      const proposed = file && loadAlertRules(settings, file);
      return runExclusively(async () => {
        const startMs = performance.now();
        const inputs = await loadInputs(range);
        const sets = proposed ? [current, proposed] : [current];
        const outcome = await replay(sets, range, stepMs, ruleNames, inputs, signal);
        const [currentSet, proposedSet] = outcome.sets;
        const stored = await compareWithStored(currentSet!, outcome, inputs.transitions);
        return {
          from: new Date(outcome.range.fromMs),
          to: new Date(outcome.range.toMs),
          stepMs: outcome.stepMs,
          timeZone,
          durationMs: Math.round(performance.now() - startMs),
          rules: toRuleViews(outcome, currentSet!, proposedSet, timeZone, { current, proposed }),
          stored,
          notes: [...outcome.notes, ...inputs.notes, ...describeSelection(ruleNames)],
        };
      });
    },

    async getNoise(range, timeZone, scope, suggests, signal) {
      const [transitions, messages] = await Promise.all([
        loadStoredTransitions(queryClient, range, scope),
        loadSentMessages(queryClient, range, scope),
      ]);
      const spans = toAlertSpans(transitions);
      const report = createNoiseReport(spans, messages, range, timeZone);
      const view = {
        from: new Date(range.fromMs),
        to: new Date(range.toMs),
        timeZone,
        notes: describeLimits(transitions.length, messages.length),
      };
      if (!suggests) {
        return { ...view, rules: report.map((rule) => toNoiseView(rule, undefined, undefined)) };
      }
      const rules = await runExclusively(() => addSuggestions(report, spans, range, signal));
      return { ...view, rules };
    },
  };

  /** Backtests all candidates of the noisiest rules at once. They read the same rows. */
  async function addSuggestions(
    report: readonly NoiseRule[],
    spans: readonly AlertSpan[],
    range: TimeRange,
    signal: AbortSignal | undefined,
  ): Promise<NoiseRuleView[]> {
    const ruleSet = getRuleSet();
    const noisy = report.filter(({ unacknowledged }) => unacknowledged > 0);
    const tested = noisy.slice(0, MAX_SUGGESTIONS).flatMap(({ name }) => {
      const rule = ruleSet.rules.find((each) => each.name === name);
      const data = ruleSet.definitions.get(name)?.data;
      return rule && data && rule.source.kind === 'measure' ? [{ rule, data }] : [];
    });
    if (tested.length === 0) {
      return report.map((rule) => toNoiseView(rule, undefined, 'not tested'));
    }
    const variants = tested.flatMap(({ rule, data }) => [
      { base: rule.name, candidate: undefined, rule },
      ...listRuleCandidates(rule, data).map((candidate, i) => ({
        base: rule.name,
        candidate,
        rule: { ...candidate.rule, name: `${rule.name} ${i + 1}` },
      })),
    ]);
    const variantSet = { ...ruleSet, rules: variants.map(({ rule }) => rule) };
    const inputs = { transitions: [], silences: [], notes: [] };
    const stepMs = Math.ceil((range.toMs - range.fromMs) / NOISE_STEPS / MINUTE_MS) * MINUTE_MS;
    const outcome = await replay([variantSet], range, stepMs, undefined, inputs, signal);
    const outcomes = outcome.sets[0]!.rules;
    const isInRange = ({ firedMs }: AlertSpan) =>
      firedMs >= outcome.range.fromMs && firedMs <= outcome.range.toMs;
    const spansOf = (i: number) => outcomes[i]!.spans.filter(isInRange);
    return report.map((noise) => {
      const own = variants.flatMap((variant, i) =>
        variant.base === noise.name ? [{ ...variant, spans: spansOf(i) }] : [],
      );
      const current = own.find(({ candidate }) => candidate === undefined);
      if (!current) return toNoiseView(noise, undefined, 'not tested');
      const acknowledged = spans.filter(
        ({ rule, acknowledgedMs }) => rule === noise.name && acknowledgedMs !== undefined,
      );
      const candidates = own.flatMap(({ candidate, spans: replayed }) =>
        candidate ? [{ candidate, spans: replayed }] : [],
      );
      const best = chooseSuggestion(acknowledged, current.spans.length, candidates);
      if (!best) return toNoiseView(noise, undefined, 'no change');
      const suggestion = {
        change: best.candidate.change,
        currentFired: current.spans.length,
        suggestedFired: best.spans.length,
        yaml: formatSuggestionYaml(noise.name, best.candidate),
      };
      return toNoiseView(noise, suggestion, undefined);
    });
  }
}

function toNoiseView(
  noise: NoiseRule,
  suggestion: NoiseRuleView['suggestion'],
  reason: string | undefined,
): NoiseRuleView {
  return { ...noise, receivers: noise.receivers.map((each) => ({ ...each })), suggestion, reason };
}

function formatSuggestionYaml(name: string, { keys }: RuleCandidate): string {
  return new Document({ rules: [{ name, ...keys }] }).toString({ lineWidth: 120 });
}

function describeSelection(ruleNames: readonly string[] | undefined): string[] {
  if (!ruleNames) return [];
  return ['Only the selected rules were replayed, so other rules inhibit none of their alerts.'];
}

interface ComparedSets {
  readonly current: AlertRuleSet;
  readonly proposed: AlertRuleSet | undefined;
}

function toRuleViews(
  { range }: BacktestOutcome,
  current: SetOutcome,
  proposed: SetOutcome | undefined,
  timeZone: string,
  sets: ComparedSets,
): BacktestRuleView[] {
  const toView = (set: SetOutcome, name: string) => {
    const found = set.rules.find(({ rule }) => rule.name === name);
    return found && toReplayView(found, set, range, timeZone);
  };
  const all = [...current.rules, ...(proposed?.rules ?? [])].map(({ rule }) => rule.name);
  const order = { added: 0, changed: 1, removed: 2, unchanged: 3 };
  return [...new Set(all)]
    .map((name): BacktestRuleView => {
      const change = proposed ? compareDefinitions(name, sets) : 'unchanged';
      return {
        name,
        change,
        current: toView(current, name),
        proposed: proposed && toView(proposed, name),
      };
    })
    .sort((a, b) => order[a.change] - order[b.change]);
}

function compareDefinitions(
  name: string,
  { current, proposed }: ComparedSets,
): BacktestRuleView['change'] {
  const find = (set: AlertRuleSet | undefined): AlertRule | undefined =>
    set?.rules.find((rule) => rule.name === name);
  if (!find(current)) return 'added';
  if (!find(proposed)) return 'removed';
  const toText = (set: AlertRuleSet | undefined) =>
    JSON.stringify(set?.definitions.get(name)?.data);
  return toText(current) === toText(proposed) ? 'unchanged' : 'changed';
}

function toReplayView(
  { rule, spans, skipped, notes }: RuleOutcome,
  { messages }: SetOutcome,
  range: TimeRange,
  timeZone: string,
): RuleReplayView {
  const report = createRuleReport(rule.name, spans, messages, range, timeZone);
  return {
    ...report,
    severities: { ...report.severities } as Record<string, number>,
    receivers: report.receivers.map((each) => ({ ...each })),
    people: report.people.map((each) => ({ ...each })),
    hours: [...report.hours],
    examples: report.examples.map(({ firedMs, endedMs, ...example }) => ({
      ...example,
      firedAt: new Date(firedMs),
      endedAt: endedMs === undefined ? undefined : new Date(endedMs),
    })),
    skipped,
    notes: [...notes],
  };
}

/** The longest range of a backtest. */
export const MAX_BACKTEST_MS = 90 * DAY_MS;
