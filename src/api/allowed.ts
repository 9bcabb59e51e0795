import { z } from 'zod';

/** What a parameter may be, in words. */
export function allowedBy(schema: z.ZodType): string | undefined {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) {
    return schema.meta()?.description ?? allowedBy(schema.unwrap() as z.ZodType);
  }
  if (schema instanceof z.ZodEnum) return schema.options.join(', ');
  if (schema instanceof z.ZodArray) {
    const each = allowedBy(schema.element as z.ZodType);
    return each && `one or more of ${each}`;
  }
  return schema.meta()?.description;
}
