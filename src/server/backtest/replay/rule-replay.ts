import type { Labels } from '../../../core/alerts/alert.ts';
import { acknowledge } from '../../alerts/evaluation/alert-state-machine.ts';
import type { Transition } from '../../alerts/evaluation/alert-transition.ts';
import { evaluateRule } from '../../alerts/evaluation/evaluate-alert-rule.ts';
import type { GroupState } from '../../alerts/evaluation/group-state.ts';
import { type Observation, toLabelsKey } from '../../alerts/evaluation/observation.ts';
import { type AlertRule, getRuleThresholds, isBeyond } from '../../alerts/rules/alert-rule.ts';
import type { ReplayWindow } from '../sources/replay-source.ts';
import { isQuiet, MAX_PAUSE_INTERVALS, type QuietGroup, toState } from './quiet-group.ts';
import { QuietSkipper } from './quiet-skipper.ts';

/** An alert that fires or is pending, as `AlertStateStore` lists it. */
export interface ReplayedAlert {
  readonly transition: Transition;
  readonly value: number | undefined;
  readonly breachedMs: number | undefined;
}

/**
 * Evaluates one rule at times that move forward. The transitions are the same as the transitions of `evaluateRule` for
 * all groups. Groups that can't change are only counted, because there can be thousands.
 */
export class RuleReplay {
  readonly rule: AlertRule;
  readonly #quiet = new Map<string, QuietGroup>();
  readonly #quietByLabels = new Map<Labels, QuietGroup>();
  /** States of all other groups. */
  #states = new Map<string, GroupState>();
  readonly #keys = new WeakMap<Labels, string>();
  #step = 0;
  readonly #skipper: QuietSkipper;
  /** Number of quiet groups that are skipped. */
  #skippedCount = 0;

  /** @param rule its interval must be the time between two evaluations */
  constructor(rule: AlertRule) {
    this.rule = rule;
    this.#skipper = new QuietSkipper(rule);
  }

  /** Number of known groups. */
  get groupCount(): number {
    return this.#quiet.size + this.#states.size;
  }

  /** Returns the alerts that are pending, firing, or acknowledged. */
  listLive(): ReplayedAlert[] {
    return [...this.#states.values()].flatMap(({ alert, value, breachedMs }) =>
      alert ? [{ transition: alert, value, breachedMs }] : [],
    );
  }

