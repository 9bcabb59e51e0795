import type { Transition } from '../evaluate/transition.ts';
import type { Explainer } from '../explain/explainer.ts';
import { type Alert, presentAlert } from '../present.ts';
import type { RuleSet } from '../rules/load.ts';
import type { Rule } from '../rules/rule.ts';
import type { Journal } from './journal.ts';
import type { QuietBook, Telling } from './quiet-book.ts';
import type { SilenceBook } from './silence-book.ts';
import type { LiveAlert } from './state-book.ts';

export interface HeraldOptions {
  readonly journal: Journal;
  readonly quiet: QuietBook;
  readonly silences: SilenceBook;
  readonly explainer: Explainer;
  /** The rules that run now. */
  readonly set: () => RuleSet;
  readonly ruleNamed: (name: string) => Rule | undefined;
  /** Whom to tell of what is not held back. */
  readonly tell: (telling: Telling) => void;
  /** Hears after each look at all alerts why they are, or are not, told now. */
  readonly looked: (alerts: ReturnType<QuietBook['looked']>) => void;
}

/** Passes on what alerts do: to the table and the log, to the explainer, and to who is to be told. */
export class Herald {
  readonly #options: HeraldOptions;

  constructor(options: HeraldOptions) {
    this.#options = options;
  }

  /** @returns whether the alert has changed, and not only its explanation */
  note(transition: Transition, before: Transition | undefined): boolean {
    const { journal, quiet, explainer, set, ruleNamed } = this.#options;
    journal.note(transition, before);
    if (before?.seq === transition.seq) return false;
    quiet.note(transition, this.#present(transition), set());
    const rule = ruleNamed(transition.rule);
    if (rule) explainer.consider(transition, before, rule);
    return true;
  }

  /** What was passed on before the process started. */
  recall(past: Transition): void {
    const { quiet, set } = this.#options;
    quiet.recall(past, this.#present(past), set());
  }

  /** Tells what may be told at `now` of the alerts that go on, and of those that have ended. */
  tell(live: Iterable<LiveAlert>, now: number): void {
    const { quiet, silences, set, tell, looked } = this.#options;
    const alerts = [...live].map(({ transition, value }) => this.#present(transition, value));
    for (const telling of quiet.advance(alerts, set(), silences.active(now), now)) tell(telling);
    looked(quiet.looked());
  }

  #present(transition: Transition, value?: number): Alert {
    return presentAlert(transition, this.#options.ruleNamed(transition.rule), value);
  }
}
