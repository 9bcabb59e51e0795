import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseSettings } from '../../../../src/core/config/parse-settings.ts';

describe('parseSettings', () => {
  it('uses the documented defaults', () => {
    const { settings, problems } = parseSettings({});
    expect(problems).toEqual([]);
    expect(settings.PERFORMANCE_BUFFER_SIZE).toBe(100);
    expect(settings.PERFORMANCE_FLUSH_INTERVAL).toBe(30_000);
    expect(settings.exportIntervalMs).toBe(30_000);
    expect(Object.isFrozen(settings)).toBe(true);
  });

  it('reports an unknown variable and suggests the closest known one', () => {
    const [problem] = parseSettings({ PERFORMANCE_BUFER_SIZE: '3' }).problems;
    expect(problem?.code).toBe('PS_CONFIG_UNKNOWN');
    expect(problem?.message).toContain('PERFORMANCE_BUFFER_SIZE');
  });

  it('reports an invalid value with the allowed values, and uses the default', () => {
    const { settings, problems } = parseSettings({ PERFORMANCE_RETENTION_DAYS: 'soon' });
    expect(problems[0]?.message).toMatch(/PERFORMANCE_RETENTION_DAYS=soon .*from 1 to 3650/);
    expect(settings.PERFORMANCE_RETENTION_DAYS).toBe(30);
  });

  const secret = 's3cret-'.repeat(6);
  const tokens = { PERFORMANCE_JWT_ISSUER: 'i', PERFORMANCE_JWT_AUDIENCE: 'a' };

  it('combines the JWT variables', () => {
    const { settings, problems } = parseSettings({ ...tokens, PERFORMANCE_JWT_SECRET: secret });
    expect(problems).toEqual([]);
    expect(settings.jwt).toEqual({ issuer: 'i', audience: 'a', keys: { secret } });
    expect(parseSettings({}).settings.jwt).toBeUndefined();
  });

  it.each([
    ['without keys', tokens, /JWT_JWKS_URL or PERFORMANCE_JWT_SECRET/],
    ['without issuer and audience', { PERFORMANCE_JWT_SECRET: secret }, /_ISSUER and .*_AUDIENCE/],
    [
      'with two kinds of keys',
      { PERFORMANCE_JWT_SECRET: secret, PERFORMANCE_JWT_JWKS_URL: 'https://login.example' },
      /can't be used together/,
    ],
  ])('rejects JWT settings %s', (_case, env, expected) => {
    const { settings, problems } = parseSettings({ ...env });
    expect(settings.jwt).toBeUndefined();
    expect(problems[0]?.message).toMatch(expected);
  });

  it.each([
    ['PERFORMANCE_JWT_SECRET', 'hunter2', /at least 32 bytes/],
    ['PERFORMANCE_METRICS_TOKEN', 'hunter2', /at least 16 characters/],
    ['PERFORMANCE_JWT_JWKS_URL', 'http://me:hunter2@login.example/jwks', /https:/],
    ['PERFORMANCE_QUESTDB_URL', 'ftp://me:hunter2@db', /http:/],
  ])('rejects an invalid %s without repeating the secret', (name, value, expected) => {
    const [problem] = parseSettings({ [name]: value }).problems;
    expect(problem?.message).toMatch(expected);
    expect(`${problem?.message} ${JSON.stringify(problem?.params)}`).not.toContain('hunter2');
  });

  it('accepts public keys over HTTP from a loopback address', () => {
    const url = 'http://127.0.0.1:8080/jwks.json';
    const { settings } = parseSettings({ ...tokens, PERFORMANCE_JWT_JWKS_URL: url });
    expect(settings.jwt?.keys).toEqual({ jwksUrl: url });
  });
});

describe('secrets in files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'perfscope-secrets-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const writeSecretFile = (text: string) => {
    const file = join(folder, 'secret');
    writeFileSync(file, text);
    return file;
  };

  it.each([
    ['PERFORMANCE_QUESTDB_PASSWORD', 'secret-without-line-break'],
    ['PERFORMANCE_QUESTDB_TOKEN', 'secret-without-line-break'],
    ['PERFORMANCE_QUESTDB_PG_URL', 'postgresql://reader:pass@questdb:8812/qdb'],
    ['PERFORMANCE_METRICS_TOKEN', 'secret-without-line-break'],
  ] as const)('reads %s from the file in its _FILE variable', (name, secret) => {
    const { settings, problems } = parseSettings({
      [`${name}_FILE`]: writeSecretFile(`${secret}\n`),
    });
    expect(problems).toEqual([]);
    expect(settings[name]).toBe(secret);
  });

  it('validates a secret from a file without repeating it in the error', () => {
    const [problem] = parseSettings({
      PERFORMANCE_METRICS_TOKEN_FILE: writeSecretFile('hunter2'),
    }).problems;
    expect(problem?.message).toMatch(/at least 16 characters/);
    expect(problem?.message).not.toContain('hunter2');
  });

  it.each([
    ['is missing', () => join(folder, 'nowhere'), /the file does not exist/],
    ['is empty', () => writeSecretFile(' \n'), /the file is empty/],
  ])('reports a secret file that %s', (_case, file, expected) => {
    const [problem] = parseSettings({ PERFORMANCE_QUESTDB_PASSWORD_FILE: file() }).problems;
    expect(problem?.code).toBe('PS_SECRET_FILE');
    expect(problem?.message).toMatch(expected);
  });

  it('rejects a secret that is set both directly and as a file', () => {
    const env = {
      PERFORMANCE_QUESTDB_PASSWORD: 'hunter2',
      PERFORMANCE_QUESTDB_PASSWORD_FILE: writeSecretFile('hunter3'),
    };
    const [problem] = parseSettings(env).problems;
    expect(problem?.message).toMatch(/PERFORMANCE_QUESTDB_PASSWORD_FILE can't be used together/);
  });
});
