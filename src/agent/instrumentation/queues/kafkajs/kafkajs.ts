import { guard } from '../../../../core/guard.ts';
import { getCurrentTenant } from '../../context/tenant-context.ts';
import type { InstrumentationContext } from '../../instrumentation-context.ts';
import type { Library, LibraryHooks } from '../../loading/library.ts';
import {
  copyFunctionProperties,
  isThenable,
  type Method,
  observeMethod,
  observePromise,
  wrapMethod,
} from '../../loading/method-patching.ts';
import { runJobCode } from '../job-code.ts';
import { MessageAttempts } from '../message-attempts.ts';
import { formatMessageHeader, MESSAGE_HEADER } from '../message-header.ts';
import { PublishRecorder } from '../publish-recorder.ts';
import { toQueueTemplate } from '../queue-name-template.ts';
import { BrokersField, type KafkaRunner } from './kafkajs-cluster.ts';
import { KafkaLag } from './kafkajs-lag.ts';
import {
  type BatchAttempts,
  type KafkaAttempt,
  type KafkaBatch,
  type KafkaMessage,
  KafkaMessages,
  removeHeader,
  toKafkaJobContext,
} from './kafkajs-messages.ts';

/** What fails, for {@link guard}. */
const PART = 'the kafkajs instrumentation';

/** What kafkajs passes to `eachMessage`. */
interface EachMessagePayload {
  readonly topic: string;
  readonly partition: number;
  readonly message: KafkaMessage;
}

/** What kafkajs passes to `eachBatch`. It creates the object for each batch. */
interface EachBatchPayload {
  readonly batch: KafkaBatch;
  resolveOffset: Method;
}

/** The messages of a request, by topic. kafkajs creates the objects for each request. */
type TopicData = readonly {
  readonly partitions: readonly { messages: readonly ProducedMessage[] }[];
}[];

interface ProducedMessage {
  readonly headers?: object | null;
}

/**
 * Records the messages that this process sends to Kafka, and the attempts to process them. A producer doesn't know the
 * consumer groups, so the consumer records the arrival of a message, with the time at which it was sent.
 */
export const KAFKAJS: Library = {
  name: 'kafkajs',
  category: 'queue',
  versions: { from: '1.16.0', to: 2 },
  measured:
    'Sent messages, the wait and processing times of consumed messages, retries, and the lag of each consumer group.',
  limits:
    'The messages of `eachBatch` share the time of the batch equally, unless the code calls `resolveOffset`. The age of the oldest message is known only while a message is processed.',
  bundledMessages: [
    'Consumer groupId must be a non-empty string.',
    'Cannot subscribe to topic while consumer is running',
  ],
  instrument: instrumentKafkajs,
};

