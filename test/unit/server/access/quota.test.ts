import { expect, it } from 'vitest';
import { assertWithinQuota, type OwnedObject } from '../../../../src/server/access/quota.ts';

const QUOTA = { what: 'active keys', perKey: 2, perOrganization: 3, perServer: 5 };
const own = (author: string | undefined, organization?: string, size?: number): OwnedObject => ({
  author,
  organization,
  size,
});

it.each<[string, OwnedObject[], OwnedObject, string | undefined]>([
  ['within all limits', [own('a', 'acme')], own('a', 'acme'), undefined],
  ['of one key', [own('a', 'acme'), own('a', 'x')], own('a', 'acme'), '2 active keys per key'],
  [
    'of one organization',
    [own('b', 'acme'), own('c', 'acme'), own('d', 'acme')],
    own('a', 'acme'),
    '3 active keys per organization',
  ],
  [
    'of the server',
    [own('b', 'b'), own('c', 'c'), own('d', 'd'), own('e', 'e'), own('f', 'f')],
    own('a', 'acme'),
    '5 active keys per server',
  ],
  ['without an author limit', [own('a'), own('a'), own('a')], own(undefined), undefined],
  ['without an organization', [own('b'), own('c'), own('d')], own('a'), undefined],
  ['that are larger', [own('a', 'x', 1)], own('a', 'acme', 2), '2 active keys per key'],
])('checks objects %s', (_case, existing, added, expected) => {
  const check = () => assertWithinQuota(QUOTA, existing, added, 'Revoke unused keys');
  if (expected === undefined) expect(check).not.toThrow();
  else expect(check).toThrow(`The limit of ${expected} has been reached. Revoke unused keys`);
});
