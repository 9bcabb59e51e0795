import { z } from 'zod';
import { DAY_MS, parseDuration } from '../../../core/duration.ts';
import { getUrlError, isCidr } from '../outgoing-http/address-policy.ts';

/** One line of text without invisible characters or characters that could end a header. */
export function lineSchema(maxLength: number) {
  return z
    .string()
    .min(1)
    .max(maxLength)
    .regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u, 'must be one line without control characters');
}

/** Path of a file that contains a secret. The configuration itself never contains secrets. */
export const secretFileSchema = lineSchema(4096);

/** Checks the line first, so that an address with a line break gets the more specific error. */
export const emailAddressSchema = lineSchema(254).pipe(
  z.email('must be an address such as `ann@hotel.example`'),
);

export const phoneNumberSchema = z
  .string()
  .regex(/^\+[1-9]\d{6,14}$/, 'must be a number in E.164 format, such as `+4366412345678`');

export const durationSchema = z
  .string('must be a duration such as `30s`, `5m`, `6h`, or `1d`')
  .transform((text, ctx) => {
    const ms = parseDuration(text);
    if (ms !== undefined && ms > 0 && ms <= 31 * DAY_MS) return ms;
    const message = 'must be a duration such as `30s`, `5m`, `6h`, or `1d`, up to 31 days';
    ctx.issues.push({ code: 'custom', message, input: text });
    return z.NEVER;
  });

const ALLOW_PRIVATE_ERROR = 'must be true, false or a list of networks such as `10.1.0.0/16`';

/** Network settings of every channel that uses HTTP. */
export const networkFields = {
  allowHttp: z.boolean().default(false),
  allowPrivate: z
    .union(
      [z.boolean(), z.array(z.string().refine(isCidr, ALLOW_PRIVATE_ERROR)).min(1)],
      ALLOW_PRIVATE_ERROR,
    )
    .default(false),
  /** PEM certificates to trust instead of the system's certificates. */
  caFile: lineSchema(4096).optional(),
};

export const httpUrlSchema = lineSchema(2000).refine(
  (text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol),
  'must be a URL that begins with https:// or http://',
);

interface UrlConfig {
  readonly url?: string | undefined;
  readonly urls?: readonly string[] | undefined;
  readonly allowHttp: boolean;
  readonly allowPrivate: boolean | string[];
}

/** Reports each URL of a channel that the channel's own network settings don't allow. */
export function checkUrlsAllowed(config: UrlConfig, ctx: z.core.$RefinementCtx<unknown>): void {
  const urls: [string | undefined, (string | number)[]][] = [
    [config.url, ['url']],
    ...(config.urls ?? []).map((url, i) => [url, ['urls', i]] as [string, (string | number)[]]),
  ];
  for (const [text, path] of urls) {
    const url = text !== undefined && URL.canParse(text) ? new URL(text) : undefined;
    const message = url && getUrlError(url, config);
    if (message) ctx.addIssue({ code: 'custom', message, path });
  }
}
