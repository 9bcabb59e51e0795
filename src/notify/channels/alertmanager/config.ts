import { z } from 'zod';
import { checkUrls, duration, line, network, secretFile, webUrl } from '../fields.ts';

export const alertmanagerConfig = z
  .strictObject({
    kind: z.literal('alertmanager'),
    /** Every member of one cluster: all of them are told, and they agree on who tells people. */
    urls: z.array(webUrl).min(1).max(10),
    user: line(200).optional(),
    passwordFile: secretFile.optional(),
    /** Bearer token, instead of user and password. */
    tokenFile: secretFile.optional(),
    /**
     * After how long without another message a firing alert counts as over. It must be longer than
     * the interval in which messages are repeated.
     */
    endsAfter: duration.default(21_600_000),
    ...network,
  })
  .refine(({ user, passwordFile }) => (user === undefined) === (passwordFile === undefined), {
    error: '`user` and `passwordFile` go together',
    path: ['user'],
  })
  .refine(({ user, tokenFile }) => user === undefined || tokenFile === undefined, {
    error: 'excludes `user` and `passwordFile`',
    path: ['tokenFile'],
  })
  .superRefine(checkUrls);
