import type { ReadTarget } from '../config/target.ts';
import { CatalogReader } from './catalog.ts';
import { Memory } from './memory.ts';
import { Reader } from './reader.ts';

/** What is stored, for whoever asks questions: its rows, and which of them are kept where. */
export class QuestdbStore {
  readonly #reader: Reader;
  readonly #memory: Memory;
  readonly #catalog: CatalogReader;

  constructor(target: ReadTarget) {
    this.#reader = new Reader(target);
    this.#memory = new Memory(this.#reader.read);
    this.#catalog = new CatalogReader(this.#reader.read);
  }

  get read() {
    return this.#memory.read;
  }

  get catalog() {
    return this.#catalog.catalog;
  }

  /** Reads from another address from now on, after a restart on other ports. */
  async moveTo(target: ReadTarget): Promise<void> {
    this.#catalog.forget();
    this.#memory.forget();
    await this.#reader.moveTo(target);
  }

  close(): Promise<void> {
    return this.#reader.close();
  }
}
