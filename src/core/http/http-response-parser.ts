/** Maximum size of a response's status line and headers, in bytes. */
const MAX_HEAD_BYTES = 16 * 1024;
/** Maximum length of the line with a chunk's size, in bytes. */
const MAX_CHUNK_LINE_BYTES = 1024;

const CR = 13;
const LF = 10;

/** The status line and the headers of a response. */
export interface HttpResponseHead {
  readonly status: number;
  readonly statusText: string;
  /** Values by name in lower case. Repeated headers are joined with a comma. */
  readonly headers: ReadonlyMap<string, string>;
}

/** Thrown if a peer doesn't follow HTTP/1.1, or if a response exceeds a limit. */
export class HttpProtocolError extends Error {
  override readonly name = 'HttpProtocolError';
}

type State =
  | 'head'
  | 'length'
  | 'close'
  | 'chunk-size'
  | 'chunk'
  | 'chunk-end'
  | 'trailers'
  | 'done';

/**
 * Parses one HTTP/1.1 response (RFC 9112) from parts of any size. Bodies have a content length, are
 * chunked, or end with the connection.
 */
export class HttpResponseParser {
  readonly #maxBodyBytes: number;
  readonly #body: Buffer[] = [];
  #state: State = 'head';
  /** Received bytes that don't yet form a complete line. */
  #line: Buffer = Buffer.alloc(0);
  #headBytes = 0;
  #headLines: string[] = [];
  #head: HttpResponseHead | undefined;
  #bodyBytes = 0;
  /** Number of bytes until the end of the body or of the chunk. */
  #remaining = 0;
  #hasReceived = false;
  #isPersistent = false;

  /** @param maxBodyBytes maximum size of the body, in bytes */
  constructor(maxBodyBytes: number) {
    this.#maxBodyBytes = maxBodyBytes;
  }

  /** Whether any byte was received. */
  get hasReceived(): boolean {
    return this.#hasReceived;
  }

  /** The head. Undefined until it is complete. */
  get head(): HttpResponseHead | undefined {
    return this.#head;
  }

