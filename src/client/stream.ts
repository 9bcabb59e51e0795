import { ApiError } from './api-error.ts';
import { EventParser } from './event-parser.ts';
import { type ClientOptions, type RequestOptions, send } from './request.ts';
import type { Answer } from './types.ts';

/** What a server sends by itself. With `id` a later stream goes on behind it. */
export type ServerEvent =
  | { type: 'point'; id: string; data: Answer<'stream'> }
  | { type: 'alert'; id: string; data: Answer<'alert'>['alert'] }
  | { type: 'notification'; id: string; data: Answer<'notifications'>['notifications'][number] }
  | { type: 'decision'; id: string; data: Answer<'decisions'>['decisions'][number] }
  /** That much was too long ago to be sent again. */
  | { type: 'gap'; id: string; data: { from: string; to: string } };

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;
/** The server is heard at least each 15 s. */
const SILENT_MS = 45_000;

export async function* streamed(
  client: ClientOptions,
  path: string,
  query: object,
  { signal, lastEventId }: RequestOptions & { lastEventId?: string | undefined },
): AsyncGenerator<ServerEvent> {
  let seen = lastEventId;
  let waitMs = FIRST_WAIT_MS;
  while (!signal?.aborted) {
    const connection = new AbortController();
    const abort = () => connection.abort();
    signal?.addEventListener('abort', abort);
    try {
      const headers = { Accept: 'text/event-stream', ...(seen && { 'Last-Event-ID': seen }) };
      const response = await send(client, path, query, { signal: connection.signal, headers });
      for await (const event of eventsOf(response, abort)) {
        waitMs = FIRST_WAIT_MS;
        if (event.id === undefined || event.data === '') continue;
        seen = event.id;
        yield { type: event.type, id: event.id, data: JSON.parse(event.data) } as ServerEvent;
      }
    } catch (error) {
      if (signal?.aborted) return;
      if (error instanceof ApiError && isFinal(error)) throw error;
      waitMs = Math.min(LONGEST_WAIT_MS, 2 * waitMs);
      if (error instanceof ApiError) waitMs = Math.max(waitMs, error.retryAfterMs ?? 0);
    } finally {
      signal?.removeEventListener('abort', abort);
      abort();
    }
    await pause(waitMs, signal);
  }
}

/** @param abort ends a connection that nothing comes from any more */
async function* eventsOf(response: Response, abort: () => void) {
  const parser = new EventParser();
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  while (reader) {
    const silent = setTimeout(abort, SILENT_MS);
    const { done, value } = await reader.read().finally(() => clearTimeout(silent));
    if (done) return;
    yield* parser.add(value);
  }
}

function isFinal({ status }: ApiError): boolean {
  return status >= 400 && status < 500 && status !== 429 && status !== 408;
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
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
