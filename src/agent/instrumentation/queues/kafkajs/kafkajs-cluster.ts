import { ExistingObject } from '../../loading/hidden-property.ts';

const LOOPBACK = /^(?:localhost|\[?::1\]?)(?=:|$)/;

/** The parts of kafkajs' consumer that are used. Both supported major versions have them. */
export interface KafkaRunner {
  running?: boolean;
  eachBatchAutoResolve?: boolean;
  eachMessage?: unknown;
  eachBatch?: unknown;
  readonly consumerGroup: KafkaConsumerGroup;
}

export interface KafkaConsumerGroup {
  readonly groupId: string;
  readonly cluster: KafkaCluster;
  readonly topicsSubscribed?: readonly string[];
  readonly coordinator?: KafkaBroker | null;
  readonly offsetManager?: {
    readonly resolvedOffsets?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  } | null;
}

export interface KafkaCluster {
  /** Version 2. */
  readonly connectionPoolBuilder?: object;
  /** Version 1. */
  readonly connectionBuilder?: object;
  isConnected(): boolean;
  findTopicPartitionMetadata(topic: string): readonly { readonly partitionId: number }[];
  fetchTopicsOffset(topics: readonly object[]): Promise<readonly TopicOffsets[]>;
}

interface KafkaBroker {
  isConnected(): boolean;
  offsetFetch(request: object): Promise<{ readonly responses: readonly TopicOffsets[] }>;
  describeGroups(request: object): Promise<{
    readonly groups: readonly { readonly members?: readonly unknown[] }[];
  }>;
}

export interface TopicOffsets {
  readonly topic: string;
  readonly partitions: readonly { readonly partition: number; readonly offset: string }[];
}

/** Stores the brokers of a cluster on its builder of connections. */
export class BrokersField extends ExistingObject {
  #broker: string | undefined;

  private constructor(builder: object, broker: string | undefined) {
    super(builder);
    this.#broker = broker;
  }

  /** Returns the first broker in alphabetical order, or undefined if it is unknown. */
  static get({ connectionPoolBuilder, connectionBuilder }: KafkaCluster): string | undefined {
    const builder = connectionPoolBuilder ?? connectionBuilder;
    return builder && #broker in builder ? builder.#broker : undefined;
  }

  /** @param brokers the option of the application: an array, or a function */
  static set(builder: object, brokers: unknown): void {
    const addresses = Array.isArray(brokers) ? brokers.map(formatBroker).sort() : [];
    if (!(#broker in builder)) new BrokersField(builder, addresses[0]);
  }
}

/**
 * Returns the scope of the topics of a consumer group: `<group>@<broker>/`. Each group has its own backlog of a topic. The
 * broker is the first one in alphabetical order.
 */
export function formatKafkaScope({ groupId, cluster }: KafkaConsumerGroup): string {
  return `${groupId}@${BrokersField.get(cluster) ?? 'kafka'}/`;
}

function formatBroker(broker: unknown): string {
  return String(broker).replace(LOOPBACK, '127.0.0.1');
}
