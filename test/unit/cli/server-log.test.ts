import { afterEach, expect, it, vi } from 'vitest';
import { createServerLog } from '../../../src/cli/server-log.ts';

afterEach(() => vi.restoreAllMocks());

it('writes plain lines to a terminal, without control characters', async () => {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const log = await createServerLog(true);
  log.info('alert r INACTIVE => FIRING');
  log.warn('QuestDB is slow', { ms: 5 });
  log.error('bad \u001b[2J\nname');
  expect(write.mock.calls.map(([line]) => line)).toEqual([
    'perfscope: alert r INACTIVE => FIRING\n',
    'perfscope: warning: QuestDB is slow {"ms":5}\n',
    'perfscope: error: bad ·[2J·name\n',
  ]);
});
