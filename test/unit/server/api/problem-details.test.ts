import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createError } from '../../../../src/core/perfscope-error.ts';
import { createOrganizationScope, UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { createErrorHandler } from '../../../../src/server/api/problem-details.ts';

const SECRET_TEXT = 'Invalid column: secret_column at db.internal:8812';
const databaseError = new Error(SECRET_TEXT);
const SCOPES = {
  admin: UNRESTRICTED_SCOPE,
  viewer: createOrganizationScope('acme'),
  nobody: undefined,
} as const;
const messages: string[] = [];
let server: Server;
let url: string;
/** The error that the next request causes. */
let thrown: unknown;

beforeAll(async () => {
  const app = express();
  app.get('/:caller', (request, response) => {
    const scope = SCOPES[request.params.caller as keyof typeof SCOPES];
    if (scope) response.locals.caller = { principal: { scope } };
    throw thrown;
  });
  const record = (message: string) => void messages.push(message);
  app.use(createErrorHandler({ info: record, warn: record, error: record }));
  server = createServer(app).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

async function requestAs(caller: keyof typeof SCOPES) {
  const response = await fetch(`${url}/${caller}`);
  return { status: response.status, text: await response.text() };
}

it.each([
  ['a failed query', createError('PS_UNAVAILABLE', { reason: SECRET_TEXT }, databaseError), 503],
  [
    'a rejected write',
    createError('PS_QUESTDB_REFUSED', { status: 400, reason: SECRET_TEXT }),
    500,
  ],
  [
    'a refused connection',
    createError('PS_QUESTDB_UNREACHABLE', { url: 'x', reason: SECRET_TEXT }),
    500,
  ],
  ['an unexpected error', databaseError, 500],
])('shows the text of %s only to administrators, and logs it', async (_case, error, status) => {
  thrown = error;
  for (const caller of ['viewer', 'nobody'] as const) {
    messages.length = 0;
    const problem = await requestAs(caller);
    expect(problem.status).toBe(status);
    expect(problem.text).not.toContain('secret_column');
    expect(JSON.parse(problem.text).detail).toMatch(/temporarily unavailable|internal error/);
    expect(messages.join()).toContain(SECRET_TEXT);
  }
  const { text } = await requestAs('admin');
  expect(text.includes(SECRET_TEXT)).toBe(error !== databaseError);
});

it("shows Perfscope's own reasons to every caller", async () => {
  thrown = createError('PS_UNAVAILABLE', { reason: 'too many streams are open' });
  expect((await requestAs('viewer')).text).toContain('too many streams are open');
  thrown = createError('PS_REQUEST_INVALID', { reason: 'cursor is not a valid cursor' });
  expect(await requestAs('nobody')).toMatchObject({
    status: 400,
    text: expect.stringContaining('cursor is not a valid cursor'),
  });
});