  /** Ends the skipping of groups. Must be called after the last time that was passed to `skip`. */
  endSkip(): void {
    if (this.#skippedCount === 0) return;
    this.#skippedCount = 0;
    for (const quiet of this.#quiet.values()) quiet.isSkipped = false;
  }

  /**
   * Evaluates one group at several times at once, if its state can't change at any of them. The group must then not be
   * observed at these times.
   *
   * @param times the next times of evaluation, sorted
   * @returns whether the group was evaluated. If not, the window is at its former position.
   */
  skip(window: ReplayWindow, times: readonly number[]): boolean {
    const quiet = this.#quietByLabels.get(window.labels);
    if (!quiet && this.#hasState(window.labels)) return false;
    const isSkipped = this.#skipper.skip(quiet, window, times);
    if (isSkipped && quiet) {
      quiet.isSkipped = true;
      this.#skippedCount += 1;
    }
    return isSkipped;
  }

  /** Evaluates the rule for all groups at `now`, in ms since the epoch. */
  evaluate(observations: readonly Observation[], now: number): readonly Transition[] {
    this.#step += 1;
    const relevant: Observation[] = [];
    const woken = new Map<string, GroupState>();
    let quietCount = 0;
    for (const observation of observations) {
      const quiet = observation.hasEnded ? undefined : this.#quietByLabels.get(observation.labels);
      if (!quiet) {
        if (this.#canChange(observation)) relevant.push(observation);
        continue;
      }
      if (quiet.step !== this.#step && this.#updateQuiet(quiet, observation, now)) {
        quietCount += 1;
        continue;
      }
      relevant.push(observation);
      woken.set(quiet.key, toState(quiet));
    }
    if (quietCount + this.#skippedCount < this.#quiet.size) this.#wakeAbsent(woken);
    for (const observation of relevant) this.#wakeByKey(observation, woken);
    if (relevant.length === 0 && woken.size === 0 && this.#states.size === 0) return [];
    const before = woken.size === 0 ? this.#states : new Map([...this.#states, ...woken]);
    const { states, transitions } = evaluateRule(before, relevant, this.rule, now);
    for (const key of woken.keys()) this.#forgetQuiet(key);
    this.#keep(states, relevant);
    return transitions;
  }

  /**
   * Acknowledges the alert of a group.
   *
   * @returns the transition, or undefined if the group has no firing alert
   */
  acknowledge(
    key: string,
    by: { readonly author: string; readonly comment: string },
    now: number,
  ): Transition | undefined {
    const state = this.#states.get(key);
    const update = state && acknowledge(state, by, now);
    if (update) this.#states.set(key, update.state);
    return update?.transitions[0];
  }

  /** A new group without a value stays unknown. */
  #canChange({ value, hasEnded, labels }: Observation): boolean {
    return value !== undefined || hasEnded === true || this.#hasState(labels);
  }

  #hasState(labels: Labels): boolean {
    if (this.#states.size === 0 && this.#quiet.size === 0) return false;
    const key = this.#keys.get(labels) ?? toLabelsKey(labels);
    this.#keys.set(labels, key);
    return this.#states.has(key) || this.#quiet.has(key);
  }

  /** Updates a quiet group. Returns false if it has to be evaluated. */
  #updateQuiet(quiet: QuietGroup, observation: Observation, now: number): boolean {
    const { value, count, coveredMs } = observation;
    const elapsedMs = now - quiet.evaluatedMs;
    if (value === undefined || Number.isNaN(value)) return false;
    if (elapsedMs < 0 || elapsedMs > MAX_PAUSE_INTERVALS * this.rule.intervalMs) return false;
    const { direction, noData, evidence } = this.rule;
    for (const { threshold } of quiet.thresholds.levels) {
      if (isBeyond(value, threshold, direction)) return false;
    }
    const newestMs = Math.min(observation.newestMs, now);
    const isOld = newestMs <= quiet.clockMs && count <= quiet.count;
    const isTooFew =
      count < quiet.thresholds.minimumCount ||
      (coveredMs ?? Number.POSITIVE_INFINITY) < evidence.minimumCoverageMs;
    quiet.step = this.#step;
    quiet.evaluatedMs = now;
    quiet.count = count;
    quiet.sinceMs = Math.min(quiet.sinceMs, newestMs - (coveredMs ?? 0));
    if (isOld || (isTooFew && noData === 'keep')) return true;
    quiet.clockMs = Math.max(newestMs, quiet.clockMs);
    quiet.value = value;
    return true;
  }

  /** Adds the quiet groups that weren't observed now. */
  #wakeAbsent(woken: Map<string, GroupState>): void {
    for (const quiet of this.#quiet.values()) {
      if (quiet.step !== this.#step && !quiet.isSkipped) woken.set(quiet.key, toState(quiet));
    }
  }

  /** A source can return other labels objects for the same group. */
  #wakeByKey({ labels, hasEnded }: Observation, woken: Map<string, GroupState>): void {
    if (hasEnded || this.#quietByLabels.has(labels) || this.#quiet.size === 0) return;
    const quiet = this.#quiet.get(toLabelsKey(labels));
    if (quiet && !woken.has(quiet.key)) woken.set(quiet.key, toState(quiet));
  }

  #forgetQuiet(key: string): void {
    const quiet = this.#quiet.get(key);
    if (!quiet) return;
    this.#quiet.delete(key);
    this.#quietByLabels.delete(quiet.state.labels);
  }

  /** Keeps the states, and remembers which groups are quiet now. */
  #keep(states: ReadonlyMap<string, GroupState>, observed: readonly Observation[]): void {
    this.#states = new Map();
    let labelsByKey: Map<string, Labels> | undefined;
    for (const [key, state] of states) {
      const thresholds = getRuleThresholds(this.rule, state.labels);
      if (!isQuiet(state, thresholds)) {
        this.#states.set(key, state);
        continue;
      }
      // The state has the labels of the first observation, which can be another object.
      labelsByKey ??= new Map(observed.map(({ labels }) => [toLabelsKey(labels), labels]));
      const labels = labelsByKey.get(key) ?? state.labels;
      const quiet: QuietGroup = {
        key,
        thresholds,
        state: { ...state, labels },
        step: this.#step,
        value: state.value,
        clockMs: state.clockMs,
        sinceMs: state.sinceMs,
        count: state.count,
        evaluatedMs: state.evaluatedMs ?? Number.NEGATIVE_INFINITY,
        isSkipped: false,
      };
      this.#quiet.set(key, quiet);
      this.#quietByLabels.set(labels, quiet);
    }
  }
}
