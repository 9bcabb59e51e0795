import { expect, it } from 'vitest';
import { toEnvironment } from '../../../../src/agent/opentelemetry-sdk/exporter-options.ts';

it.each([undefined, null, {}, { url: undefined }])('%s overrides nothing', (options) => {
  expect(toEnvironment('fn', options as never)).toBeUndefined();
});

it.each([
  [
    { url: 'http://db:9000', user: 'u', password: 'p', spoolDir: 'spool' },
    {
      PERFORMANCE_QUESTDB_URL: 'http://db:9000',
      PERFORMANCE_QUESTDB_USER: 'u',
      PERFORMANCE_QUESTDB_PASSWORD: 'p',
      PERFORMANCE_SPOOL_DIR: 'spool',
      PERFORMANCE_QUESTDB_PASSWORD_FILE: undefined,
      PERFORMANCE_QUESTDB_TOKEN: undefined,
      PERFORMANCE_QUESTDB_TOKEN_FILE: undefined,
    },
  ],
  [
    { token: 'secret' },
    { PERFORMANCE_QUESTDB_TOKEN: 'secret', PERFORMANCE_QUESTDB_TOKEN_FILE: undefined },
  ],
  [{ url: 'https://db' }, { PERFORMANCE_QUESTDB_URL: 'https://db' }],
])('%j overrides its variables and other credentials', (options, expected) => {
  expect(toEnvironment('fn', options)).toEqual(expected);
});

it.each([
  [7, 'options is not an object'],
  [{ url: '' }, 'url is not a non-empty string'],
  [{ url: new URL('http://db') }, 'url is not a non-empty string'],
  [{ url: 'db:9000' }, 'url is not a URL that begins with http:// or https://'],
  [{ user: 7 }, 'user is not a non-empty string'],
  [{ spoolDir: [] }, 'spoolDir is not a non-empty string'],
  [
    { token: 'a b' },
    'token is not a token of at least 1 characters, in one line and without spaces',
  ],
  [{ token: 't', user: 'u' }, "token can't be used together with user or password"],
])('rejects %j', (options, reason) => {
  const message = `QuestDBMetricExporter() received an invalid argument: ${reason}. Correct the call.`;
  expect(() => toEnvironment('QuestDBMetricExporter', options as never)).toThrow(
    expect.objectContaining({ code: 'PS_ARGUMENT_INVALID', message }),
  );
});