function instrumentKafkajs(context: InstrumentationContext): LibraryHooks {
  const { queues, histograms, getMeter } = context;
  const attempts = new MessageAttempts(queues);
  const publisher = new PublishRecorder(histograms, 'kafka', 'send');
  /** A consumer that is restarted has a new runner and the same cluster. */
  const messagesByCluster = new WeakMap<object, KafkaMessages>();
  const getMessages = ({ consumerGroup }: KafkaRunner) => {
    const known = messagesByCluster.get(consumerGroup.cluster);
    if (known?.group === consumerGroup.groupId) return known;
    const messages = new KafkaMessages(attempts, queues.includeJobData, consumerGroup);
    messagesByCluster.set(consumerGroup.cluster, messages);
    return messages;
  };
  const lag = new KafkaLag(getMeter('perfscope.queue'), (runner, topic) =>
    getMessages(runner).getOldestMs(topic),
  );

  const startMessage = guard(PART, (runner: KafkaRunner, payload: unknown) => {
    const { topic, partition, message } = payload as EachMessagePayload;
    const messages = getMessages(runner);
    return { messages, attempt: messages.start(topic, partition, message) };
  });
  type StartedMessage = { messages: KafkaMessages; attempt: KafkaAttempt };
  const endMessage = guard(
    PART,
    ({ messages, attempt }: StartedMessage, failure?: { error: unknown }) => {
      if (failure) messages.fail(attempt, failure.error);
      else messages.complete(attempt);
    },
  );

  const bindEachMessage = (runner: KafkaRunner, eachMessage: Method): Method =>
    function (this: unknown, ...args) {
      const process = () => eachMessage.apply(this, args) as unknown;
      const started = startMessage(runner, args[0]);
      if (!started) return process();
      return observeCall(
        () => runJobCode(() => toKafkaJobContext(started.attempt), process),
        (failure) => endMessage(started, failure),
      );
    };

  const startBatch = guard(PART, (runner: KafkaRunner, payload: unknown) => {
    const { batch } = payload as EachBatchPayload;
    const nowMs = Date.now();
    for (const message of batch.messages) removeHeader(message, nowMs);
    const started = getMessages(runner).startBatch(batch);
    const resolve = guard(PART, (offset: unknown) => started.resolve(offset));
    wrapMethod(payload as object, 'resolveOffset', (original) => {
      return function resolveOffset(this: unknown, ...args: unknown[]) {
        const result: unknown = original.apply(this, args);
        resolve(args[0]);
        return result;
      };
    });
    return { batch: started, queueName: toQueueTemplate(batch.topic) };
  });
  const endBatch = guard(
    PART,
    (runner: KafkaRunner, batch: BatchAttempts, failure: { error: unknown } | undefined) => {
      if (failure) batch.fail(failure.error);
      else batch.complete(runner.eachBatchAutoResolve !== false);
    },
  );

  const bindEachBatch = (runner: KafkaRunner, eachBatch: Method): Method =>
    function (this: unknown, ...args) {
      const process = () => eachBatch.apply(this, args) as unknown;
      const started = startBatch(runner, args[0]);
      if (!started) return process();
      const { batch, queueName } = started;
      return observeCall(
        // The messages of a batch can belong to several tenants.
        () => runJobCode(() => ({ queueName, tenant: undefined }), process),
        (failure) => endBatch(runner, batch, failure),
      );
    };

  const patchRunner = (exports: unknown) => {
    const { prototype } = exports as { prototype: object };
    const bound = new WeakSet<KafkaRunner>();
    observeMethod<KafkaRunner>(PART, prototype, 'start', {
      before: (runner) => {
        if (bound.has(runner)) return;
        bound.add(runner);
        const { eachMessage, eachBatch } = runner;
        if (typeof eachMessage === 'function')
          runner.eachMessage = copyProperties(eachMessage, bindEachMessage);
        if (typeof eachBatch === 'function')
          runner.eachBatch = copyProperties(eachBatch, bindEachBatch);
        function copyProperties(
          original: unknown,
          bind: (runner: KafkaRunner, original: Method) => Method,
        ): Method {
          const wrapped = bind(runner, original as Method);
          copyFunctionProperties(original as Method, wrapped);
          return wrapped;
        }
      },
      after: (runner) => {
        const { scope, group } = getMessages(runner);
        queues.gauges.add(lag, scope, group, runner);
      },
    });
  };

  const startSend = guard(PART, (record: unknown) => publisher.start(findTopic(record)));
  const endSend = guard(
    PART,
    (publishing: ReturnType<typeof publisher.start>, failure?: { error: unknown }) =>
      publisher.end(publishing, failure),
  );
  const wrapSend = (producer: object) => {
    for (const name of ['send', 'sendBatch']) {
      wrapMethod(producer, name, (original) => {
        return function (this: unknown, ...args: unknown[]) {
          const send = () => original.apply(this, args) as unknown;
          const publishing = startSend(args[0]);
          if (!publishing) return send();
          return observeCall(send, (failure) => endSend(publishing, failure));
        };
      });
    }
  };

  const patchKafka = (exports: unknown) => {
    const { prototype } = exports as { prototype: object };
    observeMethod<object>(PART, prototype, 'producer', {
      after: (_, producer: object) => {
        wrapSend(producer);
        observeMethod<object>(PART, producer, 'transaction', {
          after: (__, transaction: object) => wrapSend(transaction),
        });
      },
    });
  };

  const addHeaders = guard(PART, (topics: TopicData) => {
    const tenant = queues.usesMessageHeaders ? getCurrentTenant() : undefined;
    if (tenant === undefined) return;
    // Kafka stores the time, and the offset is the ID.
    const header = formatMessageHeader({ sentMs: undefined, hasArrived: false, tenant });
    for (const entry of topics.flatMap(({ partitions }) => partitions)) {
      entry.messages = entry.messages.map((message) => {
        return { ...message, headers: { ...message.headers, [MESSAGE_HEADER]: header } };
      });
    }
  });
  const patchTopicData = (exports: unknown) => {
    const original = exports as Method;
    return function createTopicData(this: unknown, ...args: unknown[]) {
      const result = original.apply(this, args) as TopicData;
      addHeaders(result);
      return result;
    };
  };

  const setBrokers = guard(PART, (builder: object, options: unknown) =>
    BrokersField.set(builder, (options as { brokers?: unknown }).brokers),
  );
  const patchBuilder = (exports: unknown) => {
    const original = exports as Method;
    return function createBuilder(this: unknown, ...args: unknown[]) {
      const builder = original.apply(this, args) as object;
      setBrokers(builder, args[0]);
      return builder;
    };
  };

  return {
    patches: {
      'src/index.js': patchKafka,
      'src/consumer/runner.js': patchRunner,
      'src/producer/createTopicData.js': patchTopicData,
      'src/cluster/connectionPoolBuilder.js': patchBuilder,
      'src/cluster/connectionBuilder.js': patchBuilder,
    },
  };
}

/**
 * Calls a function whose errors kafkajs catches, so that a handler doesn't change what Node.js prints.
 *
 * @param onEnd called once, when the function or its promise has ended
 */
function observeCall(
  call: () => unknown,
  onEnd: (failure: { error: unknown } | undefined) => void,
): unknown {
  let result: unknown;
  try {
    result = call();
  } catch (error) {
    onEnd({ error });
    throw error;
  }
  if (!isThenable(result)) {
    onEnd(undefined);
    return result;
  }
  return observePromise(
    result,
    () => onEnd(undefined),
    (error) => onEnd({ error }),
  );
}

/** Returns the topic of a request, or the first of several topics. */
function findTopic(record: unknown): string {
  const { topic, topicMessages } = record as {
    topic?: unknown;
    topicMessages?: readonly { topic?: unknown }[];
  };
  return toQueueTemplate(String(topic ?? topicMessages?.[0]?.topic ?? ''));
}
