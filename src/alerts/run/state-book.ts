import type { AlertRow } from '../../schema/alerts.ts';
import { acknowledge, explained } from '../evaluate/act.ts';
import type { GroupState } from '../evaluate/group-state.ts';
import type { Observation } from '../evaluate/observation.ts';
import { type KnownGroup, rememberGroups, restoreStates } from '../evaluate/restore.ts';
import { evaluateRule, type RuleStates, retireRule } from '../evaluate/rule.ts';
import type { Step } from '../evaluate/settle.ts';
import type { Transition } from '../evaluate/transition.ts';
import type { Rule } from '../rules/rule.ts';

/** An alert that goes on, with its group's newest value. */
export interface LiveAlert {
  readonly transition: Transition;
  readonly value: number | undefined;
}

/** What a change of the book tells: transitions, with what each alert was before. */
export type OnChange = (transition: Transition, before: Transition | undefined) => void;

const NONE: RuleStates = new Map();

/** The states of all rules' groups, and the alerts that go on, by id. */
export class StateBook {
  readonly #states = new Map<string, RuleStates>();
  readonly #live = new Map<string, { rule: string; key: string }>();
  readonly #onChange: OnChange;

  constructor(onChange: OnChange) {
    this.#onChange = onChange;
  }

  /** @returns the transitions, which have been told */
  evaluate(rule: Rule, observations: readonly Observation[], now: number): readonly Transition[] {
    const before = this.#states.get(rule.name) ?? NONE;
    const { states, transitions } = evaluateRule(before, observations, rule, now);
    this.#states.set(rule.name, states);
    this.#tell(transitions, before);
    return transitions;
  }

  /** Ends the alerts of a rule that is no more. */
  retire(rule: string, now: number): void {
    const before = this.#states.get(rule) ?? NONE;
    this.#states.delete(rule);
    this.#tell(retireRule(before, now), before);
  }

  /** Rules that have states, among them those of rules that are no more. */
  get rules(): readonly string[] {
    return [...this.#states.keys()];
  }

  /** Takes over what the table knows, and what has happened here since. */
  restore(rows: readonly AlertRow[], now: number, evaluatedMs: number | undefined): void {
    const ours = [...this.live()].map(({ transition }) => transition);
    const { states, transitions } = restoreStates([...rows, ...ours], now, evaluatedMs);
    this.#live.clear();
    for (const [rule, groups] of states) {
      this.#states.set(rule, new Map([...(this.#states.get(rule) ?? []), ...groups]));
    }
    for (const [rule, groups] of this.#states) {
      for (const [key, { alert }] of groups) if (alert) this.#live.set(alert.id, { rule, key });
    }
    const before = new Map(transitions.map((t) => [t.id, { ...t, state: 'firing' } as Transition]));
    for (const transition of transitions) this.#onChange(transition, before.get(transition.id));
  }

  /** Groups that reported before the start. */
  remember(rule: string, groups: readonly KnownGroup[]): void {
    this.#states.set(rule, rememberGroups(this.#states.get(rule) ?? NONE, groups));
  }

  *live(): Iterable<LiveAlert> {
    for (const id of this.#live.keys()) {
      const state = this.#group(id)?.state;
      if (state?.alert) yield { transition: state.alert, value: state.value };
    }
  }

  find(id: string): LiveAlert | undefined {
    const state = this.#group(id)?.state;
    return state?.alert && { transition: state.alert, value: state.value };
  }

  /** @returns the transition; undefined when no such alert fires */
  acknowledge(
    id: string,
    by: { author: string; comment: string },
    now: number,
  ): Transition | undefined {
    return this.#act(id, (state) => acknowledge(state, by, now));
  }

  /** Adds the first explanation to the alert's last transition: the same row, written again. */
  explain(id: string, cause: string): Transition | undefined {
    return this.#act(id, (state) => explained(state, cause));
  }

  get groups(): number {
    let sum = 0;
    for (const states of this.#states.values()) sum += states.size;
    return sum;
  }

  #act(id: string, act: (state: GroupState) => Step | undefined): Transition | undefined {
    const found = this.#group(id);
    const step = found && act(found.state);
    if (!found || !step) return undefined;
    const { rule, key, state } = found;
    const before = this.#states.get(rule) ?? NONE;
    this.#states.set(rule, new Map(before).set(key, step.state));
    for (const transition of step.transitions) this.#onChange(transition, state.alert);
    return step.transitions[0];
  }

  #group(id: string): { rule: string; key: string; state: GroupState } | undefined {
    const place = this.#live.get(id);
    const state = place && this.#states.get(place.rule)?.get(place.key);
    return state && { ...place, state };
  }

  #tell(transitions: readonly Transition[], before: RuleStates): void {
    for (const transition of transitions) {
      const { id, rule, labels: key, state } = transition;
      const last = before.get(key)?.alert;
      if (state === 'resolved') this.#live.delete(id);
      else this.#live.set(id, { rule, key });
      this.#onChange(transition, last?.id === id ? last : undefined);
    }
  }
}
