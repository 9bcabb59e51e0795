import { afterAll, expect, it } from 'vitest';
import { CORE_VARIANTS, HostProgramRunner } from '../support/host-program.ts';

const runner = new HostProgramRunner();
afterAll(() => runner.remove());

const variants = CORE_VARIANTS.filter(({ questdb }) => questdb === 'refuses').slice(0, 1);
/** Frames of the agent aren't compared, but they count for the limit of a stack. */
const MORE_FRAMES = ['--stack-trace-limit=100'];
/** Each scenario with the exit code in the oldest and the newest versions. */
const SCENARIOS: readonly (readonly [scenario: string, oldest: number, newest: number])[] = [
  ['grpc-state', 0, 0],
  ['grpc-rejection', 1, 1],
  ['grpc-throw', 1, 0],
  ['ws-state', 0, 0],
  ['ws-throw', 1, 1],
  ['ws-rejection', 1, 1],
  ['ws-error', 1, 1],
  ['socket-io-state', 0, 0],
  ['socket-io-throw', 1, 1],
  ['socket-io-rejection', 1, 1],
];

it.concurrent.each(
  SCENARIOS.flatMap(([scenario, oldest, newest]) => [
    [scenario, 'servers-1', oldest] as const,
    [scenario, 'servers-2', newest] as const,
  ]),
)('an application behaves as without the agent: %s in %s', async (scenario, folder, code) => {
  const args = ['rpc.cjs', scenario, `${process.cwd()}/test/libraries/${folder}`];
  const program = { args, flags: MORE_FRAMES };
  const { exit } = await runner.expectSameBehavior(program, variants);
  expect(exit).toBe(`code ${code}`);
});
