import { guard } from '../../../../core/guard.ts';
import type { Library, LibraryHooks, LoadedFile } from '../../loading/library.ts';
import { type Method, observePromise, wrapMethod } from '../../loading/method-patching.ts';
import { runQueueOperation } from '../queue-operations.ts';
import type { QueueRecorder } from '../queue-recorder.ts';
import { createStoredTenant } from '../stored-tenant.ts';
import { SqsAttempts } from './sqs-attempts.ts';
import { createSqsDepth } from './sqs-depth.ts';
import {
  addHeaders,
  type MessageHeader,
  type ReceiveInput,
  removeUnrequestedAttributes,
  requestAttributes,
  restoreSentDigest,
  type SqsMessage,
  takeHeader,
} from './sqs-messages.ts';
import { parseQueueUrl } from './sqs-queue-url.ts';

/** What fails, for {@link guard}. */
const PART = 'the SQS instrumentation';

/**
 * Measures messages from the receive to the delete. The agent replaces `send` of the client, because the package of its
 * base class differs between versions.
 */
export const SQS: Library = {
  name: '@aws-sdk/client-sqs',
  category: 'queue',
  versions: { from: '3.300.0', to: 3 },
  measured:
    'Each message from its receive to its delete, retries, wait and processing times, and the depth of each queue. Requests to SQS are not recorded as outgoing calls.',
  limits:
    'A message arrives at its first receive, unless its producer has a tenant. The wait time includes the delay of a message. The age of the oldest message is not available from the API. Code that processes a message has no context, because SQS has no handlers. The depth needs the IAM permission `sqs:GetQueueAttributes`. Set `PERFORMANCE_SQS_DEPTH=false` to send no requests.',
  bundledMessages: ['PurgeQueueInProgress'],
  instrument: ({ queues }) => instrumentSqs(queues),
};

interface Command {
  readonly input: Readonly<Record<string, unknown>>;
}

interface BatchEntry extends SqsMessage {
  readonly VisibilityTimeout?: number;
}

interface BatchResult {
  readonly Successful?: readonly SqsMessage[];
}

/** How a command is measured. */
interface CommandCall {
  /** The command to send. It replaces the application's, which isn't changed. */
  readonly command: Command;
  readonly onResult?: (result: unknown) => void;
  /** Queue to which the command sends messages. */
  readonly queueName?: string;
}

type StartCommand = (client: object, command: Command) => CommandCall | undefined;

/** One copy of the package. */
interface SqsCopy {
  getAttributesCommand?: new (input: object) => object;
}

