import { z } from 'zod';
import { createError } from '../../../core/perfscope-error.ts';
import { ROLES, type Role } from '../../../core/person-and-roles.ts';
import { createKeyNotFoundError, parseExpiry, toKeyView } from '../../access/api-key-record.ts';
import type { Actor } from '../../access/api-key-store.ts';
import { formatFirstKeyNotice } from '../../access/check-credentials.ts';
import { canGrantRole, formatRolesThatGrant, PERMISSION_LABELS } from '../../access/permissions.ts';
import type { Principal } from '../../access/principal.ts';
import { defineEndpoint } from '../endpoint-definition.ts';
import { createRequestError } from '../problem-details.ts';

const tenantNameSchema = z.string().min(1).max(512);
const keyBodySchema = z.strictObject({
  name: z.string().min(1).max(100),
  role: z.enum(ROLES),
  organizationId: tenantNameSchema.optional(),
  properties: z.array(tenantNameSchema).min(1).max(200).optional(),
  expires: z.string().max(40).optional().meta({
    description:
      'A duration such as 90d, 12h, 4w, or 1y, or an ISO 8601 time. Default: the key does not expire.',
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
    key: z.string().optional().meta({
      description: 'The API key. Returned only when the key is created.',
    }),
  })
  .meta({ id: 'Key' });
const keysResponseSchema = z.strictObject({ keys: z.array(keySchema) }).meta({ id: 'Keys' });

export const keysEndpoint = defineEndpoint({
  path: '/api/performance/keys',
  methods: ['get', 'post'],
  summary: "Lists the API keys of the installation, or of the caller's organization.",
  postSummary: "Creates an API key, and returns it. No other response contains the key's text.",
  permission: 'manageKeys',
  isMutating: true,
  body: keyBodySchema,
  query: z.strictObject({}),
  response: keysResponseSchema,
  async handle({ dependencies, method, body, principal, scope, address, nowMs }) {
    const { keys } = dependencies.access;
    if (method !== 'post') {
      return { keys: (await keys.list(scope)).map((key) => toKeyView(key, nowMs)) };
    }
    const { expires, ...properties } = keyBodySchema.parse(body);
    const organizationId = properties.organizationId ?? principal.organizationId;
    requireKeyAccess(principal, properties.role, organizationId);
    const expiresAt = expires === undefined ? undefined : parseExpiry(expires, nowMs);
    if (expires !== undefined && expiresAt === undefined) {
      throw createRequestError({
        parameter: 'expires',
        reason: 'is not a valid duration or time',
        allowed: 'a value such as 90d or 2030-01-31',
      });
    }
    const request = { ...properties, organizationId, expiresAt };
    const isFirst = keys.hasAnyKey === false;
    const { key, text } = await keys.create(request, toActor(principal, address));
    if (isFirst) for (const line of formatFirstKeyNotice(key.role)) dependencies.log.warn(line);
    return { keys: [{ ...toKeyView(key, nowMs), key: text }] };
  },
});

export const keyEndpoint = defineEndpoint({
  path: '/api/performance/keys/:id',
  methods: ['delete'],
  summary: 'Revokes an API key. Every server rejects the key within 5 s.',
  operation: 'key',
  permission: 'manageKeys',
  params: z.strictObject({ id: z.string().min(1).max(200) }),
  query: z.strictObject({}),
  response: keysResponseSchema,
  isMutating: true,
  async handle({ dependencies, params: { id = '' }, principal, scope, address, nowMs }) {
    const { keys } = dependencies.access;
    // Other organizations' keys cause the same error as unknown keys, so callers can't learn which
    // IDs exist.
    const key = (await keys.list(scope)).find((key) => key.id === id);
    if (!key) throw createKeyNotFoundError(id);
    requireKeyAccess(principal, key.role, key.organizationId);
    return { keys: [toKeyView(await keys.revoke(id, toActor(principal, address)), nowMs)] };
  },
});

/** Checks that the caller can create or revoke a key with these properties. @throws PS_FORBIDDEN */
function requireKeyAccess(principal: Principal, keyRole: Role, organizationId?: string): void {
  const { role, organizationId: ownOrganization, scope } = principal;
  if (!canGrantRole(role, keyRole)) {
    throw createError('PS_FORBIDDEN', {
      role,
      action: `manage ${keyRole} keys`,
      allowedRoles: formatRolesThatGrant(keyRole),
    });
  }
  if (scope.organizations !== 'all' && organizationId !== ownOrganization) {
    throw createError('PS_FORBIDDEN', {
      role,
      action: `${PERMISSION_LABELS.manageKeys} of another organization`,
      allowedRoles: 'ADMIN',
    });
  }
}

function toActor({ subject, organizationId }: Principal, address: string | undefined): Actor {
  return { author: subject, address, organizationId };
}
