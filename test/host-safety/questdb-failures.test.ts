import { afterAll, it } from 'vitest';
import { FAKE_QUESTDB_BEHAVIORS } from '../support/fake-questdb.ts';
import { HostProgramRunner } from '../support/host-program.ts';

const runner = new HostProgramRunner();
afterAll(() => runner.remove());

it.concurrent.each(FAKE_QUESTDB_BEHAVIORS)(
  'ends as without the agent if the server at the address of QuestDB %s',
  async (questdb) => {
    const variants = (['--import', '--require'] as const).map((flag) => ({ flag, questdb }));
    // The agent loses no rows, except if the server rejects them.
    const losesRows = questdb === 'rejects each row';
    await runner.expectSameBehavior({ args: ['print.cjs', '500'], losesRows }, variants);
    await runner.expectSameBehavior({ args: ['exit.cjs', 'naturalEnd'], losesRows }, variants);
    await runner.expectSameBehavior({ args: ['exit.cjs', 'laterTimeout'], losesRows }, variants);
  },
);
