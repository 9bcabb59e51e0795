import { z } from 'zod';
import { grantProblem } from '../../access/principal.ts';
import { ROLES } from '../../access/roles.ts';
import { name } from '../../entries/fields.ts';
import { mailAddress, phoneNumber } from '../channels/fields.ts';

const tenant = z.string().min(1).max(512);
/** As `key:…`, `token:…` or `local`. */
const user = z.string().regex(/^[^\p{C}\s]{1,256}$/u, 'must be a subject such as `token:anna`');

/**
 * One person, wherever she comes from. Her addresses are those that channels take: nothing in them
 * begins another header of a mail.
 */
export const personEntry = z
  .strictObject({
    name,
    role: z.enum(ROLES),
    organization: tenant.optional(),
    properties: z.array(tenant).min(1).max(200).optional(),
    email: mailAddress.optional(),
    phone: phoneNumber.optional(),
    user: user.optional(),
  })
  .check((ctx) => {
    const { role, organization: organizationId, properties } = ctx.value;
    const problem = grantProblem({ role, organizationId, properties });
    if (problem === undefined) return;
    const message = `must make sense: ${problem}`;
    ctx.issues.push({ code: 'custom', message, input: ctx.value, path: ['role'] });
  });
