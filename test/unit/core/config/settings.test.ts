import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseSettings } from '../../../../src/core/config/settings.ts';

describe('parseSettings', () => {
  it('takes the defaults of the contract', () => {
    const { settings, problems } = parseSettings({});
    expect(problems).toEqual([]);
    expect(settings.PERFORMANCE_BUFFER_SIZE).toBe(100);
    expect(settings.PERFORMANCE_FLUSH_INTERVAL).toBe(30_000);
    expect(settings.exportIntervalMs).toBe(30_000);
    expect(Object.isFrozen(settings)).toBe(true);
  });

  it('names an unknown variable and the nearest known one', () => {
    const [problem] = parseSettings({ PERFORMANCE_BUFER_SIZE: '3' }).problems;
    expect(problem?.code).toBe('PS_CONFIG_UNKNOWN');
    expect(problem?.message).toContain('PERFORMANCE_BUFFER_SIZE');
  });

  it('names an invalid value and what is allowed, and works on with the default', () => {
    const { settings, problems } = parseSettings({ PERFORMANCE_RETENTION_DAYS: 'soon' });
    expect(problems[0]?.message).toMatch(/PERFORMANCE_RETENTION_DAYS=soon .*from 1 to 3650/);
    expect(settings.PERFORMANCE_RETENTION_DAYS).toBe(30);
  });

  const secret = 's3cret-'.repeat(6);
  const tokens = { PERFORMANCE_JWT_ISSUER: 'i', PERFORMANCE_JWT_AUDIENCE: 'a' };

  it('takes the variables of tokens together', () => {
    const { settings, problems } = parseSettings({ ...tokens, PERFORMANCE_JWT_SECRET: secret });
    expect(problems).toEqual([]);
    expect(settings.jwt).toEqual({ issuer: 'i', audience: 'a', keys: { secret } });
    expect(parseSettings({}).settings.jwt).toBeUndefined();
  });

  it.each([
    ['without their keys', tokens, /JWT_JWKS_URL or PERFORMANCE_JWT_SECRET/],
    ['without issuer and audience', { PERFORMANCE_JWT_SECRET: secret }, /_ISSUER and .*_AUDIENCE/],
    [
      'with two kinds of keys',
      { PERFORMANCE_JWT_SECRET: secret, PERFORMANCE_JWT_JWKS_URL: 'https://login.example' },
      /can't be used together/,
    ],
  ])('refuses tokens %s', (_what, env, said) => {
    const { settings, problems } = parseSettings({ ...env });
    expect(settings.jwt).toBeUndefined();
    expect(problems[0]?.message).toMatch(said);
  });

  it.each([
    ['PERFORMANCE_JWT_SECRET', 'hunter2', /at least 32 bytes/],
    ['PERFORMANCE_METRICS_TOKEN', 'hunter2', /at least 16 bytes/],
    ['PERFORMANCE_JWT_JWKS_URL', 'http://me:hunter2@login.example/jwks', /https:/],
    ['PERFORMANCE_QUESTDB_URL', 'ftp://me:hunter2@db', /http:/],
  ])('refuses a bad %s without repeating what is secret', (name, value, said) => {
    const [problem] = parseSettings({ [name]: value }).problems;
    expect(problem?.message).toMatch(said);
    expect(`${problem?.message} ${JSON.stringify(problem?.params)}`).not.toContain('hunter2');
  });

  it('takes public keys from this machine without encryption', () => {
    const url = 'http://127.0.0.1:8080/jwks.json';
    const { settings } = parseSettings({ ...tokens, PERFORMANCE_JWT_JWKS_URL: url });
    expect(settings.jwt?.keys).toEqual({ jwksUrl: url });
  });
});

describe('secrets in files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'perfscope-secrets-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const holding = (text: string) => {
    const file = join(folder, 'secret');
    writeFileSync(file, text);
    return file;
  };

  it.each([
    ['PERFORMANCE_QUESTDB_PASSWORD', 'no-line-end-in-it'],
    ['PERFORMANCE_QUESTDB_TOKEN', 'no-line-end-in-it'],
    ['PERFORMANCE_QUESTDB_PG_URL', 'postgresql://reader:pass@questdb:8812/qdb'],
    ['PERFORMANCE_METRICS_TOKEN', 'no-line-end-in-it'],
  ] as const)('reads %s from the file that its _FILE names', (name, secret) => {
    const { settings, problems } = parseSettings({ [`${name}_FILE`]: holding(`${secret}\n`) });
    expect(problems).toEqual([]);
    expect(settings[name]).toBe(secret);
  });

  it('holds what stands in a file to the same rules, and does not repeat it', () => {
    const [problem] = parseSettings({
      PERFORMANCE_METRICS_TOKEN_FILE: holding('hunter2'),
    }).problems;
    expect(problem?.message).toMatch(/at least 16 bytes/);
    expect(problem?.message).not.toContain('hunter2');
  });

  it.each([
    ['is not there', () => join(folder, 'nowhere'), /ENOENT/],
    ['is empty', () => holding(' \n'), /it is empty/],
  ])('says when a file %s', (_what, file, said) => {
    const [problem] = parseSettings({ PERFORMANCE_QUESTDB_PASSWORD_FILE: file() }).problems;
    expect(problem?.code).toBe('PS_SECRET_FILE');
    expect(problem?.message).toMatch(said);
  });

  it('refuses a secret that is given twice', () => {
    const env = {
      PERFORMANCE_QUESTDB_PASSWORD: 'hunter2',
      PERFORMANCE_QUESTDB_PASSWORD_FILE: holding('hunter3'),
    };
    const [problem] = parseSettings(env).problems;
    expect(problem?.message).toMatch(/PERFORMANCE_QUESTDB_PASSWORD_FILE can't be used together/);
  });
});
