import { once } from 'node:events';
import type { Request, Response } from 'express';

export interface StreamEvent {
  /** Event type. Default: the type of the source. */
  readonly type?: string;
  /** Position in the source from which to resume after this event. */
  readonly position: string;
  readonly data: object;
}

export interface StreamEventSource {
  /** Type of the events, and the name of the source's position in event IDs. */
  readonly type: string;
  /** Position of a client that has received no events yet. */
  readonly initialPosition?: string;
  /** Yields events after `position`, or only new events if it's undefined, until the signal aborts. */
  follow(position: string | undefined, signal: AbortSignal): AsyncIterable<StreamEvent>;
}

export interface StreamOptions {
  readonly sources: readonly StreamEventSource[];
  readonly stopping: AbortSignal;
  /** Called every 3 s. The stream ends when this function returns false. */
  readonly isStillAllowed: () => Promise<boolean>;
}

const RETRY_MS = 3000;
const HEARTBEAT_MS = 15_000;
const RECHECK_ACCESS_MS = 3000;
const POSITION_PATTERN = /^[a-z]{1,20}=[\w.-]{1,60}$/;

/**
 * Sends server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) from
 * all sources until the client disconnects or the server stops. An event ID contains the position
 * of each source, such as `point=1893456005000`, separated by commas. `Last-Event-ID` restores all
 * of these positions.
 */
export async function sendEventStream(
  request: Request,
  response: Response,
  { sources, stopping, isStillAllowed }: StreamOptions,
): Promise<void> {
  const closed = new AbortController();
  response.once('close', () => closed.abort());
  const signal = AbortSignal.any([closed.signal, stopping]);
  const positions = parsePositions(request.get('Last-Event-ID'));
  for (const { type, initialPosition } of sources) {
    if (initialPosition !== undefined && !positions.has(type)) positions.set(type, initialPosition);
  }
  response.writeHead(200, {
    'Content-Type': 'text/event-stream; charset=utf-8',
    'Cache-Control': 'no-store, no-transform',
    // Otherwise nginx holds events back until its buffer is full.
    'X-Accel-Buffering': 'no',
  });
  response.write(`retry: ${RETRY_MS}\n\n`);
  const heartbeat = setInterval(() => {
    // The server closes a connection whose client reads nothing and that gets no more data.
    if (!response.writableNeedDrain) response.write(':\n\n');
  }, HEARTBEAT_MS);
  const accessCheck = setInterval(() => {
    isStillAllowed().then(
      (allowed) => allowed || closed.abort(),
      () => {},
    );
  }, RECHECK_ACCESS_MS);
  try {
    await Promise.race([
      Promise.all(sources.map(sendEvents)),
      signal.aborted || once(signal, 'abort'),
    ]);
  } finally {
    closed.abort();
    clearInterval(heartbeat);
    clearInterval(accessCheck);
    response.end();
  }

  async function sendEvents(source: StreamEventSource): Promise<void> {
    for await (const event of source.follow(positions.get(source.type), signal)) {
      if (signal.aborted) return;
      positions.set(source.type, event.position);
      const id = [...positions].map(([type, position]) => `${type}=${position}`).join(',');
      const data = JSON.stringify(event.data);
      const text = `event: ${event.type ?? source.type}\nid: ${id}\ndata: ${data}\n\n`;
      if (!response.write(text)) await once(response, 'drain', { signal }).catch(() => {});
    }
  }
}

function parsePositions(lastEventId: string | undefined): Map<string, string> {
  const parts = (lastEventId ?? '').slice(0, 1000).split(',');
  return new Map(
    parts
      .filter((part) => POSITION_PATTERN.test(part))
      .map((part) => [part.slice(0, part.indexOf('=')), part.slice(part.indexOf('=') + 1)]),
  );
}
