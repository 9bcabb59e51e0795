import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  HttpProtocolError,
  HttpResponseParser,
} from '../../../../src/core/http/http-response-parser.ts';

const MAX_BODY_BYTES = 100_000;

/** Parses a response that arrives in `parts`, followed by the end of the connection. */
function parse(parts: readonly Buffer[]) {
  const parser = new HttpResponseParser(MAX_BODY_BYTES);
  for (const part of parts) parser.push(part);
  parser.end();
  const { status, statusText, headers } = parser.head!;
  return {
    status,
    statusText,
    headers: Object.fromEntries(headers),
    body: parser.body.toString('latin1'),
    isPersistent: parser.isPersistent,
  };
}

function parseText(...parts: string[]) {
  return parse(parts.map((part) => Buffer.from(part, 'latin1')));
}

/** Splits data at the positions in `cuts`. */
function split(data: Buffer, cuts: readonly number[]): Buffer[] {
  const positions = cuts.map((cut) => cut % (data.length + 1)).toSorted((a, b) => a - b);
  return [0, ...positions].map((from, i) => data.subarray(from, positions[i] ?? data.length));
}

const headersArbitrary = fc.array(
  fc.tuple(fc.stringMatching(/^x-[a-z]{1,8}$/), fc.stringMatching(/^[!-~]{0,20}$/)),
  { maxLength: 5 },
);
const bodyArbitrary = fc.array(fc.uint8Array({ minLength: 1, maxLength: 50 }), { maxLength: 8 });

const responseArbitrary = fc
  .record({
    status: fc.integer({ min: 200, max: 599 }).filter((status) => status !== 204 && status !== 304),
    headers: headersArbitrary,
    parts: bodyArbitrary,
    framing: fc.constantFrom('length', 'chunked', 'close'),
    isContinued: fc.boolean(),
  })
  .map(({ status, headers, parts, framing, isContinued }) => {
    const body = Buffer.concat(parts);
    const framingHeader = {
      length: `Content-Length: ${body.length}\r\n`,
      chunked: 'Transfer-Encoding: chunked\r\n',
      close: '',
    }[framing as 'length'];
    const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    const head = `HTTP/1.1 ${status} Text\r\n${lines}${framingHeader}\r\n`;
    const chunks = parts.map((part) => [
      Buffer.from(`${part.length.toString(16)};name=value\r\n`),
      part,
      Buffer.from('\r\n'),
    ]);
    const content =
      framing === 'chunked' ? [...chunks.flat(), Buffer.from('0\r\nTrailer: 1\r\n\r\n')] : [body];
    const before = isContinued ? 'HTTP/1.1 100 Continue\r\n\r\n' : '';
    return { status, body, bytes: Buffer.concat([Buffer.from(before + head), ...content]) };
  });

it('returns the same response for any division into parts', () => {
  fc.assert(
    fc.property(responseArbitrary, fc.array(fc.nat(), { maxLength: 20 }), (response, cuts) => {
      const whole = parse([response.bytes]);
      expect(whole).toMatchObject({
        status: response.status,
        body: response.body.toString('latin1'),
      });
      expect(parse(split(response.bytes, cuts))).toEqual(whole);
      expect(parse([...response.bytes].map((byte) => Buffer.from([byte])))).toEqual(whole);
    }),
    { numRuns: 300 },
  );
});

it('throws only an HttpProtocolError, for any bytes', () => {
  const fragment = fc.constantFrom(
    ...['HTTP/1.1 200 OK\r\n', 'HTTP/1.1 ', 'Content-Length: 5', '\r\n', '\n', '0', 'ffffffffff'],
    ...['Transfer-Encoding: chunked\r\n', ':', ' ', '\0', ';', '-1', 'Connection: close\r\n'],
  );
  const bytes = fc.oneof(
    fc.array(fragment).map((fragments) => Buffer.from(fragments.join(''))),
    fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
    responseArbitrary.chain(({ bytes: valid }) =>
      fc
        .tuple(fc.nat(valid.length - 1), fc.nat(255))
        .map(([position, byte]) =>
          Buffer.concat([
            valid.subarray(0, position),
            Buffer.from([byte]),
            valid.subarray(position + 1),
          ]),
        ),
    ),
  );
  fc.assert(
    fc.property(bytes, fc.array(fc.nat(), { maxLength: 10 }), (data, cuts) => {
      try {
        parse(split(data, cuts));
      } catch (error) {
        expect(error).toBeInstanceOf(HttpProtocolError);
      }
    }),
    { numRuns: 1000 },
  );
});

it.each([
  [
    'a status line without a text',
    'HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n',
    { status: 200, statusText: '' },
  ],
  ['line feeds only', 'HTTP/1.1 200 OK\ncontent-length: 2\n\nok', { body: 'ok' }],
  ['repeated headers', 'HTTP/1.1 204 No\r\nA: 1\r\na:2 \r\n\r\n', { headers: { a: '1, 2' } }],
  [
    'equal content lengths',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx',
    { body: 'x' },
  ],
  [
    'no body',
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n',
    { body: '', isPersistent: true },
  ],
  [
    'close',
    'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx',
    { isPersistent: false },
  ],
  ['HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx', { isPersistent: false }],
  [
    'HTTP/1.0 with keep-alive',
    'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx',
    { isPersistent: true },
  ],
  [
    'a second response',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\n',
    { body: 'x', isPersistent: false },
  ],
])('accepts %s', (_name, text, expected) => {
  expect(parseText(text)).toMatchObject(expected);
});

it.each([
  ['other text', '\0\x01garbage', 'before the end'],
  ['another protocol', 'SSH-2.0-OpenSSH\r\n\r\n', 'not HTTP'],
  ['HTTP/2', 'HTTP/2.0 200 OK\r\n\r\n', 'not HTTP'],
  ['an invalid status', 'HTTP/1.1 2000 OK\r\n\r\n', 'not HTTP'],
  ['a folded header', 'HTTP/1.1 200 OK\r\na: 1\r\n b\r\n\r\n', 'header'],
  ['a header without a colon', 'HTTP/1.1 200 OK\r\nabc\r\n\r\n', 'header'],
  ['a negative content length', 'HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n', 'content length'],
  [
    'different content lengths',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx',
    'content length',
  ],
  [
    'an unknown transfer encoding',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n',
    'transfer encoding',
  ],
  [
    'an invalid chunk size',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n',
    'chunk',
  ],
  [
    'a chunk that is too long',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n',
    'chunk',
  ],
  ['an incomplete body', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab', 'before the end'],
  [
    'a missing last chunk',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n',
    'before the end',
  ],
  ['another protocol after the head', 'HTTP/1.1 101 Switching\r\n\r\n', 'switched'],
  ['an endless header', `HTTP/1.1 200 OK\r\na: ${'x'.repeat(20_000)}`, 'larger than 16384'],
  ['many headers', `HTTP/1.1 200 OK\r\n${'a: b\r\n'.repeat(4000)}`, 'larger than 16384'],
  ['endless interim responses', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(1000), 'larger than 16384'],
  [
    'a large content length',
    'HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\n',
    'larger than 100000',
  ],
  [
    'a large body until the end',
    `HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(100_001)}`,
    'larger than 100000',
  ],
  [
    'a large chunk',
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n${'x'.repeat(100_001)}`,
    'larger than 100000',
  ],
])('rejects %s', (_name, text, message) => {
  expect(() => parseText(text)).toThrow(HttpProtocolError);
  expect(() => parseText(text)).toThrow(message);
});
