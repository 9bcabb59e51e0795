import type { Labels } from '../../../core/alerts/alert.ts';
import type { AlertSeverity } from '../../../core/schema/enums.ts';
import type { TenantScope } from '../../../core/tenant-scope.ts';
import type { TimeRange } from '../../../storage/queries/time-range.ts';
import type { NoiseRule } from '../noise/noise-report.ts';
import type { RuleReport } from '../report/rule-report.ts';

/** A request for a backtest. */
interface BacktestInput {
  /** Text of a rules file. Undefined replays only the current rules. */
  readonly rules: string | undefined;
  readonly range: TimeRange;
  /** Time between two evaluations, in ms. Default: one minute. */
  readonly stepMs?: number | undefined;
  readonly ruleNames?: readonly string[] | undefined;
  /** IANA time zone for hours. */
  readonly timeZone: string;
}

/** What a rule would have done. Durations are in ms. */
export interface RuleReplayView
  extends Omit<RuleReport, 'examples' | 'severities' | 'receivers' | 'people' | 'hours'> {
  readonly severities: Record<string, number>;
  readonly receivers: { name: string; messages: number }[];
  readonly people: { name: string; messages: number }[];
  readonly hours: number[];
  readonly examples: {
    labels: Labels;
    severity: AlertSeverity;
    value: number | undefined;
    firedAt: Date;
    endedAt: Date | undefined;
  }[];
  /** Why the rule wasn't replayed. */
  readonly skipped: string | undefined;
  readonly notes: string[];
}

/** A rule in the current and in the proposed rules. */
export interface BacktestRuleView {
  readonly name: string;
  readonly change: 'added' | 'removed' | 'changed' | 'unchanged';
  readonly current: RuleReplayView | undefined;
  readonly proposed: RuleReplayView | undefined;
}

export interface BacktestView {
  readonly from: Date;
  readonly to: Date;
  readonly stepMs: number;
  readonly timeZone: string;
  readonly durationMs: number;
  readonly rules: BacktestRuleView[];
  /** How well the replay of the current rules matches the stored alerts. */
  readonly stored: {
    readonly alerts: number;
    readonly reproduced: number;
    /** Stored alerts whose window contains other rows now than at their time. */
    readonly late: number;
    /** Other stored alerts that the replay didn't raise. */
    readonly other: number;
    /** Alerts that only the replay raised. */
    readonly added: number;
  };
  readonly notes: string[];
}

/** A rule in the noise report, with a suggestion. */
export interface NoiseRuleView extends Omit<NoiseRule, 'receivers'> {
  readonly receivers: { name: string; messages: number; nightMessages: number }[];
  readonly suggestion: NoiseSuggestionView | undefined;
  /** Why there is no suggestion. */
  readonly reason: string | undefined;
}

interface NoiseSuggestionView {
  /** Short text of the change, such as `for: 5m`. */
  readonly change: string;
  /** Alerts that the current rule and the changed rule raise in a backtest. */
  readonly currentFired: number;
  readonly suggestedFired: number;
  /** Rules file with the change. */
  readonly yaml: string;
}

interface NoiseView {
  readonly from: Date;
  readonly to: Date;
  readonly timeZone: string;
  readonly rules: NoiseRuleView[];
  readonly notes: string[];
}

/** The service behind the endpoints of backtests and of the noise report. */
export interface BacktestService {
  /**
   * Runs a backtest.
   *
   * @param signal aborted when the client disconnects
   * @throws PS_RULES_INVALID with the line and column of each problem, PS_TOO_MANY_OPEN if another backtest runs,
   * PS_QUERY_TOO_LONG, PS_UNAVAILABLE
   */
  run(input: BacktestInput, signal?: AbortSignal): Promise<BacktestView>;
  /** Returns the progress of the running backtest, from 0 to 1. Undefined if none runs. */
  getProgress(): { done: number; rows: number } | undefined;
  /**
   * Returns the noise report.
   *
   * @param suggests whether to search for quieter rules, which runs a backtest
   */
  getNoise(
    range: TimeRange,
    timeZone: string,
    scope: TenantScope,
    suggests: boolean,
    signal?: AbortSignal,
  ): Promise<NoiseView>;
}