function instrumentSqs(recorder: QueueRecorder): LibraryHooks {
  const attempts = new SqsAttempts(recorder);
  const patched = new WeakSet<object>();
  const destroyed = new WeakSet<object>();
  const copies = new Map<string, SqsCopy>();
  /** The original `send`, and the copy of the package, by client class. */
  const sends = new WeakMap<object, { send: Method; copy: SqsCopy }>();

  const depth = createSqsDepth({
    isEnabled: recorder.readSqsDepth,
    isOpen: (client) => !destroyed.has(client),
    onSettings: (queueUrl, settings) => attempts.setSettings(queueUrl, settings),
    onPoll: () => attempts.expire(),
    getAttributes: async (client, input, options) => {
      const { send, copy } = findSend(client, sends) ?? {};
      if (!send || !copy?.getAttributesCommand) return {};
      const command = new copy.getAttributesCommand(input);
      return (await send.call(client, command, options)) as { Attributes?: Record<string, string> };
    },
  });

  const addQueue = (client: object, queueUrl: unknown) => {
    if (typeof queueUrl !== 'string') return;
    recorder.gauges.add(depth, queueUrl, parseQueueUrl(queueUrl).name, client);
  };

  const send = (
    client: object,
    command: Command,
    messages: readonly SqsMessage[],
    replace: (messages: readonly SqsMessage[]) => object,
    getResults: (result: unknown) => readonly (SqsMessage | undefined)[],
  ): CommandCall => {
    const queueUrl = String(command.input.QueueUrl);
    addQueue(client, queueUrl);
    const { name: queueName } = parseQueueUrl(queueUrl);
    const sentMs = Date.now();
    const changed = recorder.usesMessageHeaders ? addHeaders(messages, sentMs) : undefined;
    if (!changed) return { command, queueName };
    const header: MessageHeader = { tenant: createStoredTenant(), sentMs };
    const onResult = (result: unknown) => {
      for (const [i, sent] of getResults(result).entries()) {
        if (sent?.MessageId === undefined) continue;
        restoreSentDigest(sent, messages[i]!);
        attempts.recordSent(queueUrl, messages[i]!, sent.MessageId, header);
      }
    };
    const input = { ...command.input, ...replace(changed) };
    return { command: copyCommand(command, input), queueName, onResult };
  };

  const receive: StartCommand = (client, command) => {
    const input = command.input as ReceiveInput;
    const { QueueUrl: queueUrl = '', VisibilityTimeout: timeout } = input;
    addQueue(client, queueUrl);
    const onResult = (result: unknown) => {
      const { Messages: messages = [] } = (result ?? {}) as { Messages?: SqsMessage[] };
      if (messages.length > 0) attempts.expire();
      for (const message of messages) {
        const header = takeHeader(message);
        attempts.start(queueUrl, message, header, timeout);
        removeUnrequestedAttributes(message, input);
      }
    };
    const changed = requestAttributes(input, recorder.usesMessageHeaders);
    return { command: copyCommand(command, { ...changed }), onResult };
  };

  /** Calls `end` with each entry of a batch that succeeded. */
  const observeBatch =
    (end: (entry: BatchEntry) => void): StartCommand =>
    (_, command) => ({
      command,
      onResult: (result) => {
        const successful = new Set((result as BatchResult).Successful?.map(({ Id }) => Id));
        for (const entry of getEntries(command)) if (successful.has(entry.Id)) end(entry);
      },
    });
  const observeOne =
    (end: (entry: BatchEntry) => void): StartCommand =>
    (_, command) => ({ command, onResult: () => end(command.input) });

  const onDelete = ({ ReceiptHandle: handle }: BatchEntry) => attempts.complete(handle);
  const onChange = ({ ReceiptHandle: handle, VisibilityTimeout: seconds }: BatchEntry) =>
    attempts.changeVisibility(handle, seconds);

  const commands = new Map<string, StartCommand>([
    [
      'SendMessageCommand',
      (client, command) =>
        send(
          client,
          command,
          [command.input],
          ([message]) => message!,
          (result) => [result as SqsMessage],
        ),
    ],
    [
      'SendMessageBatchCommand',
      (client, command) => {
        const entries = getEntries(command);
        return send(
          client,
          command,
          entries,
          (Entries) => ({ Entries }),
          (result) => {
            const { Successful = [] } = result as BatchResult;
            const resultsById = new Map(Successful.map((sent) => [sent.Id, sent]));
            return entries.map(({ Id }) => resultsById.get(Id));
          },
        );
      },
    ],
    ['ReceiveMessageCommand', receive],
    ['DeleteMessageCommand', observeOne(onDelete)],
    ['DeleteMessageBatchCommand', observeBatch(onDelete)],
    ['ChangeMessageVisibilityCommand', observeOne(onChange)],
    ['ChangeMessageVisibilityBatchCommand', observeBatch(onChange)],
  ]);

  const start = guard(PART, (client: object, command: unknown) => {
    if (typeof command !== 'object' || command === null) return undefined;
    const { input, constructor: Class } = command as Command;
    const startCommand = commands.get(Class.name);
    return startCommand && typeof input === 'object' && input !== null
      ? startCommand(client, command as Command)
      : undefined;
  });
  const finish = guard(PART, ({ onResult }: CommandCall, result: unknown) => onResult?.(result));

  const patchClient = (Client: unknown, folder: string) => {
    const { prototype } = Client as { prototype: object };
    if (patched.has(prototype)) return;
    patched.add(prototype);
    wrapMethod(prototype, 'send', (original) => {
      sends.set(prototype, { send: original, copy: getCopy(copies, folder) });
      return function send(this: object, ...args: unknown[]) {
        const call = start(this, args[0]);
        if (!call) return original.apply(this, args) as unknown;
        const sent = prepareArguments(args, call, finish);
        const run = () => original.apply(this, sent) as unknown;
        const { queueName } = call;
        const result = queueName === undefined ? run() : runQueueOperation(() => queueName, run);
        // With a callback, there is no promise.
        if (result === undefined || call.onResult === undefined) return result;
        return observePromise(result as Promise<unknown>, (value) => finish(call, value));
      };
    });
    wrapMethod(prototype, 'destroy', (original) => {
      return function destroy(this: object, ...args: unknown[]) {
        destroyed.add(this);
        return original.apply(this, args) as unknown;
      };
    });
  };

  const setCommand = (command: unknown, folder: string) => {
    if (typeof command !== 'function') return;
    getCopy(copies, folder).getAttributesCommand = command as new (input: object) => object;
  };

  const patchExports = (variables: unknown, { folder }: LoadedFile) => {
    const { SQSClient, GetQueueAttributesCommand } = variables as Record<string, unknown>;
    if (SQSClient !== undefined) patchClient(SQSClient, folder);
    setCommand(GetQueueAttributesCommand, folder);
  };
  return {
    patches: {
      '': patchExports,
      'dist-cjs/SQSClient.js': patchExports,
      'dist-cjs/commands/GetQueueAttributesCommand.js': patchExports,
    },
    modules: {
      'dist-cjs/index.js': {
        names: ['module', 'SQSClient', 'GetQueueAttributesCommand'],
        patch: patchExports,
      },
    },
  };
}

function getCopy(copies: Map<string, SqsCopy>, folder: string): SqsCopy {
  const copy = copies.get(folder) ?? {};
  copies.set(folder, copy);
  return copy;
}

/** Returns the original `send` of a client, whose class can be a subclass. */
function findSend<T>(client: object, sends: WeakMap<object, T>): T | undefined {
  let prototype = Object.getPrototypeOf(client) as object | null;
  while (prototype && !sends.has(prototype))
    prototype = Object.getPrototypeOf(prototype) as object | null;
  return prototype ? sends.get(prototype) : undefined;
}

/** Returns arguments with the changed command, and with a callback that first reports its result. */
function prepareArguments(
  args: unknown[],
  call: CommandCall,
  onResult: (call: CommandCall, result: unknown) => void,
): unknown[] {
  const sent = args.with(0, call.command);
  const index = sent.findIndex((arg) => typeof arg === 'function');
  if (index < 1) return sent;
  const callback = sent[index] as Method;
  return sent.with(index, function (this: unknown, ...results: unknown[]) {
    if (!results[0]) onResult(call, results[1]);
    return callback.apply(this, results) as unknown;
  });
}

/** Returns a copy of a command with another input. The application can send its command again. */
function copyCommand(command: Command, input: object): Command {
  const copy = Object.create(Object.getPrototypeOf(command) as object) as object;
  Object.defineProperties(copy, Object.getOwnPropertyDescriptors(command));
  Object.defineProperty(copy, 'input', {
    value: input,
    writable: true,
    enumerable: true,
    configurable: true,
  });
  return copy as Command;
}

function getEntries({ input }: Command): readonly BatchEntry[] {
  return Array.isArray(input.Entries) ? (input.Entries as BatchEntry[]) : [];
}
