import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { FakeQuestdb } from '../support/fake-questdb.ts';
import { HostProgramRunner } from '../support/host-program.ts';
import { waitFor } from '../support/wait-for.ts';

const runner = new HostProgramRunner();
afterAll(() => runner.remove());

it.concurrent.each(['--import', '--require'] as const)(
  'sends rows in a way that the application does not see, with %s',
  async (flag) => {
    const questdb = new FakeQuestdb();
    await questdb.start();
    const env = {
      PERFORMANCE_QUESTDB_URL: questdb.url,
      PERFORMANCE_QUESTDB_USER: 'writer',
      PERFORMANCE_QUESTDB_PASSWORD: 'secret',
      PERFORMANCE_FLUSH_INTERVAL: '100',
    };
    const stopFile = join(runner.folder, `stop${flag}`);
    const program = { args: ['own-requests.cjs', stopFile], env };
    const running = runner.runWithAgent(program, { flag, questdb: 'missing' });
    await waitFor(async () => questdb.lines.length > 0);
    writeFileSync(stopFile, '');
    expect(await running).toMatchObject({
      exit: 'code 0',
      stdout: 'requests seen: \n',
      stderr: '',
    });
    questdb.stop();
  },
);
