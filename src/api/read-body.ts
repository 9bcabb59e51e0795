import { z } from 'zod';
import { coded } from '../errors.ts';
import { refusal } from './refusal.ts';

/** Reads a JSON body as `schema` says. @throws PS_REQUEST_INVALID with all faults */
export function readBody(body: unknown, schema: z.ZodObject | undefined): unknown {
  if (!schema) return undefined;
  const parsed = schema.safeParse(body ?? {});
  if (parsed.success) return parsed.data;
  throw refusal(
    ...parsed.error.issues.map(({ path, message }) => ({
      parameter: path.join('.') || '(body)',
      reason: message,
    })),
  );
}

/** Reads what the path names. @throws PS_NOT_FOUND where nothing can have such a name */
export function readParams(
  params: Readonly<Record<string, unknown>>,
  schema: z.ZodObject = z.object({}),
): Record<string, string> {
  const parsed = schema.safeParse(params);
  if (parsed.success) return parsed.data as Record<string, string>;
  throw coded('PS_NOT_FOUND', { path: Object.values(params).join('/').slice(0, 100) });
}
