import { z } from 'zod';
import { parseDuration } from '../../../core/format.ts';
import { getUrlError, isCidr } from '../outgoing-http/address-policy.ts';

/** One line without characters that end a header or can't be seen. */
export function lineSchema(most: number) {
  return z
    .string()
    .min(1)
    .max(most)
    .regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u, 'must be one line without control characters');
}

/** A file that holds a secret; the configuration itself never does. */
export const secretFileSchema = lineSchema(4096);

/** Unlike the usual pattern, an address with a line break is refused with its own words. */
export const emailAddressSchema = lineSchema(254).pipe(
  z.email('must be an address such as `ann@hotel.example`'),
);

export const phoneNumberSchema = z
  .string()
  .regex(/^\+[1-9]\d{6,14}$/, 'must be a number in E.164 form, such as `+4366412345678`');

export const durationSchema = z
  .string('must be a duration such as `30s`, `5m`, `6h` or `1d`')
  .transform((text, ctx) => {
    const ms = parseDuration(text);
    if (ms !== undefined && ms > 0 && ms <= 31 * 86_400_000) return ms;
    const message = 'must be a duration such as `30s`, `5m`, `6h` or `1d`, of 31 days at most';
    ctx.issues.push({ code: 'custom', message, input: text });
    return z.NEVER;
  });

const ALLOW_PRIVATE_ERROR = 'must be true, false or a list of networks such as `10.1.0.0/16`';

/** Which addresses are allowed, where the channel speaks HTTP. */
export const networkFields = {
  allowHttp: z.boolean().default(false),
  allowPrivate: z
    .union(
      [z.boolean(), z.array(z.string().refine(isCidr, ALLOW_PRIVATE_ERROR)).min(1)],
      ALLOW_PRIVATE_ERROR,
    )
    .default(false),
  /** Certificates (PEM) to trust instead of the system's. */
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

/** Refuses addresses that the same entry does not allow, at the field that names them. */
export function checkUrlsAllowed(entry: UrlConfig, ctx: z.core.$RefinementCtx<unknown>): void {
  const named: [string | undefined, (string | number)[]][] = [
    [entry.url, ['url']],
    ...(entry.urls ?? []).map((url, i) => [url, ['urls', i]] as [string, (string | number)[]]),
  ];
  for (const [text, path] of named) {
    const url = text !== undefined && URL.canParse(text) ? new URL(text) : undefined;
    const message = url && getUrlError(url, entry);
    if (message) ctx.addIssue({ code: 'custom', message, path });
  }
}
