import { readFreeBytes } from './file-io.ts';

const CHECK_INTERVAL_MS = 10_000;

/** The free space of the disk that contains a folder. */
export class FreeSpace {
  readonly #dir: string;
  #bytes: number | undefined;
  #nextCheckMs = 0;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Free space in bytes, as of the last 10 s. Undefined if it is unknown. */
  get bytes(): number | undefined {
    return this.#bytes;
  }

  /** Reads the free space again if the last value is older than 10 s. Never rejects. */
  async update(): Promise<void> {
    const nowMs = performance.now();
    if (nowMs < this.#nextCheckMs) return;
    this.#nextCheckMs = nowMs + CHECK_INTERVAL_MS;
    this.#bytes = await readFreeBytes(this.#dir);
  }
}
