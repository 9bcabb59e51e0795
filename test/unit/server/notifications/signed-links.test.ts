import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { stderrLogger } from '../../../../src/core/log.ts';
import {
  createLinkReader,
  createLinkToken,
  createMessageLinker,
  loadLinkKey,
} from '../../../../src/server/notifications/message/signed-links.ts';
import type { VerifiedLink } from '../../../../src/server/notifications/notification-views.ts';
import { createPlannedMessage } from '../../../../src/server/notifications/planning/group-messages.ts';
import { makeKnownAlert, NOW } from '../../../support/notifier-fixtures.ts';

const KEY = randomBytes(32);
const LINK: VerifiedLink = {
  action: 'acknowledge',
  alertId: 'abc123',
  receiver: 'oncall',
  expiresMs: NOW + 60_000,
};
const reader = createLinkReader(KEY);

it('accepts its own tokens until they expire', () => {
  const token = createLinkToken(LINK, KEY);
  expect(token).toMatch(/^[\w.-]+$/);
  expect(reader.verify(token, NOW)).toEqual(LINK);
  expect(reader.verify(token, LINK.expiresMs - 1)).toEqual(LINK);
  expect(reader.verify(token, LINK.expiresMs)).toBeUndefined();
});

it('rejects forged tokens, and tokens for another key or alert', () => {
  const token = createLinkToken(LINK, KEY);
  expect(createLinkReader(randomBytes(32)).verify(token, NOW)).toBeUndefined();
  const [, signature] = token.split('.');
  const other = createLinkToken({ ...LINK, alertId: 'other' }, KEY).split('.')[0];
  expect(reader.verify(`${other}.${signature}`, NOW)).toBeUndefined();
  const later = createLinkToken({ ...LINK, expiresMs: NOW + 1e9 }, KEY).split('.')[0];
  expect(reader.verify(`${later}.${signature}`, NOW)).toBeUndefined();
  for (const text of ['', '.', 'a.b', `${token}x`, token.slice(1), `${token}.${token}`]) {
    expect(reader.verify(text, NOW)).toBeUndefined();
  }
});

it('rejects a token with any changed character', () => {
  const token = createLinkToken(LINK, KEY);
  fc.assert(
    fc.property(
      fc.nat(token.length - 1),
      fc.string({ minLength: 1, maxLength: 1 }),
      (index, character) => {
        const changed = token.slice(0, index) + character + token.slice(index + 1);
        const link = reader.verify(changed, NOW);
        // The last base64url character has unused bits, so a different character can decode to the same bytes.
        if (changed !== token && link) expect(link).toEqual(LINK);
        if (changed !== token && index < token.length - 1) expect(link).toBeUndefined();
      },
    ),
  );
});

it('stores the key in an owner-only file and loads it again', () => {
  const folder = mkdtempSync(join(tmpdir(), 'perfscope-key-'));
  const key = loadLinkKey(folder, stderrLogger);
  expect(key).toHaveLength(32);
  expect(loadLinkKey(folder, stderrLogger)).toEqual(key);
  expect(statSync(join(folder, 'notify', 'link.key')).mode & 0o777).toBe(0o600);
  rmSync(folder, { recursive: true });
});

it.each([0, 5, 33])('replaces a key of %i bytes, and names the file', (length) => {
  const folder = mkdtempSync(join(tmpdir(), 'perfscope-key-'));
  const file = join(folder, 'notify', 'link.key');
  mkdirSync(join(folder, 'notify'));
  writeFileSync(file, Buffer.alloc(length));
  const warnings: string[] = [];
  const log = { ...stderrLogger, warn: (text: string) => void warnings.push(text) };
  const key = loadLinkKey(folder, log);
  expect(key).toHaveLength(32);
  expect(loadLinkKey(folder, log)).toEqual(key);
  expect(warnings).toEqual([
    expect.stringContaining(`The file ${file} was damaged: it has ${length} bytes instead of 32`),
  ]);
  rmSync(folder, { recursive: true });
});

it('adds action links to firing alerts, and no links without a public URL', () => {
  const target = { receiver: 'oncall', index: 0, kind: 'webhook' };
  const alerts = [makeKnownAlert({ id: 'f1' }), makeKnownAlert({ id: 'r1', state: 'resolved' })];
  const context = { kind: 'route', level: 0, timeZone: 'UTC', now: NOW } as const;
  const { message } = createPlannedMessage(target, 'g', alerts, undefined, context);
  const [firing, resolved] = createMessageLinker(
    'https://p.example/x/',
    KEY,
    () => NOW,
  )(message).alerts;
  expect(resolved?.links).toEqual({
    view: 'https://p.example/x/alerts/r1',
    acknowledge: undefined,
    silence: undefined,
  });
  const token = firing!.links.silence!.replace('https://p.example/x/links/', '');
  expect(reader.verify(token, NOW)).toMatchObject({
    action: 'silence',
    alertId: 'f1',
    receiver: 'oncall',
  });
  expect(
    createMessageLinker(undefined, KEY, () => NOW)(message).alerts[0]?.links.view,
  ).toBeUndefined();
});
