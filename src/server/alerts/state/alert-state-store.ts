import type { AlertRow } from '../../../core/schema/tables/alerts-table.ts';
import type { StateUpdate } from '../evaluation/alert-state-machine.ts';
import { acknowledge, addExplanation } from '../evaluation/alert-state-machine.ts';
import type { Transition } from '../evaluation/alert-transition.ts';
import {
  evaluateRule,
  type RuleStates,
  resolveAllAlerts,
} from '../evaluation/evaluate-alert-rule.ts';
import type { GroupState } from '../evaluation/group-state.ts';
import type { Observation } from '../evaluation/observation.ts';
import {
  addReportedGroups,
  type ReportedGroup,
  rebuildStates,
} from '../evaluation/rebuild-alert-states.ts';
import type { AlertRule } from '../rules/alert-rule.ts';

/** An alert that isn't resolved, with the newest value of its group. */
export interface LiveAlert {
  readonly transition: Transition;
  readonly value: number | undefined;
  /** Time of the last evaluation in which the value was beyond a threshold. */
  readonly breachedMs: number | undefined;
}

/** Called with each transition and the same alert's previous transition. */
export type OnTransition = (transition: Transition, before: Transition | undefined) => void;

const NO_STATES: RuleStates = new Map();

function toLiveAlert({ value, breachedMs }: GroupState, transition: Transition): LiveAlert {
  return { transition, value, breachedMs };
}

/** The states of all rules' groups, with an index of the live alerts by ID. */
export class AlertStateStore {
  readonly #states = new Map<string, RuleStates>();
  readonly #live = new Map<string, { rule: string; key: string }>();
  readonly #onTransition: OnTransition;

  constructor(onTransition: OnTransition) {
    this.#onTransition = onTransition;
  }

  /**
   * Evaluates a rule.
   *
   * @param isComplete whether all rows were stored. Otherwise, missing data has no effect.
   * @returns the transitions. `onTransition` has been called for each of them.
   */
  evaluate(
    rule: AlertRule,
    observations: readonly Observation[],
    now: number,
    isComplete = true,
  ): readonly Transition[] {
    const before = this.#states.get(rule.name) ?? NO_STATES;
    const { states, transitions } = evaluateRule(before, observations, rule, now, isComplete);
    this.#states.set(rule.name, states);
    this.#applyTransitions(transitions, before);
    return transitions;
  }

  /** Resolves the alerts of a removed rule. */
  removeRule(rule: string, now: number): void {
    const before = this.#states.get(rule) ?? NO_STATES;
    this.#states.delete(rule);
    this.#applyTransitions(resolveAllAlerts(before, now), before);
  }

  hasGroup(rule: string, key: string): boolean {
    return this.#states.get(rule)?.has(key) ?? false;
  }

  /** Lists the keys of a rule's groups, as {@link toLabelsKey} computes them. */
  listGroupKeys(rule: string): string[] {
    return [...(this.#states.get(rule) ?? NO_STATES).keys()];
  }

  /**
   * Updates one group of a rule that another system evaluates. The store forgets the group when its
   * alert is resolved.
   *
   * @param update returns undefined if nothing changes. Its argument is undefined for a new group.
   */
  updateGroup(
    rule: string,
    key: string,
    update: (state: GroupState | undefined) => StateUpdate | undefined,
  ): void {
    const before = this.#states.get(rule) ?? NO_STATES;
    const next = update(before.get(key));
    if (!next) return;
    const states = new Map(before);
    if (next.state.alert) states.set(key, next.state);
    else states.delete(key);
    if (states.size > 0) this.#states.set(rule, states);
    else this.#states.delete(rule);
    this.#applyTransitions(next.transitions, before);
  }

  /** Names of all rules with states, including removed rules. */
  get ruleNames(): readonly string[] {
    return [...this.#states.keys()];
  }

  /** Restores the states from the table, merged with the current live alerts. */
  restore(rows: readonly AlertRow[], now: number, evaluatedMs: number | undefined): void {
    const live = [...this.listLive()].map(({ transition }) => transition);
    const { states, transitions } = rebuildStates([...rows, ...live], now, evaluatedMs);
    this.#live.clear();
    for (const [rule, groups] of states) {
      this.#states.set(rule, new Map([...(this.#states.get(rule) ?? []), ...groups]));
    }
    for (const [rule, groups] of this.#states) {
      for (const [key, { alert }] of groups) if (alert) this.#live.set(alert.id, { rule, key });
    }
    const before = new Map(transitions.map((t) => [t.id, { ...t, state: 'firing' } as Transition]));
    for (const transition of transitions) this.#onTransition(transition, before.get(transition.id));
  }

  /** Adds groups that sent data before the process started. Missing data counts from `absentSinceMs`. */
  addReportedGroups(rule: string, groups: readonly ReportedGroup[], absentSinceMs: number): void {
    const before = this.#states.get(rule) ?? NO_STATES;
    this.#states.set(rule, addReportedGroups(before, groups, absentSinceMs));
  }

  /** Lists the groups of a rule that have data or an alert. */
  listGroups(rule: string): GroupState[] {
    const groups = [...(this.#states.get(rule) ?? NO_STATES).values()];
    return groups.filter(({ absentSinceMs, alert }) => absentSinceMs === undefined || alert);
  }

  *listLive(): Iterable<LiveAlert> {
    for (const id of this.#live.keys()) {
      const state = this.#findGroup(id)?.state;
      if (state?.alert) yield toLiveAlert(state, state.alert);
    }
  }

  find(id: string): LiveAlert | undefined {
    const state = this.#findGroup(id)?.state;
    return state?.alert && toLiveAlert(state, state.alert);
  }

  /**
   * Acknowledges an alert.
   *
   * @returns the transition, or `undefined` if the alert isn't firing
   */
  acknowledge(
    id: string,
    by: { author: string; comment: string },
    now: number,
  ): Transition | undefined {
    return this.#update(id, (state) => acknowledge(state, by, now));
  }

  /** Adds the explanation to the last transition of an alert. Its row is written again. */
  addExplanation(id: string, cause: string): Transition | undefined {
    return this.#update(id, (state) => addExplanation(state, cause));
  }

  get groupCount(): number {
    let sum = 0;
    for (const states of this.#states.values()) sum += states.size;
    return sum;
  }

  #update(
    id: string,
    updateState: (state: GroupState) => StateUpdate | undefined,
  ): Transition | undefined {
    const found = this.#findGroup(id);
    const update = found && updateState(found.state);
    if (!found || !update) return undefined;
    const { rule, key, state } = found;
    const before = this.#states.get(rule) ?? NO_STATES;
    this.#states.set(rule, new Map(before).set(key, update.state));
    for (const transition of update.transitions) this.#onTransition(transition, state.alert);
    return update.transitions[0];
  }

  #findGroup(id: string): { rule: string; key: string; state: GroupState } | undefined {
    const group = this.#live.get(id);
    const state = group && this.#states.get(group.rule)?.get(group.key);
    return state && { ...group, state };
  }

  #applyTransitions(transitions: readonly Transition[], before: RuleStates): void {
    for (const transition of transitions) {
      const { id, rule, labels: key, state } = transition;
      const last = before.get(key)?.alert;
      if (state === 'resolved') this.#live.delete(id);
      else this.#live.set(id, { rule, key });
      this.#onTransition(transition, last?.id === id ? last : undefined);
    }
  }
}
