import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { listenOnFreePort } from './listen-on-free-port.ts';
import { splitLines } from './parse-line-protocol.ts';

type Respond = (request: IncomingMessage, response: ServerResponse) => void;

const respondWith =
  (status: number, text: string, headers: Record<string, string> = {}): Respond =>
  (_request, response) =>
    response.writeHead(status, headers).end(text);

/** Servers that are not a working QuestDB, except for the first one, which accepts all rows. */
const RESPONSES = {
  stores: (request, response) => {
    if (request.url?.startsWith('/write')) response.writeHead(204).end();
    else response.end('{"columns":[],"dataset":[]}');
  },
  hangs: () => {},
  drips: (_request, response) => {
    response.write('{');
    const timer = setInterval(() => response.write(' '), 500);
    response.once('close', () => clearInterval(timer));
  },
  resets: (request) => request.socket.destroy(),
  'sends garbage': (request) => request.socket.end('\0\u0001garbage'),
  'sends HTML': respondWith(200, '<html>proxy</html>', { 'content-type': 'text/html' }),
  redirects: respondWith(302, '', { location: 'http://127.0.0.1:1/' }),
  'rejects everything': respondWith(400, 'bad'),
  'rejects each row': (request, response) => {
    if (!request.url?.startsWith('/write')) response.end('{"columns":[],"dataset":[]}');
    else response.writeHead(400).end('{"code":"invalid","message":"cast error","line":1}');
  },
  'fails always': respondWith(500, 'no'),
  'sends other types': respondWith(200, '{"dataset":5,"columns":null}'),
  'sends null': respondWith(200, 'null'),
  'sends text as a version': respondWith(200, '{"dataset":[["x"],[null]]}'),
} satisfies Record<string, Respond>;

export type FakeQuestdbBehavior = keyof typeof RESPONSES;
export const FAKE_QUESTDB_BEHAVIORS = Object.keys(RESPONSES) as FakeQuestdbBehavior[];

/** An HTTP server in the test's process that an agent uses as QuestDB. */
export class FakeQuestdb {
  readonly #respond: Respond;
  readonly #server = createServer((request, response) => {
    this.#onRequest(request, response).catch(() => request.destroy());
  });
  url = '';
  /** Lines of the line protocol from all requests to `/write`. */
  readonly lines: string[] = [];

  constructor(behavior: FakeQuestdbBehavior = 'stores') {
    this.#respond = RESPONSES[behavior];
  }

  async start(): Promise<void> {
    this.url = `http://127.0.0.1:${await listenOnFreePort(this.#server)}`;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.on('error', () => {});
    let body = '';
    if (request.method === 'POST') for await (const part of request) body += part;
    if (request.url?.startsWith('/write')) this.lines.push(...splitLines(body));
    this.#respond(request, response);
  }
}
