import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, expect, it } from 'vitest';
import { exportQuery } from '../../../../src/storage/sql/export-query.ts';

let server: Server | undefined;
afterEach(() => server?.close());

it('writes the rows to a stream, which stays open', async () => {
  server = createServer((_request, response) => response.end('a\r\n1\r\n"=2"\r\n'));
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const output = new PassThrough();
  const options = { output, format: 'csv', timeoutMs: 10_000, onProgress: () => {} } as const;
  const { rows } = await exportQuery({ url } as never, 'SELECT a FROM t', options);
  expect(rows).toBe(2);
  expect(output.writableEnded).toBe(false);
  output.end();
  expect(await text(output)).toBe(`a\r\n1\r\n"'=2"\r\n`);
});
