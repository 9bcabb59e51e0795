import { z } from 'zod';
import { duration, labelName } from '../../entries/fields.ts';

/** What a file says beside its lists of named things. Later files come before earlier ones. */
export const fileEntry = z.strictObject({
  interval: duration.optional(),
  notifications: z
    .strictObject({
      groupBy: z.array(labelName).optional(),
      groupWait: duration.optional(),
      groupInterval: duration.optional(),
      repeatInterval: duration.optional(),
    })
    .optional(),
  flapping: z
    .strictObject({ transitions: z.int().min(3).optional(), window: duration.optional() })
    .optional(),
  rules: z.array(z.unknown()).optional(),
  inhibit: z.array(z.unknown()).optional(),
  maintenance: z.array(z.unknown()).optional(),
});
export type FileEntry = z.output<typeof fileEntry>;
