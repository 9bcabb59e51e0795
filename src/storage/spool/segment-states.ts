import { lstatSync } from 'node:fs';
import { basename } from 'node:path';
import { DAY_MS } from '../../core/duration.ts';
import type { Segment } from './segment.ts';
import { readSegmentFile } from './segment-file.ts';

/** Keeps the states that records contain, so that their segments can be deleted. */
export interface StateKeeper {
  /** Resolves when the states of ended processes were read. Until then, their segments are left alone. Never rejects. */
  readonly ready: Promise<void>;
  /** All states up to this number are kept in another file. */
  readonly keptNumber: number;
  /** Called after a record with a state of this process was written. Returns the number of the state. */
  onOwnState(): number;
  /** Called if the segments with states take much space. The states must be kept in another file as soon as possible. */
  keepSoon(): void;
  /** Called for a state of another process. Returns its number, or 0 if it was known. Never throws. */
  onForeignState(state: Uint8Array): number;
}

export type FileStates = 'none' | 'kept' | 'unkept';

/** Knows which segments contain states that are not kept in another file. */
export class SegmentStates {
  readonly #keeper: StateKeeper | undefined;
  /** The number of the last state of a segment. Without a keeper, the states are never kept. */
  readonly #numbers = new WeakMap<Segment, number>();
  /** Same, for the names of files whose rows were stored by an ended process. */
  readonly #numbersOfFiles = new Map<string, number>();

  constructor(keeper: StateKeeper | undefined) {
    this.#keeper = keeper;
  }

  /** Call it after a state of this process was written to a segment. */
  onAdded(segment: Segment): void {
    this.#setNumber(segment, this.#keeper?.onOwnState());
  }

  /** Call it for the states that were read from a segment. */
  onRead(segment: Segment, states: readonly Uint8Array[]): void {
    // Services have no states. Each state of this process already has a number.
    if (!segment.isForeign || segment.isShared) return;
    for (const state of states) this.#setNumber(segment, this.#keeper?.onForeignState(state));
  }

  /** See {@link StateKeeper.keepSoon}. */
  keepSoon(): void {
    this.#keeper?.keepSoon();
  }

  /** Whether a segment can be deleted without losing states. */
  canDelete(segment: Segment): boolean {
    return this.#isKept(this.#numbers.get(segment) ?? 0);
  }

  /**
   * Returns whether a segment that an ended process has left contains states, and whether they are kept. A file with
   * `unkept` states must not be deleted. A later call can return a different result.
   *
   * @throws UntrustedFileError, or the error of the file system
   */
  async checkFile(path: string): Promise<FileStates> {
    const name = basename(path);
    let number = this.#numbersOfFiles.get(name);
    if (number === undefined) {
      number = await this.#keepFile(path);
      if (number > 0) this.#numbersOfFiles.set(name, number);
    }
    if (number === 0) return 'none';
    // The states of older series are no longer needed.
    const isOld = Date.now() - lstatSync(path).ctimeMs > DAY_MS;
    if (!this.#isKept(number) && !isOld) return 'unkept';
    this.#numbersOfFiles.delete(name);
    return 'kept';
  }

  async #keepFile(path: string): Promise<number> {
    let last = 0;
    const onState = (state: Uint8Array) => {
      last = Math.max(last, this.#keeper?.onForeignState(state) ?? Number.POSITIVE_INFINITY);
    };
    await readSegmentFile(path, { onState });
    return last;
  }

  #isKept(number: number): boolean {
    return number === 0 || number <= (this.#keeper?.keptNumber ?? 0);
  }

  #setNumber(segment: Segment, number = Number.POSITIVE_INFINITY): void {
    this.#numbers.set(segment, Math.max(number, this.#numbers.get(segment) ?? 0));
  }
}