  /** The body that was received so far. */
  get body(): Buffer {
    return Buffer.concat(this.#body);
  }

  get isComplete(): boolean {
    return this.#state === 'done';
  }

  /** Whether the connection can be used for another request. */
  get isPersistent(): boolean {
    return this.isComplete && this.#isPersistent;
  }

  /**
   * Adds received bytes.
   *
   * @throws HttpProtocolError if the response is invalid or too large
   */
  push(data: Buffer): void {
    let rest = data;
    if (rest.length > 0) this.#hasReceived = true;
    while (rest.length > 0) {
      if (this.#state === 'done') {
        // A second response without a request. The connection can't be trusted.
        this.#isPersistent = false;
        return;
      }
      rest = this.#isInBody() ? this.#readBody(rest) : this.#readLine(rest);
    }
  }

  /**
   * Handles the end of the connection.
   *
   * @throws HttpProtocolError if the response is incomplete
   */
  end(): void {
    if (this.#state === 'close') this.#state = 'done';
    if (this.#state !== 'done') {
      throw new HttpProtocolError('the connection was closed before the end of the response');
    }
  }

  #isInBody(): boolean {
    return this.#state === 'length' || this.#state === 'chunk' || this.#state === 'close';
  }

  #readBody(data: Buffer): Buffer {
    const isUnlimited = this.#state === 'close';
    const part = isUnlimited ? data : data.subarray(0, this.#remaining);
    this.#bodyBytes += part.length;
    if (this.#bodyBytes > this.#maxBodyBytes) throw this.#tooLarge();
    this.#body.push(part);
    if (!isUnlimited) {
      this.#remaining -= part.length;
      if (this.#remaining === 0) this.#state = this.#state === 'chunk' ? 'chunk-end' : 'done';
    }
    return data.subarray(part.length);
  }

  /** Reads up to the next line feed, and handles the line. */
  #readLine(data: Buffer): Buffer {
    const end = data.indexOf(LF);
    const part = end === -1 ? data : data.subarray(0, end);
    const isChunkLine = this.#state === 'chunk-size' || this.#state === 'chunk-end';
    const limit = isChunkLine ? MAX_CHUNK_LINE_BYTES : MAX_HEAD_BYTES - this.#headBytes;
    if (this.#line.length + part.length > limit) {
      throw new HttpProtocolError(`the response's head is larger than ${MAX_HEAD_BYTES} bytes`);
    }
    this.#line = this.#line.length > 0 ? Buffer.concat([this.#line, part]) : part;
    if (end === -1) return data.subarray(data.length);
    const hasReturn = this.#line.at(-1) === CR;
    const line = this.#line.toString('latin1', 0, this.#line.length - (hasReturn ? 1 : 0));
    this.#line = Buffer.alloc(0);
    this.#handleLine(line);
    return data.subarray(end + 1);
  }

  #handleLine(line: string): void {
    if (this.#state === 'chunk-size') this.#startChunk(line);
    else if (this.#state === 'chunk-end') {
      if (line !== '') throw new HttpProtocolError('a chunk is longer than its size');
      this.#state = 'chunk-size';
    } else {
      this.#headBytes += line.length + 2;
      if (this.#state === 'trailers') {
        if (line === '') this.#state = 'done';
      } else if (line !== '') this.#headLines.push(line);
      else if (this.#headLines.length > 0) this.#startBody();
    }
  }

  #startBody(): void {
    const { major, minor, ...head } = parseHead(this.#headLines);
    this.#headLines = [];
    if (head.status < 200) {
      if (head.status === 101) throw new HttpProtocolError('the protocol was switched');
      return;
    }
    this.#head = head;
    const { headers, status } = head;
    const connection = (headers.get('connection') ?? '').toLowerCase();
    const isLatest = major === 1 && minor >= 1;
    this.#isPersistent = isLatest ? !connection.includes('close') : connection === 'keep-alive';
    const coding = headers.get('transfer-encoding');
    const length = headers.get('content-length');
    if (status === 204 || status === 304) this.#state = 'done';
    else if (coding !== undefined) this.#startCodedBody(coding, length);
    else if (length !== undefined) this.#startSizedBody(length);
    else {
      this.#isPersistent = false;
      this.#state = 'close';
    }
  }

  #startCodedBody(coding: string, length: string | undefined): void {
    if (coding.toLowerCase() !== 'chunked') {
      throw new HttpProtocolError(`the transfer encoding ${JSON.stringify(coding)} is unknown`);
    }
    if (length !== undefined) this.#isPersistent = false;
    this.#state = 'chunk-size';
  }

  #startSizedBody(length: string): void {
    // Proxies can repeat the header, which joins equal values.
    const [first = '', ...others] = length.split(/ *, */);
    if (!/^\d{1,15}$/.test(first) || others.some((other) => other !== first)) {
      throw new HttpProtocolError(`the content length ${JSON.stringify(length)} is invalid`);
    }
    this.#remaining = Number(first);
    if (this.#remaining > this.#maxBodyBytes) throw this.#tooLarge();
    this.#state = this.#remaining === 0 ? 'done' : 'length';
  }

  #startChunk(line: string): void {
    const [, size] = /^([\da-f]{1,12})[ \t]*(?:;.*)?$/i.exec(line) ?? [];
    if (size === undefined) throw new HttpProtocolError('the size of a chunk is invalid');
    this.#remaining = Number.parseInt(size, 16);
    this.#state = this.#remaining === 0 ? 'trailers' : 'chunk';
  }

  #tooLarge(): HttpProtocolError {
    return new HttpProtocolError(`the response is larger than ${this.#maxBodyBytes} bytes`);
  }
}

function parseHead(
  lines: readonly string[],
): HttpResponseHead & { readonly major: number; readonly minor: number } {
  const [statusLine = '', ...headerLines] = lines;
  const [, major, minor, status, statusText = ''] =
    /^HTTP\/(\d)\.(\d) ([1-9]\d\d)(?: (.*))?$/.exec(statusLine) ?? [];
  if (major !== '1') throw new HttpProtocolError('the response is not HTTP');
  const headers = new Map<string, string>();
  for (const line of headerLines) {
    const [, name, text = ''] = /^([!#$%&'*+.^`|~\w-]+):(.*)$/.exec(line) ?? [];
    if (name === undefined) throw new HttpProtocolError('a header of the response is invalid');
    const value = text.trim();
    const key = name.toLowerCase();
    const previous = headers.get(key);
    headers.set(key, previous === undefined ? value : `${previous}, ${value}`);
  }
  return { status: Number(status), statusText, headers, major: 1, minor: Number(minor) };
}
