import type { Socket } from 'node:net';
import type pg from 'pg';
import { guard } from '../../core/guard.ts';
import { type ColumnBuffers, ColumnRowCollector, type ColumnRows, toView } from './column-rows.ts';

/** The messages that `pg` can send on a connection. Its own parser supports only results in text format. */
interface WireConnection {
  readonly stream: Socket;
  parse(query: { text: string }): void;
  bind(config: { values: readonly string[]; binary: boolean }): void;
  describe(message: { type: 'P' }): void;
  execute(config: object): void;
  sync(): void;
}

export interface BinaryQuery {
  readonly text: string;
  /** Bound values as texts. */
  readonly values: readonly string[];
  /** Number of columns at the start of the row that are texts. All others are numbers or timestamps. */
  readonly keyCount: number;
  /** Memory for the result. */
  readonly buffers?: ColumnBuffers | undefined;
}

type DataListener = (data: Buffer) => void;

/** The listeners of `pg`, before they were guarded. Guarding them again for each query would nest them. */
const ORIGINAL_LISTENERS = new WeakMap<Socket, readonly DataListener[]>();

const HEADER_BYTES = 5;
const DATA_ROW = 'D'.charCodeAt(0);
const ROW_DESCRIPTION = 'T'.charCodeAt(0);
const ERROR = 'E'.charCodeAt(0);
const READY = 'Z'.charCodeAt(0);

/**
 * Runs a query on a connection that isn't in use, with results in binary format. No object is created for a row.
 *
 * @throws an error with the message of QuestDB. After an error of QuestDB, the connection can be used again.
 */
export function runBinaryQuery(client: pg.ClientBase, query: BinaryQuery): Promise<ColumnRows> {
  const { connection } = client as unknown as { connection: WireConnection };
  const { stream } = connection;
  const collector = new ColumnRowCollector(query.keyCount, query.buffers);
  return new Promise((resolve, reject) => {
    // The parser of `pg` would create a text for each field.
    const listeners = stream.listeners('data') as DataListener[];
    const originals = ORIGINAL_LISTENERS.get(stream) ?? listeners;
    ORIGINAL_LISTENERS.set(stream, originals);
    const restore = () => {
      stream.off('data', read);
      stream.off('close', fail);
      for (const listener of originals) stream.on('data', guard('the queries', listener));
    };
    const fail = guard('the queries', () => {
      restore();
      reject(new Error('the connection was closed'));
    });
    const parser = new MessageParser(collector);
    const read = guard('the queries', (data: Buffer) => {
      let isReady: boolean;
      try {
        isReady = parser.parse(data);
      } catch (error) {
        restore();
        stream.destroy();
        return reject(error);
      }
      if (!isReady) return;
      restore();
      if (parser.error) reject(parser.error);
      else resolve(collector.toRows());
    });
    for (const listener of listeners) stream.off('data', listener);
    stream.on('data', read);
    stream.once('close', fail);
    connection.parse({ text: query.text });
    connection.bind({ values: query.values, binary: true });
    connection.describe({ type: 'P' });
    connection.execute({});
    connection.sync();
  });
}

/** Splits received bytes into messages of the PostgreSQL wire protocol. */
export class MessageParser {
  readonly #collector: ColumnRowCollector;
  /** The start of a message whose rest wasn't received yet. */
  #rest: Buffer | undefined;
  #isReady = false;
  error: Error | undefined;

  constructor(collector: ColumnRowCollector) {
    this.#collector = collector;
  }

  /** Parses received bytes. Returns whether the response is complete. */
  parse(data: Buffer): boolean {
    const before = this.#rest;
    this.#rest = undefined;
    let at = 0;
    if (before) {
      // Only one message is copied, not all received bytes.
      const header = Buffer.concat([before, data.subarray(0, HEADER_BYTES)]);
      const length = header.length < HEADER_BYTES ? header.length : 1 + header.readInt32BE(1);
      at = Math.max(0, length - before.length);
      const message = Buffer.concat([before, data.subarray(0, at)]);
      if (this.#parseAll(message, 0) === 0) this.#rest = message;
    }
    if (this.#isReady || this.#rest) return this.#isReady;
    const endAt = this.#parseAll(data, at);
    if (!this.#isReady && endAt < data.length) this.#rest = data.subarray(endAt);
    return this.#isReady;
  }

  /** Parses all complete messages. Returns the position after the last one. */
  #parseAll(bytes: Buffer, from: number): number {
    const view = toView(bytes);
    let at = from;
    while (!this.#isReady && at + HEADER_BYTES <= bytes.length) {
      const endAt = at + 1 + view.getInt32(at + 1);
      if (endAt > bytes.length) break;
      this.#handle(bytes, view, at, endAt);
      at = endAt;
    }
    return at;
  }

  #handle(bytes: Buffer, view: DataView, at: number, endAt: number): void {
    const bodyAt = at + HEADER_BYTES;
    const type = bytes[at];
    // The number of fields comes first.
    if (type === DATA_ROW) this.#collector.add(view, bodyAt + 2);
    else if (type === ROW_DESCRIPTION) this.#collector.describe(readTypes(bytes, bodyAt));
    else if (type === ERROR) this.error ??= readError(bytes, bodyAt, endAt);
    else if (type === READY) this.#isReady = true;
  }
}

/** Returns the type number of each column. */
function readTypes(bytes: Buffer, bodyAt: number): number[] {
  let at = bodyAt + 2;
  return Array.from({ length: bytes.readInt16BE(bodyAt) }, () => {
    // After the name: table (4 bytes), column (2), type (4), size (2), modifier (4), and format (2).
    const nameEndAt = bytes.indexOf(0, at) + 1;
    at = nameEndAt + 18;
    return bytes.readInt32BE(nameEndAt + 6);
  });
}

/** Reads the fields of an error: a letter and a text that ends with 0. `M` is the message, and `S` the severity. */
function readError(bytes: Buffer, bodyAt: number, endAt: number): Error {
  const fields = new Map<string, string>();
  for (let at = bodyAt; at < endAt && bytes[at] !== 0; ) {
    const textEndAt = bytes.indexOf(0, at + 1);
    fields.set(String.fromCharCode(bytes[at]!), bytes.toString('utf8', at + 1, textEndAt));
    at = textEndAt + 1;
  }
  const error = new Error(fields.get('M') ?? 'the query failed');
  return Object.assign(error, { severity: fields.get('S') });
}
