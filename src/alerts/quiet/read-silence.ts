import { z } from 'zod';
import { coded } from '../../errors.ts';
import { type SilenceEntry, silenceEntry } from './silence-rows.ts';

/** Reads what somebody asks for. @throws PS_REQUEST_INVALID with each problem */
export function readSilence(entry: object): SilenceEntry {
  const parsed = silenceEntry.safeParse(entry);
  if (parsed.success) return parsed.data;
  throw coded('PS_REQUEST_INVALID', { reason: z.prettifyError(parsed.error) });
}
