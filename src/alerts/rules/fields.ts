import { z } from 'zod';
import { DIMENSIONS } from '../../windows/dimensions.ts';

export const dimension = z.enum(DIMENSIONS);

/** A page of the reader's own, or a section of `docs/alerts.md`. */
export const runbook = z
  .string()
  .refine((text) => /^#[\w-]+$/.test(text) || (URL.canParse(text) && /^https?:/.test(text)), {
    error: 'must be a link that begins with http:// or https://, or a `#section` of docs/alerts.md',
  });
