import { types } from 'node:util';
import { guard } from '../../../../core/guard.ts';
import type { InstrumentationContext } from '../../instrumentation-context.ts';
import type { Library, LibraryHooks } from '../../loading/library.ts';
import {
  copyFunctionProperties,
  type Method,
  observeMethod,
  observePromise,
  wrapMethod,
} from '../../loading/method-patching.ts';
import { runJobCode } from '../job-code.ts';
import { MessageAttempts } from '../message-attempts.ts';
import { PublishRecorder } from '../publish-recorder.ts';
import {
  type AmqpChannel,
  AmqpMessages,
  type Delivery,
  type PublishCall,
  type PublishFields,
  toJobContext,
} from './amqplib-channel.ts';
import { ConnectionScopeField, formatAmqpScope } from './amqplib-connections.ts';
import type { AmqpMessage } from './amqplib-delivery.ts';
import { type AmqpClasses, AmqpDepth } from './amqplib-depth.ts';

/** What fails, for {@link guard}. */
const PART = 'the amqplib instrumentation';

/** Classes of `channel_model.js` and `callback_model.js`. */
interface ModelExports {
  readonly Channel: { readonly prototype: object };
  readonly ConfirmChannel: { readonly prototype: object };
}

/**
 * Records the messages that this process publishes to RabbitMQ, and the attempts to process them. It replaces methods of
 * the channels, and adds no listeners to the application's objects.
 */
export const AMQPLIB: Library = {
  name: 'amqplib',
  category: 'queue',
  versions: { from: '0.10.0', to: 2 },
  measured:
    'Published messages, the wait and processing times of consumed messages, redeliveries, and the depth of each queue.',
  limits:
    'The server reports no age of the oldest message. For exchanges other than the default one, the consumer records the arrival of a message.',
  bundledMessages: ['No channels left to allocate'],
  instrument: instrumentAmqplib,
};

