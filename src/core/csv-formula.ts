import { Transform, type TransformCallback } from 'node:stream';

/**
 * Start of a text that a spreadsheet can run as a formula. Some spreadsheets ignore spaces and quotes
 * before the formula, or also accept the full-width characters.
 */
const FORMULA_PATTERN = /^[\s"'\u00a0\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/;

/**
 * Adds a `'` before a text that a spreadsheet would run as a formula. Anyone can choose the names of
 * endpoints, queues, and tenants. Use this function only for text: a negative number isn't a formula.
 * See https://owasp.org/www-community/attacks/CSV_Injection.
 */
export function neutralizeFormula(text: string): string {
  return FORMULA_PATTERN.test(text) ? `'${text}` : text;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
/** Number of bytes of a cell to keep until it is clear whether it starts like a formula. */
const MAX_START_BYTES = 64;

/**
 * Creates a stream that adds a `'` to texts in QuestDB's CSV that a spreadsheet would run as formulas.
 * QuestDB quotes every text, and no number, so negative numbers don't change. Memory use is constant.
 */
export function createFormulaFilter(): Transform {
  /** The start of the current quoted cell, after its quote. Undefined outside of such a start. */
  let start: number[] | undefined;
  let isInQuotes = false;
  let isCellStart = true;

  /** Returns the bytes of the cell's start, with a `'` if it starts like a formula. */
  const takeStart = (): Buffer => {
    const bytes = Buffer.from(start ?? []);
    start = undefined;
    // A quote inside the cell is doubled, which doesn't matter for its start.
    const text = bytes.toString();
    return neutralizeFormula(text) === text ? bytes : Buffer.concat([Buffer.from("'"), bytes]);
  };

  function transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const parts: Buffer[] = [];
    /** Position of the first byte that is not in `parts` or `start` yet. */
    let from = 0;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!;
      if (start !== undefined) {
        from = i + 1;
        start.push(byte);
        if (byte === QUOTE) isInQuotes = !isInQuotes;
        const isEnd = !isInQuotes && (byte === COMMA || byte === LINE_FEED);
        if (isEnd || start.length >= MAX_START_BYTES) {
          parts.push(takeStart());
          isCellStart = isEnd;
        }
      } else if (byte === QUOTE) {
        isInQuotes = !isInQuotes;
        if (isCellStart) {
          parts.push(chunk.subarray(from, i + 1));
          from = i + 1;
          start = [];
        }
        isCellStart = false;
      } else if (!isInQuotes) {
        isCellStart = byte === COMMA || byte === LINE_FEED || byte === CARRIAGE_RETURN;
      }
    }
    parts.push(chunk.subarray(from));
    done(null, Buffer.concat(parts));
  }

  return new Transform({
    transform,
    flush(done) {
      done(null, takeStart());
    },
  });
}
