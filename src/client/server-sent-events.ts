import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { ApiError, type ClientOptions, type RequestOptions, sendRequest } from './api-request.ts';

/**
 * An event whose data is parsed JSON. To resume after this event, pass its `id` to a new stream.
 */
export interface ParsedEvent {
  readonly type: string;
  readonly id: string;
  readonly data: unknown;
}

const MIN_RETRY_DELAY_MS = 1000;
const MAX_RETRY_DELAY_MS = 30_000;
/** The server sends at least a comment every 15 s. */
const IDLE_TIMEOUT_MS = 45_000;

/**
 * Yields the events of a server-sent event stream
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html). After a disconnect, it
 * reconnects and resumes after the last event. It ends when `signal` is aborted.
 *
 * @throws ApiError if the server rejects the request and a retry can't help
 */
export async function* streamEvents(
  client: ClientOptions,
  path: string,
  query: object,
  { signal, lastEventId }: RequestOptions & { lastEventId?: string | undefined },
): AsyncGenerator<ParsedEvent> {
  let lastId = lastEventId;
  let retryDelayMs = MIN_RETRY_DELAY_MS;
  while (!signal?.aborted) {
    const connection = new AbortController();
    const abort = () => connection.abort();
    signal?.addEventListener('abort', abort);
    try {
      const headers = { Accept: 'text/event-stream', ...(lastId && { 'Last-Event-ID': lastId }) };
      const response = await sendRequest(client, path, query, {
        signal: connection.signal,
        headers,
      });
      const onConnected = () => {
        retryDelayMs = MIN_RETRY_DELAY_MS;
      };
      for await (const { event, id, data } of readEvents(response, {
        onConnected,
        onIdle: abort,
      })) {
        onConnected();
        if (id === undefined || data === '') continue;
        lastId = id;
        yield { type: event ?? 'message', id, data: JSON.parse(data) };
      }
    } catch (error) {
      if (signal?.aborted) return;
      if (error instanceof ApiError && isPermanentError(error)) throw error;
      retryDelayMs = Math.min(MAX_RETRY_DELAY_MS, 2 * retryDelayMs);
      if (error instanceof ApiError) retryDelayMs = Math.max(retryDelayMs, error.retryAfterMs ?? 0);
    } finally {
      signal?.removeEventListener('abort', abort);
      abort();
    }
    await sleep(retryDelayMs, signal);
  }
}

interface ReadOptions {
  /** Called when the server sends its retry delay, which is the first part of every stream. */
  readonly onConnected?: () => void;
  /** Called if the server sends nothing for 45 s. */
  readonly onIdle: () => void;
}

/** Yields the events of a response as they arrive. */
export async function* readEvents(
  response: Response,
  { onConnected, onIdle }: ReadOptions,
): AsyncGenerator<EventSourceMessage> {
  const received: EventSourceMessage[] = [];
  const parser = createParser({
    onEvent: (event) => received.push(event),
    onRetry: onConnected,
  });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  while (reader) {
    const idleTimer = setTimeout(onIdle, IDLE_TIMEOUT_MS);
    const { done, value } = await reader.read().finally(() => clearTimeout(idleTimer));
    if (done) return;
    parser.feed(value);
    yield* received.splice(0);
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
