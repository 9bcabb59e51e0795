import { connect } from 'node:net';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { patchSend } from '../../../../../src/agent/instrumentation/requests/first-byte.ts';
import { getGuardFailures } from '../../../../../src/core/guard.ts';
import {
  RequestMeasurements,
  startHttpServer,
  toOutcome,
} from '../../../../support/request-measurements.ts';

let measurements: RequestMeasurements;
const closeFunctions: (() => void)[] = [];
beforeEach(() => {
  measurements = new RequestMeasurements();
});
afterEach(() => {
  measurements.stop();
  vi.restoreAllMocks();
  for (const close of closeFunctions.splice(0)) close();
});

it("a response that waits for the pipelined responses before it isn't a stream", async () => {
  const now = performance.now.bind(performance);
  const { server, url } = await startHttpServer((request, response) => {
    if (request.url === '/first') {
      server.once('second', () => {
        vi.spyOn(performance, 'now').mockImplementation(() => now() + 5000);
        response.end('a');
      });
    } else {
      response.end('b');
      server.emit('second');
    }
  });
  const socket = connect(Number(new URL(url).port), '127.0.0.1').resume();
  closeFunctions.push(() => {
    socket.destroy();
    server.close();
  });
  for (const path of ['/first', '/second']) socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
  const rows = await measurements.takeRows(2);
  const outcome = rows.map(toOutcome);
  expect(outcome).toEqual([{ metricType: 'API_RESPONSE_TIME', count: 2, count2xx: 2 }]);
  expect(rows[0]?.firstByteSum).toBeGreaterThanOrEqual(10_000);
});

it('calls a method that the application replaces later', () => {
  class Base {
    _send(...args: unknown[]) {
      return ['base', ...args];
    }
  }
  class Response extends Base {
    _headerSent = true;
  }
  patchSend(Response, 'a test');
  expect(new Response()._send('a', 'b')).toEqual(['base', 'a', 'b', undefined, undefined]);
  Base.prototype._send = () => ['replaced'];
  expect(new Response()._send('a')).toEqual(['replaced']);
});

it('measures every request if the application has frozen the prototype', async () => {
  vi.resetModules();
  const prototype = Object.freeze(Object.create({ _send: () => true }) as object);
  vi.spyOn(process, 'getBuiltinModule').mockReturnValue({ ServerResponse: { prototype } } as never);
  const { observeFirstBytes } = await import(
    '../../../../../src/agent/instrumentation/requests/first-byte.ts'
  );
  expect(() => observeFirstBytes('a frozen prototype')).not.toThrow();
  expect(getGuardFailures().get('a frozen prototype')).toBe(1);
});
