import { z } from 'zod';
import { createError } from '../../../core/errors.ts';
import { ROLES, type Role } from '../../../core/people.ts';
import { createKeyNotFoundError, parseExpiry, toKeyView } from '../../access/api-key-record.ts';
import type { Actor } from '../../access/api-key-store.ts';
import type { Principal } from '../../access/principal.ts';
import { canGrantRole, PERMISSION_LABELS } from '../../access/roles.ts';
import { defineEndpoint } from '../endpoint-definition.ts';
import { createRequestError } from '../problem-details.ts';

const tenantNameSchema = z.string().min(1).max(512);
const keyBodySchema = z.strictObject({
  name: z.string().min(1).max(100),
  role: z.enum(ROLES),
  organizationId: tenantNameSchema.optional(),
  properties: z.array(tenantNameSchema).min(1).max(200).optional(),
  expires: z.string().max(40).optional().meta({
    description: 'as 90d, 12h, 4w, 1y, or a time in ISO 8601; without it the key does not expire',
  }),
});

const keySchema = z
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
const keysResponseSchema = z.strictObject({ keys: z.array(keySchema) }).meta({ id: 'Keys' });

export const keysEndpoint = defineEndpoint({
  path: '/api/performance/keys',
  methods: ['get', 'post'],
  summary: 'Keys of the installation, or of the own organization; POST makes one and shows it once',
  permission: 'manageKeys',
  isMutating: true,
  body: keyBodySchema,
  query: z.strictObject({}),
  response: keysResponseSchema,
  async handle({ dependencies, method, body, principal, scope, address, nowMs }) {
    const { keys } = dependencies.access;
    if (method !== 'post') {
      return { keys: (await keys.list(scope)).map((each) => toKeyView(each, nowMs)) };
    }
    const { expires, ...wanted } = keyBodySchema.parse(body);
    const organizationId = wanted.organizationId ?? principal.organizationId;
    requireKeyAccess(principal, wanted.role, organizationId);
    const expiresAt = expires === undefined ? undefined : parseExpiry(expires, nowMs);
    if (expires !== undefined && expiresAt === undefined) {
      throw createRequestError({
        parameter: 'expires',
        reason: 'is no time',
        allowed: '90d or 2030-01-31',
      });
    }
    const request = { ...wanted, organizationId, expiresAt };
    const made = await keys.create(request, toActor(principal, address));
    return { keys: [{ ...toKeyView(made.key, nowMs), key: made.text }] };
  },
});

export const keyEndpoint = defineEndpoint({
  path: '/api/performance/keys/:id',
  methods: ['delete'],
  summary: 'Revoke a key: it stops within five seconds on every server',
  operation: 'key',
  permission: 'manageKeys',
  params: z.strictObject({ id: z.string().min(1).max(200) }),
  query: z.strictObject({}),
  response: keysResponseSchema,
  isMutating: true,
  async handle({ dependencies, params: { id = '' }, principal, scope, address, nowMs }) {
    const { keys } = dependencies.access;
    // A key of somebody else is not there, so that nobody learns which ids exist.
    const found = (await keys.list(scope)).find((each) => each.id === id);
    if (!found) throw createKeyNotFoundError(id);
    requireKeyAccess(principal, found.role, found.organizationId);
    return { keys: [toKeyView(await keys.revoke(id, toActor(principal, address)), nowMs)] };
  },
});

/** Nobody gives or takes more than is theirs. @throws PS_FORBIDDEN */
function requireKeyAccess(principal: Principal, role: Role, organizationId?: string): void {
  const { role: own, organizationId: ownOrganization } = principal;
  if (!canGrantRole(own, role))
    throw createError('PS_FORBIDDEN', { role: own, act: `manage ${role} keys` });
  if (ownOrganization !== undefined && organizationId !== ownOrganization) {
    throw createError('PS_FORBIDDEN', {
      role: own,
      act: `${PERMISSION_LABELS.manageKeys} of another organization`,
    });
  }
}

function toActor({ subject }: Principal, address: string | undefined): Actor {
  return { author: subject, address };
}
