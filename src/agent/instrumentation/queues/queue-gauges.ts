import type { BatchObservableResult, Meter } from '@opentelemetry/api';
import { withTimeout } from '../../../core/concurrency.ts';
import { guard } from '../../../core/guard.ts';
import { ATTR_QUEUE_SCOPE } from '../../attribute-keys.ts';
import { runWithTenant } from '../context/tenant-context.ts';

/** What fails, for {@link guard}. */
const PART = 'the queue metrics';

/** If the server does not respond in time, this collection has no values for the queue. */
const POLL_TIMEOUT_MS = 2000;
/** Maximum number of sources. Further ones are not read. */
const MAX_SOURCES = 1000;
/** Maximum number of objects to remember for each source. */
const MAX_OBJECTS = 10;

/** Values of a queue. */
export interface QueueReading {
  readonly name: string;
  /** Distinguishes queues with the same name, such as `<prefix>@<host>:<port>/<db>`. */
  readonly scope: string;
  /** Number of jobs by state, such as `waiting`. */
  readonly counts: ReadonlyMap<string, number>;
  /** Age of the oldest waiting job in seconds, or 0 if no job waits. Undefined if the server doesn't report it. */
  readonly oldestAgeSeconds?: number | undefined;
  /** Number of connected workers. Undefined if unknown. */
  readonly workers?: number | undefined;
}

/** How the queues of a library are read. `T` is the library's object, such as a queue or a client. */
export interface QueueSource<T extends object> {
  /** Value of `messaging.system`. */
  readonly system: string;
  /** Whether the object can still be used. */
  isOpen(object: T): boolean;
  /**
   * Reads the queues. Sends its commands in `runUnrecorded`, so that they don't count as the application's.
   *
   * @param key the key that was passed to {@link QueueGauges.add}
   * @returns undefined if the server is unreachable
   */
  read(object: T, key: string): Promise<readonly QueueReading[] | undefined>;
  /** Called when no object with this key is open anymore. */
  forget?(key: string): void;
}

interface PolledSource {
  readonly source: QueueSource<object>;
  /** Name of the queue, for messages. */
  readonly label: string;
  /** The first open object is read, because an application can close each. */
  objects: readonly WeakRef<object>[];
}

export interface QueueGaugesOptions {
  meter: Meter;
  /** Called when the server of a queue becomes unreachable, or reachable again. */
  onReachabilityChange: (queue: string, reachable: boolean) => void;
}

/**
 * Records the depth by state, the age of the oldest waiting job, and the number of workers for each queue. It uses the
 * application's own connections, once per queue and collection.
 */
export class QueueGauges {
  readonly #sources = new Map<string, PolledSource>();
  readonly #unreachable = new Set<string>();
  readonly #options: QueueGaugesOptions;
  readonly #depth;
  readonly #age;
  readonly #workers;

  constructor(options: QueueGaugesOptions) {
    this.#options = options;
    const { meter } = options;
    this.#depth = meter.createObservableGauge('perfscope.queue.depth', {
      unit: '{job}',
      description: 'Jobs in a queue, by state.',
    });
    this.#age = meter.createObservableGauge('perfscope.queue.oldest.age', {
      unit: 's',
      description: 'Age of the oldest waiting job.',
    });
    this.#workers = meter.createObservableGauge('perfscope.queue.workers', {
      unit: '{worker}',
      description: 'Connected workers.',
    });
    const poll = guard(PART, (key: string, result: BatchObservableResult) =>
      this.#poll(key, result),
    );
    meter.addBatchObservableCallback(
      guard(PART, async (result: BatchObservableResult) => {
        await Promise.all([...this.#sources.keys()].map((key) => poll(key, result)));
      }),
      [this.#depth, this.#age, this.#workers],
    );
  }

  /**
   * Adds an object of the application. It is not kept alive.
   *
   * @param key identifies the queue. Objects with the same key are read once.
   * @param label name of the queue, for messages about its server
   */
  add<T extends object>(source: QueueSource<T>, key: string, label: string, object: T): void {
    const id = `${source.system}\n${key}`;
    const polled = this.#sources.get(id) ?? {
      source: source as QueueSource<object>,
      label,
      objects: [],
    };
    if (!this.#sources.has(id) && this.#sources.size >= MAX_SOURCES) return;
    this.#sources.set(id, polled);
    const open = listOpen(polled);
    const isNew = open.length < MAX_OBJECTS && open.every((ref) => ref.deref() !== object);
    polled.objects = isNew ? [...open, new WeakRef(object)] : open;
  }

  async #poll(id: string, result: BatchObservableResult): Promise<void> {
    const polled = this.#sources.get(id);
    const object = polled && listOpen(polled)[0]?.deref();
    const key = id.slice(id.indexOf('\n') + 1);
    if (!polled || !object) {
      polled?.source.forget?.(key);
      this.#sources.delete(id);
      this.#unreachable.delete(id);
      return;
    }
    const { source, label } = polled;
    // A request can start the poll, but the queue doesn't belong to its tenant.
    const reading = runWithTenant(undefined, () => source.read(object, key));
    const readings = await withPollTimeout(reading).catch(() => undefined);
    for (const each of readings ?? []) this.#observe(source.system, each, result);
    const isReachable = readings !== undefined;
    if (this.#unreachable.has(id) === isReachable && source.isOpen(object)) {
      if (isReachable) this.#unreachable.delete(id);
      else this.#unreachable.add(id);
      this.#options.onReachabilityChange(label, isReachable);
    }
  }

  #observe(system: string, reading: QueueReading, result: BatchObservableResult): void {
    const attributes = {
      'messaging.system': system,
      'messaging.destination.name': reading.name,
      [ATTR_QUEUE_SCOPE]: reading.scope,
    };
    for (const [state, count] of reading.counts) {
      result.observe(this.#depth, count, { ...attributes, 'perfscope.job.state': state });
    }
    const { oldestAgeSeconds, workers } = reading;
    if (oldestAgeSeconds !== undefined) result.observe(this.#age, oldestAgeSeconds, attributes);
    if (workers !== undefined) result.observe(this.#workers, workers, attributes);
  }
}

function listOpen({ source, objects }: PolledSource): WeakRef<object>[] {
  return objects.filter((ref) => {
    const object = ref.deref();
    return object !== undefined && source.isOpen(object);
  });
}

function withPollTimeout<T>(work: Promise<T>): Promise<T | undefined> {
  return withTimeout(POLL_TIMEOUT_MS, work, () => undefined, { keepAlive: false });
}
