import { afterAll, beforeAll, expect, it } from 'vitest';
import { CORE_VARIANTS, HostProgramRunner } from '../support/host-program.ts';
import { KafkaServer } from '../support/kafka-server.ts';
import { RabbitmqServer } from '../support/rabbitmq-server.ts';

const runner = new HostProgramRunner();
const rabbitmq = new RabbitmqServer();
const kafka = new KafkaServer();
const FOLDERS = { old: '.', new: 'queues-2' };
const KAFKA_SCENARIOS = { state: 'code 0', thrown: 'code 1', crash: 'code 0' };
const AMQP_SCENARIOS = {
  state: 'code 0',
  thrown: 'code 1',
  rejected: 'code 1',
  missing: 'code 0',
  exit: 'code 7',
};
const toTopic = (folder: string, scenario: string) => `safety-${folder}-${scenario}`;

beforeAll(async () => {
  await Promise.all([rabbitmq.start(), kafka.start()]);
  const topics = Object.keys(FOLDERS).flatMap((folder) =>
    Object.keys(KAFKA_SCENARIOS).map((scenario) => [toTopic(folder, scenario), 1]),
  );
  await kafka.createTopics(Object.fromEntries(topics));
});
afterAll(() => Promise.all([rabbitmq.remove(), kafka.remove(), runner.remove()]));

const variants = CORE_VARIANTS.filter(({ questdb }) => questdb === 'refuses').slice(0, 1);
const cases = Object.entries({ amqplib: AMQP_SCENARIOS, kafkajs: KAFKA_SCENARIOS }).flatMap(
  ([library, scenarios]) =>
    Object.keys(FOLDERS).flatMap((folder) =>
      Object.entries(scenarios).map(
        ([scenario, exit]) => [library, folder, scenario, exit] as const,
      ),
    ),
);

it.concurrent.each(cases)(
  'an application with %s (%s) behaves as without the agent: %s',
  async (library, folder, scenario, expected) => {
    const path = `${process.cwd()}/test/libraries/${FOLDERS[folder as keyof typeof FOLDERS]}`;
    const { exit } = await runner.expectSameBehavior(
      {
        args: ['brokers.cjs', library, scenario, path],
        env: {
          AMQP_URL: rabbitmq.url,
          KAFKA_BROKER: kafka.broker,
          TOPIC: toTopic(folder, scenario),
          KAFKAJS_NO_PARTITIONER_WARNING: '1',
          // kafkajs uses negative timeouts, and Node.js prints them.
          NODE_NO_WARNINGS: '1',
        },
      },
      variants,
    );
    expect(exit).toBe(expected);
  },
);
