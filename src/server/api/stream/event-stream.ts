import { once } from 'node:events';
import type { Request, Response } from 'express';

/** One event that a source sends. */
export interface StreamEvent {
  /** Default: the source's own. */
  readonly type?: string;
  /** Where its source goes on after it. */
  readonly position: string;
  readonly data: object;
}

/** Something that happens again and again. */
export interface StreamEventSource {
  /** Type of its events, and the name of its position in their ids. */
  readonly type: string;
  /** Position of who has seen none of its events, where the source knows one. */
  readonly initialPosition?: string;
  /** What is behind `position`, else what happens from now on, until `signal` is aborted. */
  follow(position: string | undefined, signal: AbortSignal): AsyncIterable<StreamEvent>;
}

export interface StreamOptions {
  readonly sources: readonly StreamEventSource[];
  readonly stopping: AbortSignal;
  /** Asked every few seconds; the stream ends with the first no. */
  readonly stillAllowed: () => Promise<boolean>;
}

const RETRY_MS = 3000;
const HEARTBEAT_MS = 15_000;
const RECHECK_ACCESS_MS = 3000;
const POSITION_PATTERN = /^[a-z]{1,20}=[\w.-]{1,60}$/;

/**
 * Sends the events of all sources (https://html.spec.whatwg.org/multipage/server-sent-events.html) until
 * the client leaves or the server stops. An event's id has the position of each source, as
 * `point=1893456005000`, separated by commas: `Last-Event-ID` brings all of them back.
 */
export async function sendEventStream(
  request: Request,
  response: Response,
  { sources, stopping, stillAllowed }: StreamOptions,
): Promise<void> {
  const left = new AbortController();
  response.once('close', () => left.abort());
  const signal = AbortSignal.any([left.signal, stopping]);
  const positions = parsePositions(request.get('Last-Event-ID'));
  for (const { type, initialPosition: begins } of sources) {
    if (begins !== undefined && !positions.has(type)) positions.set(type, begins);
  }
  response.writeHead(200, {
    'Content-Type': 'text/event-stream; charset=utf-8',
    'Cache-Control': 'no-store, no-transform',
    // nginx would keep events back until its buffer is full.
    'X-Accel-Buffering': 'no',
  });
  response.write(`retry: ${RETRY_MS}\n\n`);
  const heartbeat = setInterval(() => response.write(':\n\n'), HEARTBEAT_MS);
  const asking = setInterval(() => {
    stillAllowed().then(
      (yes) => yes || left.abort(),
      () => {},
    );
  }, RECHECK_ACCESS_MS);
  try {
    await Promise.race([Promise.all(sources.map(pump)), signal.aborted || once(signal, 'abort')]);
  } finally {
    left.abort();
    clearInterval(heartbeat);
    clearInterval(asking);
    response.end();
  }

  async function pump(source: StreamEventSource): Promise<void> {
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
