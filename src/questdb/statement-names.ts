/** Each has a compiled plan of some 35 KB in QuestDB, for each connection that has asked it. */
const MOST_NAMES = 150;
/** Texts that are remembered as asked once. */
const MOST_SEEN = 1000;

/**
 * Names for a reader's statements that are asked again and again: under a name QuestDB compiles a statement once per
 * connection, which takes longer than to answer it. It keeps no plans of statements without a name.
 */
export class StatementNames {
  readonly #seen = new Set<string>();
  readonly #names = new Map<string, string>();

  /** @returns undefined for a text that was not asked before, and when there are names enough */
  of(text: string): string | undefined {
    const name = this.#names.get(text);
    if (name !== undefined) return name;
    if (this.#names.size >= MOST_NAMES) return undefined;
    if (!this.#seen.delete(text)) {
      if (this.#seen.size >= MOST_SEEN) this.#seen.clear();
      this.#seen.add(text);
      return undefined;
    }
    const made = `s${this.#names.size}`;
    this.#names.set(text, made);
    return made;
  }
}
