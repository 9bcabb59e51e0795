import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type IncomingMessage, request as sendHttpRequest } from 'node:http';
import { connect, type IncomingHttpHeaders, type IncomingHttpStatusHeader } from 'node:http2';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { expect } from 'vitest';
import { FakeQuestdb } from './fake-questdb.ts';
import { InstrumentedApp, type InstrumentedAppOptions } from './instrumented-app.ts';
import { waitFor } from './wait-for.ts';

/** A request to a test application, and what the agent must record. */
export type RouteRequest = readonly [
  method: string,
  path: string,
  route: string | undefined,
  status: number,
  /** Message of the error that the agent must store with its stack. Undefined if it must store none. */
  error?: string,
];

/**
 * Starts an application in `test/libraries` with the agent, sends the requests, and compares the number of requests
 * by method and route, and the stored errors. With the argument `http2`, the requests use HTTP/2.
 */
export async function expectRoutes(
  script: string,
  requests: readonly RouteRequest[],
  options: Pick<InstrumentedAppOptions, 'args' | 'node'> = {},
): Promise<void> {
  const questdb = new FakeQuestdb();
  await questdb.start();
  const spoolDir = mkdtempSync(join(tmpdir(), 'perfscope-routes-'));
  const app = new InstrumentedApp(basename(script), {
    ...options,
    cwd: resolve('test/libraries', script, '..'),
    env: {
      PATH: process.env.PATH,
      OTEL_SERVICE_NAME: 'routes',
      PERFORMANCE_QUESTDB_URL: questdb.url,
      PERFORMANCE_SPOOL_DIR: spoolDir,
      PERFORMANCE_FLUSH_INTERVAL: '200',
    },
  });
  try {
    const url = await app.url();
    const send = options.args?.includes('http2') ? sendHttp2 : sendHttp1;
    const statuses = await send(requests.map(([method, path]) => [method, url + path]));
    expect(statuses).toEqual(requests.map((request) => request[3]));
    await waitFor(async () => sumCounts(countRoutes(questdb.lines)) >= requests.length);
    const expectedErrors = requests.flatMap((request) => request[4] ?? []).sort();
    await waitFor(async () => listErrors(questdb.lines).length >= expectedErrors.length);
    expect(await app.stop()).toBe(0);
    const expectedRoutes: Record<string, number> = {};
    for (const [method, , route] of requests) addTo(expectedRoutes, `${method} ${route}`, 1);
    expect(countRoutes(questdb.lines)).toEqual(expectedRoutes);
    expect(listErrors(questdb.lines)).toEqual(expectedErrors);
  } catch (error) {
    throw new Error(`${script}:\n${app.output}`, { cause: error });
  } finally {
    await app.stop('SIGKILL');
    questdb.stop();
    rmSync(spoolDir, { recursive: true, force: true });
  }
}

/** Sends requests, and returns their status codes. */
type Send = (requests: readonly (readonly [method: string, url: string])[]) => Promise<number[]>;

/** The connections stay open. Otherwise, a client that closes one after the last byte can look like an aborted request. */
const sendHttp1: Send = (requests) =>
  Promise.all(
    requests.map(async ([method, url]) => {
      const request = sendHttpRequest(url, { method }).end();
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      await once(response.resume(), 'end');
      return response.statusCode!;
    }),
  );

const sendHttp2: Send = async (requests) => {
  const session = connect(requests[0]![1]);
  const statuses = await Promise.all(
    requests.map(async ([method, url]) => {
      const { pathname, search } = new URL(url);
      const stream = session.request({ ':method': method, ':path': pathname + search });
      const [headers] = (await once(stream, 'response')) as [
        IncomingHttpHeaders & IncomingHttpStatusHeader,
      ];
      await once(stream.resume(), 'end');
      return headers[':status']!;
    }),
  );
  session.close();
  return statuses;
};

/** Returns the number of requests by method and route. */
function countRoutes(lines: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  const rows = lines.filter((line) =>
    /^performance_metrics,.*,name=http\.server\.(?:request|stream)\.duration,/.test(line),
  );
  // The agent sends a row again if it doesn't receive the response.
  for (const line of new Set(rows)) {
    const route = /,endpoint=((?:\\.|[^\\, ])*)/.exec(line)?.[1]?.replaceAll('\\', '');
    const method = /,operation=([^, ]*)/.exec(line)?.[1];
    addTo(counts, `${method} ${route}`, Number(/,count=(\d+)i/.exec(line)?.[1]));
  }
  return counts;
}

function addTo(counts: Record<string, number>, key: string, count: number): void {
  counts[key] = (counts[key] ?? 0) + count;
}

function sumCounts(counts: Record<string, number>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** Returns the messages of the errors of requests that are stored with the stack of the application's code. */
function listErrors(lines: readonly string[]): string[] {
  // The stack contains line breaks.
  return lines
    .join('\n')
    .split(/\n(?=[a-z_]+,)/)
    .filter((row) => /^error_logs,.*,kind=request,/.test(row) && row.includes('-routes.cjs:'))
    .map((row) => /,message="((?:\\.|[^"\\])*)"/s.exec(row)?.[1] ?? '')
    .sort();
}
