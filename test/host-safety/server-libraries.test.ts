import { afterAll, expect, it } from 'vitest';
import { CORE_VARIANTS, HostProgramRunner } from '../support/host-program.ts';

const runner = new HostProgramRunner();
afterAll(() => runner.remove());

const LIBRARIES = ['hapi', 'h3', 'trpc', 'graphql'];
const FOLDERS = ['servers-1', 'servers-2'];
const SCENARIOS = ['uncaught', 'unhandled', 'state'];
const variants = CORE_VARIANTS.filter(({ questdb }) => questdb === 'refuses').slice(0, 1);

it.concurrent.each(
  LIBRARIES.flatMap((library, i) =>
    SCENARIOS.flatMap((scenario, j) =>
      FOLDERS.map((folder, k) => ({ library, scenario, folder, isInCi: (i + j + k) % 2 === 0 })),
    ),
  ).filter(({ isInCi, scenario }) => isInCi || scenario === 'state'),
)(
  'a server with $library of $folder behaves as without the agent: $scenario',
  async ({ library, scenario, folder }) => {
    const path = `${process.cwd()}/test/libraries/${folder}`;
    const args = ['server-libraries.cjs', library, scenario, path];
    const { exit } = await runner.expectSameBehavior({ args }, variants);
    expect(exit).toBe(scenario === 'state' ? 'code 0' : 'code 1');
  },
);
