import { guard } from '../../../../core/guard.ts';
import { QueueKeysField, QueueOwnedField } from '../../context/unrecorded-commands.ts';

/** What fails, for {@link guard}. */
const PART = 'the Bull instrumentation';

/** The parts of a client of ioredis that are used. */
interface BullClient {
  status: string;
  options?: object;
}

interface ConnectingQueue {
  /** Clients that Bull created. Clients of the application are missing. */
  clients?: BullClient[];
  client: BullClient;
  toKey(type: string): string;
}

/**
 * Marks each connection that Bull creates, before its first command. Bull's constructor assigns an array to `clients`, and
 * adds each client that it creates. The commands of these clients are not recorded as commands of the application.
 */
export function markCreatedClients(prototype: object): void {
  const markClient = guard(PART, (client: BullClient | undefined) => {
    if (client?.options) QueueOwnedField.set(client.options);
  });
  const observePush = guard(PART, (clients: unknown) => {
    if (!Array.isArray(clients)) return;
    const push = (...added: BullClient[]): number => {
      for (const client of added) markClient(client);
      return Array.prototype.push.apply(clients, added);
    };
    Object.defineProperty(clients, 'push', { value: push, writable: true, configurable: true });
  });
  Object.defineProperty(prototype, 'clients', {
    configurable: true,
    enumerable: false,
    get: () => undefined,
    set(this: object, clients: unknown) {
      const descriptor = { value: clients, writable: true, enumerable: true, configurable: true };
      Object.defineProperty(this, 'clients', descriptor);
      observePush(clients);
    },
  });
}

/** Marks the keys of a queue on a client that the application created, because it can use the client itself. */
export function markSharedBullKeys(queue: ConnectingQueue): void {
  const { client, clients = [] } = queue;
  if (client.options && !clients.includes(client)) {
    QueueKeysField.add(client.options, queue.toKey(''));
  }
}