function instrumentAmqplib({ queues, histograms }: InstrumentationContext): LibraryHooks {
  let classes: Partial<AmqpClasses> = {};
  const depth = new AmqpDepth(() =>
    classes.BaseChannel && classes.defs ? (classes as AmqpClasses) : undefined,
  );
  const polledConnections = new WeakSet<object>();
  const messages = new AmqpMessages({
    attempts: new MessageAttempts(queues),
    publisher: new PublishRecorder(histograms, 'rabbitmq', 'publish'),
    usesHeaders: queues.usesMessageHeaders,
    includeData: queues.includeJobData,
    onQueue: (connection, scope, queue) => {
      depth.addQueue(scope, queue);
      if (polledConnections.has(connection)) return;
      polledConnections.add(connection);
      queues.gauges.add(depth, scope, queue, connection);
    },
  });

  /** The message that `publish` is sending. */
  let current: PublishCall | undefined;
  let isPublishing = false;
  const startPublish = guard(PART, (channel: AmqpChannel, args: unknown[], confirms: boolean) =>
    messages.startPublish(channel, args, confirms),
  );
  const endPublish = guard(PART, (channel: AmqpChannel, call: PublishCall, isSent: boolean) => {
    if (isSent) messages.endPublish(channel, call);
    else messages.failPublish(call, undefined);
  });

  /** The method of a confirm channel calls the method of a channel. */
  const wrapPublish = (prototype: object, isConfirmed: boolean) => {
    wrapMethod(prototype, 'publish', (original) => {
      return function publish(this: AmqpChannel, ...args: unknown[]) {
        if (isPublishing) return original.apply(this, args) as unknown;
        const call = startPublish(this, args, isConfirmed);
        current = call;
        isPublishing = true;
        let isSent = false;
        try {
          const result: unknown = original.apply(this, args);
          isSent = true;
          return result;
        } finally {
          current = undefined;
          isPublishing = false;
          if (call) endPublish(this, call, isSent);
        }
      };
    });
  };

  const deliver = guard(
    PART,
    (channel: AmqpChannel, queue: unknown, message: unknown, noAck: boolean) =>
      isMessage(message) ? messages.deliver(channel, queue, message, noAck) : undefined,
  );
  const noteError = guard(PART, (delivery: Delivery, error: unknown, noAck: boolean) => {
    delivery.error = error;
    if (noAck) messages.end(delivery, { error });
  });
  const noteReturn = guard(PART, (delivery: Delivery, noAck: boolean) => {
    if (noAck) messages.end(delivery, undefined);
  });

  /** Returns the callback of a consumer that runs in the context of each message. */
  const bindConsumer = guard(PART, (channel: AmqpChannel, args: unknown[]) => {
    const [queue, callback, options] = args;
    if (typeof callback !== 'function') return args;
    const noAck = readNoAck(options);
    const bound: Method = function (...received) {
      const process = () => (callback as Method).apply(this, received) as unknown;
      const delivery = deliver(channel, queue, received[0], noAck);
      if (!delivery) return process();
      let result: unknown;
      // amqplib catches the errors of consumers, so this doesn't change what Node.js prints.
      try {
        result = runJobCode(() => toJobContext(delivery), process);
      } catch (error) {
        noteError(delivery, error, noAck);
        throw error;
      }
      if (!types.isPromise(result)) {
        noteReturn(delivery, noAck);
        return result;
      }
      const onRejected = (error: unknown) => noteError(delivery, error, noAck);
      return observePromise(result, () => noteReturn(delivery, noAck), onRejected);
    };
    copyFunctionProperties(callback as Method, bound);
    return args.with(1, bound);
  });

  const receive = guard(
    PART,
    (channel: AmqpChannel, args: readonly unknown[], message: unknown) => {
      const noAck = readNoAck(args[1]);
      const delivery = deliver(channel, args[0], message, noAck);
      if (delivery) noteReturn(delivery, noAck);
    },
  );

  const patchChannels = ({ Channel, ConfirmChannel }: ModelExports) => {
    wrapPublish(Channel.prototype, false);
    wrapPublish(ConfirmChannel.prototype, true);
    wrapMethod(Channel.prototype, 'consume', (original) => {
      return function consume(this: AmqpChannel, ...args: unknown[]) {
        return original.apply(this, bindConsumer(this, args) ?? args) as unknown;
      };
    });
    const observe = (
      name: string,
      after: (channel: AmqpChannel, args: readonly unknown[]) => void,
    ) =>
      observeMethod<AmqpChannel>(PART, Channel.prototype, name, {
        after: (channel, _, args) => after(channel, args),
      });
    observe('ack', (channel, [message, allUpTo]) =>
      messages.ack(channel, getTag(message), Boolean(allUpTo)),
    );
    observe('ackAll', (channel) => messages.ack(channel, 0, true));
    observe('nack', (channel, [message, allUpTo, requeue]) =>
      messages.reject(channel, getTag(message), Boolean(allUpTo), isRequeued(requeue)),
    );
    observe('nackAll', (channel, [requeue]) =>
      messages.reject(channel, 0, true, isRequeued(requeue)),
    );
    observe('reject', (channel, [message, requeue]) =>
      messages.reject(channel, getTag(message), false, isRequeued(requeue)),
    );
    observe('recover', (channel) => messages.reject(channel, 0, true, true));
  };

  const patchPromiseApi = (exports: unknown) => {
    const model = exports as ModelExports;
    patchChannels(model);
    observeMethod<AmqpChannel>(PART, model.Channel.prototype, 'get', {
      after: (channel, message, args) => receive(channel, args, message),
    });
  };

  const patchCallbackApi = (exports: unknown) => {
    const model = exports as ModelExports;
    patchChannels(model);
    wrapMethod(model.Channel.prototype, 'get', (original) => {
      return function get(this: AmqpChannel, ...args: unknown[]) {
        const callback = args[2];
        if (typeof callback !== 'function') return original.apply(this, args) as unknown;
        const onReply: Method = (...reply) => {
          receive(this, args, reply[1]);
          return (callback as Method)(...reply) as unknown;
        };
        return original.apply(this, args.with(2, onReply)) as unknown;
      };
    });
  };

  const patchBase = (exports: unknown) => {
    const { BaseChannel, Channel } = exports as AmqpClasses & ModelExports;
    classes = { ...classes, BaseChannel };
    const { prototype } = Channel;
    observeMethod<AmqpChannel>(PART, prototype, 'sendMessage', {
      before: (channel, [fields]) => {
        if (current) messages.addHeader(channel, current, fields as PublishFields);
      },
    });
    observeMethod<AmqpChannel>(PART, prototype, 'handleConfirm', {
      before: (channel, [handle, frame]) => {
        const { deliveryTag, multiple } = frame as { deliveryTag: number; multiple: boolean };
        messages.confirm(channel, deliveryTag, multiple, isNack(handle));
      },
    });
    observeMethod<AmqpChannel>(PART, prototype, 'toClosed', {
      before: (channel) => messages.close(channel),
    });
  };

  const onConnection = guard(PART, (target: unknown, connection: unknown) => {
    if (typeof connection !== 'object' || connection === null) return;
    ConnectionScopeField.set(connection, formatAmqpScope(target));
  });

  const patchConnect = (exports: unknown) => {
    wrapMethod(exports as object, 'connect', (original) => {
      return function connect(this: unknown, ...args: unknown[]) {
        const callback = args[2];
        if (typeof callback !== 'function') return original.apply(this, args) as unknown;
        const onOpen: Method = function (...result) {
          onConnection(args[0], result[1]);
          return (callback as Method).apply(this, result) as unknown;
        };
        return original.apply(this, args.with(2, onOpen)) as unknown;
      };
    });
  };

  return {
    patches: {
      'lib/defs.js': (exports) => {
        classes = { ...classes, defs: exports as AmqpClasses['defs'] };
      },
      'lib/channel.js': patchBase,
      'lib/connect.js': patchConnect,
      'lib/channel_model.js': patchPromiseApi,
      'lib/callback_model.js': patchCallbackApi,
    },
  };
}

function isMessage(message: unknown): message is AmqpMessage {
  // `null` means that the consumer was canceled, and `false` that the queue is empty.
  return typeof message === 'object' && message !== null;
}

function readNoAck(options: unknown): boolean {
  return Boolean((options as { noAck?: unknown } | null | undefined)?.noAck);
}

function getTag(message: unknown): number {
  return (message as AmqpMessage).fields.deliveryTag;
}

/** Default: the message is returned to its queue. */
function isRequeued(requeue: unknown): boolean {
  return requeue === undefined || Boolean(requeue);
}

/** amqplib calls its handler with the callback of a message. For a rejected message, the handler passes an error on. */
function isNack(handle: unknown): boolean {
  let isRejected = false;
  (handle as Method)((error: unknown) => {
    isRejected = error !== null;
  });
  return isRejected;
}
