import { expect, it } from 'vitest';
import { createError } from '../../../src/core/perfscope-error.ts';

it('ends a reason that is a sentence with one full stop', () => {
  const reason = createError('PS_QUESTDB_UNREACHABLE', { url: 'http://db', reason: 'timeout' });
  const error = createError('PS_BACKUP_FAILED', { reason: reason.message });
  expect(error.message).toBe(
    'The backup failed: QuestDB at http://db is unreachable: timeout. Check that QuestDB is running. If PERFORMANCE_QUESTDB_URL is set, check the PERFORMANCE_QUESTDB_* settings. The incomplete backup was deleted. Fix the cause, then try again.',
  );
  expect(error.params).toEqual({ reason: reason.message });
});

it('keeps an ellipsis at the end of a reason', () => {
  expect(createError('PS_UNAVAILABLE', { reason: 'loading...' }).message).toContain('loading....');
});
