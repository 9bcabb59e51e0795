import { afterAll, beforeAll, expect, it } from 'vitest';
import { type HostProgram, HostProgramRunner } from '../support/host-program.ts';
import { OTLP_BEHAVIORS, type OtlpBehavior, OtlpReceiver } from '../support/otlp-receiver.ts';

const runner = new HostProgramRunner();
const behaviors = Object.keys(OTLP_BEHAVIORS) as OtlpBehavior[];
const receivers = new Map(behaviors.map((each) => [each, new OtlpReceiver(each)]));
beforeAll(async () => {
  await Promise.all([...receivers.values()].map((receiver) => receiver.start()));
});
afterAll(() => {
  for (const receiver of receivers.values()) receiver.stop();
  runner.remove();
});

const TERM: HostProgram['signals'] = [['SIGTERM', 'up']];
const PROGRAMS: readonly HostProgram[] = [
  { args: ['print.cjs', '500'] },
  { args: ['exit.cjs', 'naturalEnd'] },
  { args: ['exit.cjs', 'laterTimeout'] },
  { args: ['exit.cjs', 'throwsLater'] },
  { args: ['signals.cjs', 'noListener', 'SIGTERM'], signals: TERM },
  { args: ['signals.cjs', 'closesServer', 'SIGTERM'], signals: TERM },
];

it.concurrent.each(['refuses', ...behaviors] as const)(
  'ends as without the agent if the OTLP endpoint %s',
  async (behavior) => {
    const url = receivers.get(behavior as OtlpBehavior)?.url ?? 'http://127.0.0.1:1';
    // Values are lost, unless the endpoint accepts them.
    const losesRows = behavior !== 'answers';
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: url,
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
      OTEL_METRIC_EXPORT_INTERVAL: '100',
      // On a busy machine, sending the last values can take longer than the default.
      ...(!losesRows && { PERFORMANCE_EXIT_TIMEOUT: '10000' }),
    };
    const variants = [{ flag: '--import', questdb: 'missing' }] as const;
    for (const program of PROGRAMS) {
      await runner.expectSameBehavior({ ...program, env, losesRows }, variants);
    }
  },
);

it.concurrent('sends the last values before the process ends', async () => {
  const receiver = await new OtlpReceiver().start();
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_METRIC_EXPORT_INTERVAL: '3600000',
    OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'delta',
    PERFORMANCE_EXIT_TIMEOUT: '10000',
  };
  const program = { args: ['measurements.cjs', 'naturalEnd', ''], env };
  const run = await runner.runWithAgent(program, { flag: '--import', questdb: 'missing' });
  receiver.stop();
  expect(run).toMatchObject({ exit: 'code 0', stderr: '' });
  expect(receiver.getPoints('guests')).toMatchObject([{ value: 4 }]);
});
