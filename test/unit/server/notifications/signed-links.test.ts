import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
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

it('reads what it has made, until it expires', () => {
  const token = createLinkToken(LINK, KEY);
  expect(token).toMatch(/^[\w.-]+$/);
  expect(reader.verify(token, NOW)).toEqual(LINK);
  expect(reader.verify(token, LINK.expiresMs - 1)).toEqual(LINK);
  expect(reader.verify(token, LINK.expiresMs)).toBeUndefined();
});

it('reads nothing that is forged, of another key, or of another alert', () => {
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

it('reads nothing of which any character was changed', () => {
  const token = createLinkToken(LINK, KEY);
  fc.assert(
    fc.property(
      fc.nat(token.length - 1),
      fc.string({ minLength: 1, maxLength: 1 }),
      (at, letter) => {
        const changed = token.slice(0, at) + letter + token.slice(at + 1);
        const link = reader.verify(changed, NOW);
        // The last letter of base64url has bits that say nothing.
        if (changed !== token && link) expect(link).toEqual(LINK);
        if (changed !== token && at < token.length - 1) expect(link).toBeUndefined();
      },
    ),
  );
});

it('keeps its key for its owner only, and finds it again', () => {
  const folder = mkdtempSync(join(tmpdir(), 'perfscope-key-'));
  const key = loadLinkKey(folder);
  expect(key).toHaveLength(32);
  expect(loadLinkKey(folder)).toEqual(key);
  expect(statSync(join(folder, 'notify', 'link.key')).mode & 0o777).toBe(0o600);
  rmSync(folder, { recursive: true });
});

it('adds links that act to alerts that fire, and none without an address', () => {
  const target = { receiver: 'oncall', index: 0, kind: 'webhook' };
  const alerts = [makeKnownAlert({ id: 'f1' }), makeKnownAlert({ id: 'r1', state: 'resolved' })];
  const occasion = { kind: 'route', level: 0, timeZone: 'UTC', now: NOW } as const;
  const { message } = createPlannedMessage(target, 'g', alerts, undefined, occasion);
  const [fires, over] = createMessageLinker('https://p.example/x/', KEY, () => NOW)(message).alerts;
  expect(over?.links).toEqual({
    view: 'https://p.example/x/?alert=r1',
    acknowledge: undefined,
    silence: undefined,
  });
  const token = fires!.links.silence!.replace('https://p.example/x/links/', '');
  expect(reader.verify(token, NOW)).toMatchObject({
    action: 'silence',
    alertId: 'f1',
    receiver: 'oncall',
  });
  expect(
    createMessageLinker(undefined, KEY, () => NOW)(message).alerts[0]?.links.view,
  ).toBeUndefined();
});
