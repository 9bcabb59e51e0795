import { z } from 'zod';
import { grantProblem } from '../../access/principal.ts';
import { ROLES } from '../../access/roles.ts';
import { name } from '../../entries/fields.ts';

const tenant = z.string().min(1).max(512);
/** No spaces and no line breaks: they would begin another header of a mail. */
const email = z
  .string()
  .max(254)
  .regex(/^[^\s@<>",;:]+@[^\s@<>",;:]+$/, 'must be an address such as `anna@hotel.example`');
/** https://www.itu.int/rec/T-REC-E.164 */
const phone = z.string().regex(/^\+[1-9]\d{5,14}$/, 'must be a number such as `+43123456789`');
/** As `key:…`, `token:…` or `local`. */
const user = z.string().regex(/^[^\p{C}\s]{1,256}$/u, 'must be a subject such as `token:anna`');

/** One person of a file, or of the application's function. */
export const personEntry = z
  .strictObject({
    ...{ name, role: z.enum(ROLES), organization: tenant.optional() },
    properties: z.array(tenant).min(1).max(200).optional(),
    ...{ email: email.optional(), phone: phone.optional(), user: user.optional() },
  })
  .check((ctx) => {
    const { role, organization: organizationId, properties } = ctx.value;
    const problem = grantProblem({ role, organizationId, properties });
    if (problem === undefined) return;
    const message = `must make sense: ${problem}`;
    ctx.issues.push({ code: 'custom', message, input: ctx.value, path: ['role'] });
  });
