import { z } from 'zod';
import { isLoopback } from '../../../config/loopback.ts';
import { line, mailAddress, secretFile } from '../fields.ts';

export const emailConfig = z
  .strictObject({
    kind: z.literal('email'),
    host: line(253),
    port: z.int().min(1).max(65_535).optional(),
    /**
     * `tls`: encrypted from the beginning (port 465); `starttls`: before anything is said (587);
     * `none`: never (25).
     */
    security: z.enum(['tls', 'starttls', 'none']).default('starttls'),
    user: line(200).optional(),
    passwordFile: secretFile.optional(),
    /** Certificates (PEM) to trust instead of the system's. */
    caFile: line(4096).optional(),
    from: mailAddress,
    fromName: line(100).default('Perfscope'),
    to: z.array(mailAddress).min(1).max(50).optional(),
  })
  .refine(({ user, passwordFile }) => (user === undefined) === (passwordFile === undefined), {
    error: '`user` and `passwordFile` go together',
    path: ['user'],
  })
  .refine(({ user, security, host }) => !user || security !== 'none' || isLoopback(host), {
    error: 'must be `tls` or `starttls`: a password is not sent unencrypted',
    path: ['security'],
  });

export type EmailConfig = z.output<typeof emailConfig>;
