import { z } from 'zod';
import { network, secretFile } from '../fields.ts';

export const slackConfig = z.strictObject({
  kind: z.literal('slack'),
  /** Holds the incoming webhook's URL, which is a secret. */
  urlFile: secretFile,
  ...network,
});
