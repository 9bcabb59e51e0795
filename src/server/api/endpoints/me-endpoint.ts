import { z } from 'zod';
import { VERSION } from '../../../core/version.ts';
import {
  isKeyRequired,
  listPermissions,
  PERMISSION_LABELS,
  type Permission,
} from '../../access/permissions.ts';
import type { Principal } from '../../access/principal.ts';
import { defineEndpoint, type EndpointDependencies } from '../endpoint-definition.ts';
import * as schemas from '../schemas/response-schemas.ts';

const AUTHENTICATIONS = ['none', 'key', 'token', 'local'] as const;
const permissionSchema = z.enum(Object.keys(PERMISSION_LABELS) as [Permission, ...Permission[]]);

export const meEndpoint = defineEndpoint({
  path: '/api/performance/me',
  methods: ['get'],
  summary: 'Returns the identity and permissions of the caller, and settings of the server.',
  permission: 'read',
  query: z.strictObject({}),
  response: z
    .strictObject({
      name: z.string().meta({ description: 'Name of the API key, or subject of the token.' }),
      role: z.string(),
      organizationId: schemas.optionalTextSchema,
      properties: z.array(z.string()).optional().meta({
        description: 'Properties that the caller can see. Missing if there is no limit.',
      }),
      authentication: z.enum(AUTHENTICATIONS).meta({
        description: 'Credential of the request. `local` is the token of a local command.',
      }),
      permissions: z.array(permissionSchema),
      keyRequiredFor: z.array(permissionSchema).meta({
        description: 'Permissions whose changes need a key that the caller does not have.',
      }),
      keyRequired: z.boolean().meta({
        description: 'Whether the server rejects requests without a key or token.',
      }),
      version: z.string().meta({ description: 'Version of the server.' }),
      timeZone: z.string().meta({ description: 'Default time zone of the server.' }),
      retentionDays: z.number().meta({
        description: 'Number of days for which individual rows are stored.',
      }),
      now: schemas.timeSchema.meta({ description: 'Time of the server.' }),
    })
    .meta({ id: 'Me' }),
  async handle({ principal, dependencies, nowMs }) {
    const { role, organizationId, properties, isKeyless } = principal;
    const permissions = listPermissions(role);
    // A direct request without credentials has the most permissive origin.
    const keyless = await dependencies.access.authenticate({ indirectReason: undefined });
    return {
      ...describeCaller(principal, dependencies),
      role,
      organizationId,
      properties,
      permissions,
      keyRequiredFor: isKeyless ? permissions.filter(isKeyRequired) : [],
      keyRequired: !('principal' in keyless),
      version: VERSION,
      timeZone: dependencies.zone,
      retentionDays: dependencies.retentionDays,
      now: new Date(nowMs),
    };
  },
});

function describeCaller({ subject, isKeyless }: Principal, { access }: EndpointDependencies) {
  if (isKeyless) return { name: 'no key', authentication: 'none' } as const;
  const [, kind, id = subject] = /^(key|token):(.*)$/s.exec(subject) ?? [];
  if (kind === 'key') {
    return { name: access.keys.findById(id)?.name ?? id, authentication: 'key' } as const;
  }
  if (kind === 'token') return { name: id, authentication: 'token' } as const;
  return { name: 'local user', authentication: 'local' } as const;
}
