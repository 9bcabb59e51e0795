import { z } from 'zod';
import { noSuchKey, viewOf } from '../../access/key-record.ts';
import { expiryOf } from '../../access/key-request.ts';
import type { Actor } from '../../access/key-store.ts';
import type { Principal } from '../../access/principal.ts';
import { ACTS, mayGive, ROLES, type Role } from '../../access/roles.ts';
import { coded } from '../../errors.ts';
import { endpoint } from '../endpoint.ts';
import { refusal } from '../refusal.ts';

const name = z.string().min(1).max(512);
const body = z.strictObject({
  name: z.string().min(1).max(100),
  role: z.enum(ROLES),
  organizationId: name.optional(),
  properties: z.array(name).min(1).max(200).optional(),
  expires: z.string().max(40).optional().meta({
    description: 'as 90d, 12h, 4w, 1y, or a time in ISO 8601; without it the key does not expire',
  }),
});

const key = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    role: z.string(),
    author: z.string(),
    organizationId: z.string().nullable(),
    properties: z.array(z.string()).nullable(),
    state: z.enum(['active', 'expired', 'revoked']),
    createdAt: z.string(),
    expiresAt: z.string().nullable(),
    revokedAt: z.string().nullable(),
    key: z.string().optional().meta({ description: 'The key itself: only where it was just made' }),
  })
  .meta({ id: 'Key' });
const response = z.strictObject({ keys: z.array(key) }).meta({ id: 'Keys' });

export const keysEndpoint = endpoint({
  path: '/api/performance/keys',
  methods: ['get', 'post'],
  summary: 'Keys of the installation, or of the own organization; POST makes one and shows it once',
  permission: 'manageKeys',
  changes: true,
  body,
  query: z.strictObject({}),
  response,
  async handle({ parts, method, body: sent, principal, scope, address, nowMs }) {
    const { keys } = parts.access;
    if (method !== 'post') {
      return { keys: (await keys.list(scope)).map((each) => viewOf(each, nowMs)) };
    }
    const { expires, ...wanted } = body.parse(sent);
    const organizationId = wanted.organizationId ?? principal.organizationId;
    refuseForeign(principal, wanted.role, organizationId);
    const expiresAt = expires === undefined ? undefined : expiryOf(expires, nowMs);
    if (expires !== undefined && expiresAt === undefined) {
      throw refusal({ parameter: 'expires', reason: 'is no time', allowed: '90d or 2030-01-31' });
    }
    const request = { ...wanted, organizationId, expiresAt };
    const made = await keys.create(request, actorOf(principal, address));
    return { keys: [{ ...viewOf(made.key, nowMs), key: made.text }] };
  },
});

export const keyEndpoint = endpoint({
  path: '/api/performance/keys/:id',
  methods: ['delete'],
  summary: 'Revoke a key: it stops within five seconds on every server',
  operation: 'key',
  permission: 'manageKeys',
  params: z.strictObject({ id: z.string().min(1).max(200) }),
  query: z.strictObject({}),
  response,
  changes: true,
  async handle({ parts, params: { id = '' }, principal, scope, address, nowMs }) {
    const { keys } = parts.access;
    // A key of somebody else is not there, so that nobody learns which ids exist.
    const found = (await keys.list(scope)).find((each) => each.id === id);
    if (!found) throw noSuchKey(id);
    refuseForeign(principal, found.role, found.organizationId);
    return { keys: [viewOf(await keys.revoke(id, actorOf(principal, address)), nowMs)] };
  },
});

/** Nobody gives or takes more than is theirs. @throws PS_FORBIDDEN */
function refuseForeign(principal: Principal, role: Role, organizationId?: string): void {
  const { role: own, organizationId: ownOrganization } = principal;
  if (!mayGive(own, role)) throw coded('PS_FORBIDDEN', { role: own, act: `manage ${role} keys` });
  if (ownOrganization !== undefined && organizationId !== ownOrganization) {
    throw coded('PS_FORBIDDEN', { role: own, act: `${ACTS.manageKeys} of another organization` });
  }
}

function actorOf({ subject }: Principal, address: string | undefined): Actor {
  return { author: subject, address };
}
