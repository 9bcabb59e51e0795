import { formatNumber } from '../../../core/format.ts';
import { PerfscopeError } from '../../../core/perfscope-error.ts';
import type { Transition } from '../../alerts/evaluation/alert-transition.ts';
import type { Observation } from '../../alerts/evaluation/observation.ts';
import { MAX_GROUPS } from '../../alerts/rule-queries/rule-query-cache.ts';
import type { ReplaySource } from '../sources/replay-source.ts';
import type { NotificationReplay } from './notification-replay.ts';
import type { RuleReplay } from './rule-replay.ts';

/** A person's acknowledgment of a stored alert. It applies to the same group of a replay. */
export interface StoredAcknowledgment {
  readonly atMs: number;
  readonly rule: string;
  /** JSON of the group's labels, from `toLabelsKey`. */
  readonly labels: string;
  readonly author: string;
  readonly comment: string;
}

/** A rule with its source. Rules with the same definition share one, even if they are in two sets. */
export interface ReplayedRule {
  readonly replay: RuleReplay;
  readonly source: ReplaySource;
  readonly transitions: Transition[];
  /** Why the replay of the rule ended early, such as too many groups. */
  failure?: string;
}

/** One set of rules with its notifications. */
export interface ReplayedSet {
  readonly rules: readonly ReplayedRule[];
  readonly notifications: NotificationReplay;
}

/** Evaluates all rules at one time after another. The sources must contain all rows before that time. */
export class ReplayRun {
  readonly #rules: readonly ReplayedRule[];
  readonly #sets: readonly ReplayedSet[];
  readonly #acknowledgments: readonly StoredAcknowledgment[];
  #nextAcknowledgment = 0;

  /** @param acknowledgments sorted by time */
  constructor(sets: readonly ReplayedSet[], acknowledgments: readonly StoredAcknowledgment[]) {
    this.#sets = sets;
    this.#rules = [...new Set(sets.flatMap(({ rules }) => rules))];
    this.#acknowledgments = acknowledgments;
  }

  /**
   * Prepares the next evaluations. Evaluates all groups whose state can't change at these times. Returns after each
   * rule, so that other work can run.
   *
   * @param times the times of the next calls of `step`, sorted
   */
  *skipQuiet(times: readonly number[]): Generator<void> {
    for (const { source, replay, failure } of this.#rules) {
      replay.endSkip();
      if (!source.skipGroups || failure !== undefined) continue;
      try {
        source.skipGroups((window) => replay.skip(window, times));
      } catch (error) {
        // The next evaluation fails in the same way, and ends the replay of the rule.
        if (!isTooLarge(error)) throw error;
      }
      yield;
    }
  }

  /** Evaluates all rules at `now`, in ms since the epoch. */
  async step(now: number): Promise<void> {
    const byRule = new Map<ReplayedRule, readonly Transition[]>();
    const acknowledged = this.#takeAcknowledgments(now);
    for (const rule of this.#rules) {
      if (rule.failure !== undefined) continue;
      const { replay, transitions } = rule;
      const before = acknowledged.flatMap(({ labels, author, comment, ...each }) =>
        each.rule === replay.rule.name
          ? (replay.acknowledge(labels, { author, comment }, now) ?? [])
          : [],
      );
      const observations = await observe(rule, now);
      if (!observations) continue;
      const changed = replay.evaluate(observations, now);
      const all = before.length > 0 ? [...before, ...changed] : changed;
      if (all.length === 0) continue;
      transitions.push(...all);
      byRule.set(rule, all);
    }
    for (const { rules, notifications } of this.#sets) {
      const changed = byRule.size > 0 ? rules.flatMap((rule) => byRule.get(rule) ?? []) : [];
      notifications.step(
        changed,
        rules.flatMap(({ replay }) => replay.listLive()),
        now,
      );
    }
  }

  #takeAcknowledgments(now: number): readonly StoredAcknowledgment[] {
    const first = this.#nextAcknowledgment;
    const all = this.#acknowledgments;
    while ((all[this.#nextAcknowledgment]?.atMs ?? Number.POSITIVE_INFINITY) <= now) {
      this.#nextAcknowledgment += 1;
    }
    return first === this.#nextAcknowledgment ? [] : all.slice(first, this.#nextAcknowledgment);
  }
}

/** Returns the observations, or undefined if the rule failed and can't be replayed further. */
async function observe(
  rule: ReplayedRule,
  now: number,
): Promise<readonly Observation[] | undefined> {
  try {
    return await rule.source.observe(now);
  } catch (error) {
    if (!isTooLarge(error)) throw error;
    rule.failure = `it has more than ${formatNumber(MAX_GROUPS)} groups`;
    return undefined;
  }
}

function isTooLarge(error: unknown): boolean {
  return error instanceof PerfscopeError && error.code === 'PS_REQUEST_TOO_LARGE';
}
