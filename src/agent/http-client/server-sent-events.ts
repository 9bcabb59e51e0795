import { ApiError, type ClientOptions, type RequestOptions, sendRequest } from './api-request.ts';

/** One event as it was sent. */
export interface ServerSentEvent {
  readonly type: string;
  readonly id: string | undefined;
  readonly data: string;
  /** How long to wait before connecting again, where the server says so. */
  readonly retryMs: number | undefined;
}

/** Makes events of the pieces of a stream (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
export class ServerSentEventParser {
  #rest = '';

  /** @returns the events that `piece` completes; comments are none */
  add(piece: string): ServerSentEvent[] {
    const blocks = (this.#rest + piece).replaceAll('\r\n', '\n').split('\n\n');
    this.#rest = blocks.pop() ?? '';
    return blocks.flatMap((block) => parseEventBlock(block) ?? []);
  }
}

function parseEventBlock(block: string): ServerSentEvent | undefined {
  const fields = new Map<string, string[]>();
  for (const line of block.split('\n')) {
    const [, name = '', value = ''] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    if (name !== '') fields.set(name, [...(fields.get(name) ?? []), value]);
  }
  if (fields.size === 0) return undefined;
  const retry = fields.get('retry')?.at(-1);
  return {
    type: fields.get('event')?.at(-1) ?? 'message',
    id: fields.get('id')?.at(-1),
    data: fields.get('data')?.join('\n') ?? '',
    retryMs: retry === undefined ? undefined : Number(retry),
  };
}

/** An event whose data is parsed JSON. With `id` a later stream goes on behind it. */
export interface ParsedEvent {
  readonly type: string;
  readonly id: string;
  readonly data: unknown;
}

const MIN_RETRY_DELAY_MS = 1000;
const MAX_RETRY_DELAY_MS = 30_000;
/** The server is heard at least each 15 s. */
const IDLE_TIMEOUT_MS = 45_000;

export async function* streamEvents(
  client: ClientOptions,
  path: string,
  query: object,
  { signal, lastEventId }: RequestOptions & { lastEventId?: string | undefined },
): AsyncGenerator<ParsedEvent> {
  let seen = lastEventId;
  let waitMs = MIN_RETRY_DELAY_MS;
  while (!signal?.aborted) {
    const connection = new AbortController();
    const abort = () => connection.abort();
    signal?.addEventListener('abort', abort);
    try {
      const headers = { Accept: 'text/event-stream', ...(seen && { 'Last-Event-ID': seen }) };
      const response = await sendRequest(client, path, query, {
        signal: connection.signal,
        headers,
      });
      for await (const event of readEvents(response, abort)) {
        waitMs = MIN_RETRY_DELAY_MS;
        if (event.id === undefined || event.data === '') continue;
        seen = event.id;
        yield { type: event.type, id: event.id, data: JSON.parse(event.data) };
      }
    } catch (error) {
      if (signal?.aborted) return;
      if (error instanceof ApiError && isPermanentError(error)) throw error;
      waitMs = Math.min(MAX_RETRY_DELAY_MS, 2 * waitMs);
      if (error instanceof ApiError) waitMs = Math.max(waitMs, error.retryAfterMs ?? 0);
    } finally {
      signal?.removeEventListener('abort', abort);
      abort();
    }
    await sleep(waitMs, signal);
  }
}

/** @param abort ends a connection that nothing comes from any more */
async function* readEvents(response: Response, abort: () => void) {
  const parser = new ServerSentEventParser();
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  while (reader) {
    const silent = setTimeout(abort, IDLE_TIMEOUT_MS);
    const { done, value } = await reader.read().finally(() => clearTimeout(silent));
    if (done) return;
    yield* parser.add(value);
  }
}

function isPermanentError({ status }: ApiError): boolean {
  return status >= 400 && status < 500 && status !== 429 && status !== 408;
}

function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
    function done() {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    }
  });
}
