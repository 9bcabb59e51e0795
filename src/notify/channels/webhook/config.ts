import { z } from 'zod';
import { checkUrls, network, secretFile, webUrl } from '../fields.ts';

export const webhookConfig = z
  .strictObject({
    kind: z.literal('webhook'),
    url: webUrl.optional(),
    /** Instead of `url`, where the address itself is a secret. */
    urlFile: secretFile.optional(),
    /** What messages are signed with. */
    secretFile,
    ...network,
  })
  .refine(({ url, urlFile }) => (url === undefined) !== (urlFile === undefined), {
    error: 'needs either `url` or `urlFile`',
    path: ['url'],
  })
  .superRefine(checkUrls);
