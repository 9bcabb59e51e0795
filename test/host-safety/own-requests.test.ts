import { afterAll, expect, it } from 'vitest';
import { FakeQuestdb } from '../support/fake-questdb.ts';
import { HostProgramRunner } from '../support/host-program.ts';
import { waitFor } from '../support/wait-for.ts';

const runner = new HostProgramRunner();
afterAll(() => runner.remove());

it('sends rows in a way that the application does not see', async () => {
  const questdb = new FakeQuestdb();
  await questdb.start();
  const env = {
    PERFORMANCE_QUESTDB_URL: questdb.url,
    PERFORMANCE_QUESTDB_USER: 'writer',
    PERFORMANCE_QUESTDB_PASSWORD: 'secret',
    PERFORMANCE_FLUSH_INTERVAL: '100',
  };
  const { stdout } = await runner.expectSameBehavior({ args: ['own-requests.cjs'], env });
  expect(stdout).toBe('requests seen: \n');
  await waitFor(async () => questdb.lines.length > 0);
  questdb.stop();
});
