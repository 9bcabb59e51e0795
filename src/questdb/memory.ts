import type { Read, Row } from './reader.ts';
import { render } from './statement.ts';

/** Rows that are kept at most: some 20 MB. */
const MOST_ROWS = 50_000;
/** An answer that is longer is not kept: it would drive out all others. */
const MOST_ROWS_OF_ONE = 10_000;

interface Answer {
  readonly rows: Promise<readonly Row[]>;
  /** 0 until it is there. */
  count: number;
}

/**
 * Remembers answers about what has not changed: a dashboard that is looked at by many, or again and
 * again, reads a roll-up once. Whoever asks the same while it is being answered waits for the same
 * answer.
 */
export class Memory {
  readonly #read: Read;
  /** The one used longest ago comes first. */
  readonly #answers = new Map<string, Answer>();
  #rows = 0;

  constructor(read: Read) {
    this.#read = read;
  }

  readonly read: Read = (scope, statement, state) => {
    const rendered = render(statement, scope);
    if (!rendered) return this.#read(scope, statement);
    // The text and its parameters hold the scope: nobody is given what another may see.
    const key = JSON.stringify([state, rendered.text, rendered.params]);
    const rows = () => this.#read(scope, statement);
    const answer = this.#answers.get(key) ?? this.#ask(key, rows(), state !== undefined);
    if (this.#answers.delete(key)) this.#answers.set(key, answer);
    return answer.rows;
  };

  forget(): void {
    this.#answers.clear();
    this.#rows = 0;
  }

  #ask(key: string, rows: Promise<readonly Row[]>, stays: boolean): Answer {
    const answer: Answer = { rows, count: 0 };
    this.#answers.set(key, answer);
    rows.then(
      ({ length }) => {
        if (this.#answers.get(key) !== answer) return;
        // Also an answer without rows takes room.
        answer.count = length + 1;
        this.#rows += answer.count;
        if (!stays || length > MOST_ROWS_OF_ONE) this.#drop(key, answer);
        for (const [oldest, kept] of this.#answers) {
          if (this.#rows <= MOST_ROWS) break;
          if (kept.count > 0) this.#drop(oldest, kept);
        }
      },
      () => {
        if (this.#answers.get(key) === answer) this.#answers.delete(key);
      },
    );
    return answer;
  }

  #drop(key: string, { count }: Answer): void {
    this.#answers.delete(key);
    this.#rows -= count;
  }
}
