import { z } from 'zod';
import { network, secretFile } from '../fields.ts';

export const teamsConfig = z.strictObject({
  kind: z.literal('teams'),
  /** Holds the URL of a workflow that posts what it receives, which is a secret. */
  urlFile: secretFile,
  ...network,
});
