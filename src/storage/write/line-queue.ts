import { type LineChunk, takeLines } from '../spool/batch-lines.ts';

/** Number of stored requests in a row after which requests can have more rows again. */
const GROWTH_STREAK = 2;
const GROWTH_FACTOR = 4;

/** The lines of one request. */
export interface LineSlice {
  readonly parts: readonly Buffer[];
  readonly rows: number;
  readonly bytes: number;
}

/**
 * Lines of one table that have to be sent, in order. After a rejected request, it returns smaller slices
 * until a slice contains only one invalid line.
 */
export class LineQueue {
  #chunks: LineChunk[];
  /** Row counts of the next slices. */
  #plan: number[] = [];
  #maxRows = Number.POSITIVE_INFINITY;
  #streak = 0;
  /** Number of rows at the start. */
  readonly rows: number;
  /** Whether all rows were handled before, and are only sent again. */
  readonly isRepeated: boolean;
  #handledRows = 0;

  constructor(chunks: readonly LineChunk[], isRepeated = false) {
    this.isRepeated = isRepeated;
    this.#chunks = chunks.filter(({ lines }) => lines.length > 0);
    this.rows = this.#chunks.reduce((sum, { rows }) => sum + rows, 0);
  }

  /** Number of rows that were removed. They are always the first ones. */
  get handledRows(): number {
    return this.#handledRows;
  }

  get isEmpty(): boolean {
    return this.#chunks.length === 0;
  }

  /** All lines that were not removed. */
  get remaining(): readonly Buffer[] {
    return this.#chunks.map(({ lines }) => lines);
  }

  /** Returns the next lines: up to `maxBytes`, but at least one line. They stay in the queue. */
  peek(maxBytes: number): LineSlice {
    const maxRows = this.#plan[0] ?? this.#maxRows;
    const parts: Buffer[] = [];
    let rows = 0;
    let bytes = 0;
    for (const chunk of this.#chunks) {
      const part = takeLines(chunk, maxBytes - bytes, maxRows - rows, parts.length === 0);
      if (part.rows > 0) parts.push(part.lines);
      rows += part.rows;
      bytes += part.lines.length;
      if (part.lines.length < chunk.lines.length || rows >= maxRows) break;
    }
    return { parts, rows, bytes };
  }

  /** Removes the lines of a slice, because they were stored or set aside. */
  remove({ bytes, rows }: LineSlice): void {
    let remainingBytes = bytes;
    let remainingRows = rows;
    let complete = 0;
    for (const chunk of this.#chunks) {
      if (chunk.lines.length > remainingBytes) break;
      remainingBytes -= chunk.lines.length;
      remainingRows -= chunk.rows;
      complete++;
    }
    this.#chunks = this.#chunks.slice(complete);
    const [first] = this.#chunks;
    if (first && remainingBytes > 0) {
      const lines = first.lines.subarray(remainingBytes);
      this.#chunks[0] = { lines, rows: first.rows - remainingRows };
    }
    this.#handledRows += rows;
    this.#advancePlan(rows);
  }

  /** Call it after a slice was stored. The next slices can be larger again. */
  onStored(): void {
    if (this.#maxRows === Number.POSITIVE_INFINITY || ++this.#streak < GROWTH_STREAK) return;
    this.#streak = 0;
    this.#maxRows *= GROWTH_FACTOR;
  }

  /**
   * Divides a rejected slice of several lines. With the number of its first invalid line, the next slices are
   * the lines before, and this line alone.
   */
  divide({ rows }: LineSlice, invalidLine: number | undefined): void {
    this.#streak = 0;
    this.#maxRows = Math.max(1, Math.floor(rows / 2));
    const isKnown = invalidLine !== undefined && invalidLine >= 1 && invalidLine <= rows;
    this.#plan = isKnown ? [invalidLine - 1, 1].filter((count) => count > 0) : [];
  }

  #advancePlan(rows: number): void {
    const [next] = this.#plan;
    if (next === undefined) return;
    if (next > rows) this.#plan[0] = next - rows;
    else this.#plan.shift();
  }
}
