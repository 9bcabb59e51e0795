import { z } from 'zod';
import { parseDuration } from '../schema/duration.ts';

/** A name that appears in lists, labels and addresses. */
export const name = z
  .string()
  .regex(/^[A-Za-z0-9][\w.-]{0,99}$/, 'must be a name of letters, digits, `-`, `_` and `.`');

/** A duration's text, as ms. */
export const duration = z
  .string('must be a duration such as `30s`, `5m`, `1h` or `1d`')
  .transform((text, ctx) => {
    const ms = parseDuration(text);
    if (ms !== undefined && ms <= 366 * 86_400_000) return ms;
    const message = `must be a duration such as \`30s\`, \`5m\`, \`1h\` or \`1d\`, not \`${text.slice(0, 50)}\``;
    ctx.issues.push({ code: 'custom', message, input: text });
    return z.NEVER;
  });

/** Prometheus' label names (https://prometheus.io/docs/concepts/data_model/). */
export const labelName = z
  .string()
  .regex(/^[a-zA-Z_]\w{0,99}$/, 'must be a label name of letters, digits and `_`');

export const labels = z.record(labelName, z.string().max(512));

/** A moment with its offset from UTC, as ms since the epoch. */
export const moment = z
  .union([z.iso.datetime({ offset: true }), z.date()], {
    error: 'must be a time such as `2026-11-01T22:00:00Z`',
  })
  .transform((text) => new Date(text).getTime());
