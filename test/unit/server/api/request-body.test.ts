import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PerfscopeError } from '../../../../src/core/perfscope-error.ts';
import { parseSilence } from '../../../../src/server/alerts/suppression/silence-rows.ts';
import { ENDPOINTS } from '../../../../src/server/api/endpoint-registry.ts';
import { createErrorHandler } from '../../../../src/server/api/problem-details.ts';
import {
  jsonBodyParser,
  parseBody,
  parseQueryString,
} from '../../../../src/server/api/request/request-parser.ts';

/** Texts of Zod, which describe schemas rather than requests. */
const ZOD_TEXT =
  /Invalid input|Too small|Too big|Invalid option|Unrecognized|expected \w+, received/;

function getMessage(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect((error as PerfscopeError).code).toBe('PS_REQUEST_INVALID');
    return (error as Error).message.replace('The request is invalid: ', '');
  }
  return 'accepted';
}

const { silences, acknowledge, keys, alerts, metrics, endpoints } = ENDPOINTS;

describe('parseBody', () => {
  it.each([
    [silences, {}, /^matchers is missing; allowed: matchers such as .*\. comment is missing\.$/],
    [silences, { matchers: ['a=b', 5], comment: 'x' }, 'matchers.1 must be a string.'],
    [silences, { matchers: 'a', comment: 'x' }, 'matchers must be a list.'],
    [silences, { matchers: [], comment: 'x', endsAt: 'soon' }, /^endsAt must be a time such as/],
    [
      silences,
      { matchers: [], comment: 'x', coment: 1 },
      /^coment is not a property of this endpoint; did you mean comment\?/,
    ],
    [silences, [], '(body) must be a map of keys.'],
    [acknowledge, {}, 'comment is missing.'],
    [acknowledge, { comment: '' }, 'comment must not be empty.'],
    [acknowledge, { comment: 'x'.repeat(2001) }, 'comment must have at most 2000 characters.'],
    [keys, { name: 'a', role: 'BOSS' }, /^role must be one of ADMIN, ORG_ADMIN,/],
    [keys, { name: 'a', role: 'VIEWER', properties: [] }, 'properties must not be empty.'],
  ] as const)('describes problem %# in plain words', (endpoint, body, expected) => {
    const message = getMessage(() => parseBody(body, endpoint.body));
    if (typeof expected === 'string') expect(message).toBe(expected);
    else expect(message).toMatch(expected);
    expect(message).not.toMatch(ZOD_TEXT);
  });

  it('never quotes a value, which can be a secret', () => {
    for (const endpoint of [silences, acknowledge, keys, ENDPOINTS.people]) {
      for (const name of Object.keys(endpoint.body?.shape ?? {})) {
        const message = getMessage(() =>
          parseBody({ [name]: { key: 'psk_secret' } }, endpoint.body),
        );
        expect(message).not.toMatch(ZOD_TEXT);
        expect(message).not.toContain('psk_secret');
      }
    }
  });
});

describe('parseSilence', () => {
  const parse = (entry: object) =>
    getMessage(() => parseSilence({ matchers: ['a=b'], duration: '1h', comment: 'x', ...entry }));

  it.each([
    [{ comment: '' }, 'comment must not be empty.'],
    [{ matchers: [] }, /^matchers must be a list of matchers such as/],
    [{ matchers: Array(21).fill('a=b') }, 'matchers must have at most 20 values.'],
    [
      { matchers: ['foo=~"("'] },
      'matchers cannot contain `foo=~"("`, because it has an invalid regular expression: missing closing ): `(`.',
    ],
    [
      { matchers: ['shop'] },
      /^matchers cannot contain `shop`, because it is not a matcher such as /,
    ],
    [
      { matchers: [`a=~"${'x'.repeat(501)}"`] },
      /because it has a regular expression with more than 500/,
    ],
    [{ duration: undefined }, 'must have either `endsAt` or `duration`.'],
  ])('describes problem %# in plain words', (entry, expected) => {
    const message = parse(entry);
    if (typeof expected === 'string') expect(message).toBe(expected);
    else expect(message).toMatch(expected);
  });
});

describe('parseQueryString', () => {
  it.each([
    [
      metrics,
      'last=abc',
      'last must have a valid format; allowed: a number with the unit s, m, h, or d, such as 15m.',
    ],
    [
      metrics,
      `from=${'1'.repeat(50)}`,
      /; allowed: an ISO 8601 time, or milliseconds since the epoch\.$/,
    ],
    [metrics, 'service=', 'service must not be empty; allowed: text of 1 to 512 characters.'],
    [
      metrics,
      'timeZone=',
      'timeZone must not be empty; allowed: IANA time zone such as Europe/Vienna.',
    ],
    [metrics, 'includeTest=yes', 'includeTest must be `true` or `false`; allowed: true, false.'],
    [endpoints, 'limit=0', /^limit must be at least 1; allowed: a whole number from 1 to \d+\.$/],
    [
      alerts,
      'severity=bad',
      /^severity must be one of .*; allowed: one or more of medium|high|critical/,
    ],
  ] as const)('lists allowed values, not the description (%#)', (endpoint, query, expected) => {
    const message = getMessage(() => parseQueryString(`/x?${query}`, endpoint.query));
    if (typeof expected === 'string') expect(message).toBe(expected);
    else expect(message).toMatch(expected);
  });

  it('has no description as an allowed value in any endpoint', () => {
    for (const { query } of Object.values(ENDPOINTS)) {
      for (const name of Object.keys(query.shape)) {
        const message = getMessage(() =>
          parseQueryString(`/x?${name}=${'\0'.repeat(5000)}`, query),
        );
        expect(message).not.toMatch(/allowed: .*(Limits the|Length of|Start of|End of|Default)/);
        expect(message).not.toMatch(ZOD_TEXT);
      }
    }
  });
});

describe('jsonBodyParser', () => {
  let server: Server;

  beforeAll(async () => {
    const app = express();
    app.post('/', jsonBodyParser, (request, response) => void response.json(request.body ?? {}));
    app.use(createErrorHandler({ info: () => {}, warn: () => {}, error: () => {} }));
    server = app.listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
  });

  afterAll(() => server.close());

  const post = async (body: string | undefined, headers: Record<string, string> = {}) => {
    const { port } = server.address() as AddressInfo;
    const response = await fetch(`http://127.0.0.1:${port}/`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      ...(body !== undefined && { body }),
    });
    return { status: response.status, ...((await response.json()) as { detail?: string }) };
  };

  it.each([
    ['{"comment":"psk_secret"', {}, '(body) is not valid JSON.'],
    [`"${'x'.repeat(70_000)}"`, {}, '(body) is larger than 64 KB.'],
    ['{}', { 'Content-Encoding': 'zip' }, /^\(body\) has an unsupported Content-Encoding/],
    ['{}', { 'Content-Type': 'application/json; charset=klingon' }, /unsupported character set/],
    [
      'comment=x',
      { 'Content-Type': 'application/x-www-form-urlencoded' },
      '(body) has an unsupported Content-Type; allowed: application/json.',
    ],
  ])('describes problem %# in plain words', async (body, headers, expected) => {
    const { status, detail = '' } = await post(body, headers);
    expect(status).toBe(400);
    const message = detail.replace('The request is invalid: ', '');
    if (typeof expected === 'string') expect(message).toBe(expected);
    else expect(message).toMatch(expected);
  });

  it('accepts JSON, and a request without a body', async () => {
    expect(await post('{"a":1}')).toEqual({ status: 200, a: 1 });
    expect(await post(undefined)).toEqual({ status: 200 });
  });
});
