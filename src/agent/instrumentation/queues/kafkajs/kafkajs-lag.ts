import type { Meter, ObservableResult } from '@opentelemetry/api';
import { withTimeout } from '../../../../core/concurrency.ts';
import { guard } from '../../../../core/guard.ts';
import type { QueueReading, QueueSource } from '../queue-gauges.ts';
import { toQueueTemplate } from '../queue-name-template.ts';
import {
  formatKafkaScope,
  type KafkaConsumerGroup,
  type KafkaRunner,
  type TopicOffsets,
} from './kafkajs-cluster.ts';

/** What fails, for {@link guard}. */
const PART = 'the lag of Kafka consumers';

/** A read is up to three requests, so the brokers are asked at most this often. */
const MIN_INTERVAL_MS = 10_000;
/** On a connection with a pending fetch, the broker responds later. Then the next collection has the values. */
const RESPONSE_TIMEOUT_MS = 1500;
/** Maximum number of topics and partitions of a consumer group whose lag is read. */
const MAX_TOPICS = 100;
const MAX_PARTITIONS = 500;

/** Lag of one partition, in messages. */
interface PartitionLag {
  readonly topic: string;
  readonly partition: number;
  readonly lag: number;
}

interface GroupLag {
  readMs: number;
  refresh: Promise<void> | undefined;
  readings: readonly QueueReading[];
  partitions: readonly PartitionLag[];
}

/**
 * Reads the lag of consumer groups with the connections of the consumer. It is the difference between the newest offsets
 * of the topics and the committed offsets of the group. Therefore, the lag of a consumer that is stuck grows.
 */
export class KafkaLag implements QueueSource<KafkaRunner> {
  readonly system = 'kafka';
  readonly #groups = new Map<string, GroupLag>();
  readonly #getOldestMs: (runner: KafkaRunner, topic: string) => number | undefined;

  /** @param getOldestMs returns when the oldest message in progress of a topic was sent, in ms since the epoch */
  constructor(
    meter: Meter,
    getOldestMs: (runner: KafkaRunner, topic: string) => number | undefined,
  ) {
    this.#getOldestMs = getOldestMs;
    const gauge = meter.createObservableGauge('messaging.kafka.consumer.lag', {
      unit: '{message}',
      description: 'Messages of a partition that a consumer group has not processed.',
    });
    gauge.addCallback(guard(PART, (result: ObservableResult) => this.#observe(result)));
  }

  isOpen({ running }: KafkaRunner): boolean {
    return running === true;
  }

  forget(key: string): void {
    this.#groups.delete(key);
  }

  async read(runner: KafkaRunner, key: string): Promise<readonly QueueReading[]> {
    let group = this.#groups.get(key);
    if (group === undefined) {
      const readMs = Number.NEGATIVE_INFINITY;
      group = { readMs, refresh: undefined, readings: [], partitions: [] };
      this.#groups.set(key, group);
    }
    const nowMs = performance.now();
    if (group.refresh === undefined && nowMs - group.readMs >= MIN_INTERVAL_MS) {
      group.readMs = nowMs;
      group.refresh = this.#refresh(runner, group);
    }
    if (group.refresh !== undefined) {
      await withTimeout(RESPONSE_TIMEOUT_MS, group.refresh, () => {}, { keepAlive: false });
    }
    return group.readings;
  }

  /** Never rejects. If the brokers can't respond, the last values are kept. */
  async #refresh(runner: KafkaRunner, group: GroupLag): Promise<void> {
    try {
      const { consumerGroup } = runner;
      const partitions = await readPartitionLags(consumerGroup);
      if (partitions === undefined) return;
      const workers = await countMembers(consumerGroup);
      group.partitions = partitions;
      group.readings = this.#toReadings(runner, partitions, workers);
    } catch {
      // The group is rebalancing, or a broker is unreachable.
    } finally {
      group.refresh = undefined;
    }
  }

  #toReadings(
    runner: KafkaRunner,
    partitions: readonly PartitionLag[],
    workers: number | undefined,
  ): QueueReading[] {
    const scope = formatKafkaScope(runner.consumerGroup);
    return [...Map.groupBy(partitions, ({ topic }) => topic)].map(([name, lags]) => {
      const waiting = lags.reduce((sum, { lag }) => sum + lag, 0);
      const oldestMs = this.#getOldestMs(runner, name);
      const ageMs = oldestMs === undefined ? undefined : Math.max(0, Date.now() - oldestMs);
      const oldestAgeSeconds = waiting === 0 ? 0 : ageMs && ageMs / 1000;
      return { name, scope, counts: new Map([['waiting', waiting]]), oldestAgeSeconds, workers };
    });
  }

  #observe(result: ObservableResult): void {
    for (const [key, { partitions }] of this.#groups) {
      const group = key.slice(0, key.lastIndexOf('@'));
      for (const { topic, partition, lag } of partitions) {
        result.observe(lag, {
          'messaging.system': 'kafka',
          'messaging.destination.name': topic,
          'messaging.consumer.group.name': group,
          'messaging.destination.partition.id': String(partition),
        });
      }
    }
  }
}

/** Reads the lag of each partition. Returns undefined if the consumer isn't connected. */
async function readPartitionLags(group: KafkaConsumerGroup): Promise<PartitionLag[] | undefined> {
  const { cluster, coordinator, groupId, topicsSubscribed = [] } = group;
  if (!cluster.isConnected() || !coordinator?.isConnected()) return undefined;
  let left = MAX_PARTITIONS;
  const topics = topicsSubscribed
    // The lag of topics whose names contain IDs isn't recorded.
    .filter((topic) => toQueueTemplate(topic) === topic)
    .slice(0, MAX_TOPICS)
    .flatMap((topic) => {
      const metadata = cluster.findTopicPartitionMetadata(topic).slice(0, left);
      left -= metadata.length;
      const partitions = metadata.map(({ partitionId: partition }) => ({ partition }));
      return partitions.length > 0 ? [{ topic, partitions }] : [];
    });
  if (topics.length === 0) return [];
  const [newest, committed] = await Promise.all([
    cluster.fetchTopicsOffset(topics.map((each) => ({ ...each, fromBeginning: false }))),
    coordinator.offsetFetch({ groupId, topics }),
  ]);
  const committedOffsets = indexOffsets(committed.responses);
  return newest.flatMap(({ topic, partitions }) =>
    partitions.flatMap(({ partition, offset }) => {
      const own = Number(group.offsetManager?.resolvedOffsets?.[topic]?.[partition] ?? -1);
      const next = Math.max(own, committedOffsets.get(`${topic}\n${partition}`) ?? -1);
      // A group without a position has no lag yet.
      return next < 0 ? [] : { topic, partition, lag: Math.max(0, Number(offset) - next) };
    }),
  );
}

function indexOffsets(topics: readonly TopicOffsets[]): Map<string, number> {
  return new Map(
    topics.flatMap(({ topic, partitions }) =>
      partitions.map(
        ({ partition, offset }) => [`${topic}\n${partition}`, Number(offset)] as const,
      ),
    ),
  );
}

/** Returns the number of consumers of a group, in all processes. */
async function countMembers({
  coordinator,
  groupId,
}: KafkaConsumerGroup): Promise<number | undefined> {
  const described = await coordinator?.describeGroups({ groupIds: [groupId] });
  return described?.groups[0]?.members?.length;
}
