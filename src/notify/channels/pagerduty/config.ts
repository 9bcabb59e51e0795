import { z } from 'zod';
import { checkUrls, network, secretFile, webUrl } from '../fields.ts';

export const pagerdutyConfig = z
  .strictObject({
    kind: z.literal('pagerduty'),
    /** Holds the integration key (32 characters) of a service's Events API v2. */
    routingKeyFile: secretFile,
    /** `https://events.eu.pagerduty.com/v2/enqueue` for accounts of the EU's region. */
    url: webUrl.default('https://events.pagerduty.com/v2/enqueue'),
    ...network,
  })
  .superRefine(checkUrls);
