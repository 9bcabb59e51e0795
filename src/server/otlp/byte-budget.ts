import { createError } from '../../core/perfscope-error.ts';

export interface ByteBudgetOptions {
  /** Maximum bytes of all requests together. */
  readonly total: number;
  /** Maximum bytes of the requests of one sender. */
  readonly perSender: number;
  /** When a sender should try again after the budget was exceeded. */
  readonly retryAfterS: number;
}

/** An organization. If a request has none, its key, or its address. */
export interface ByteSender {
  readonly kind: 'organization' | 'key';
  /** Must be different for each kind. */
  readonly id: string;
}

/** Limits the memory that the bodies of all open requests take together. */
export class ByteBudget {
  readonly #options: ByteBudgetOptions;
  /** Contains only senders with open requests. */
  readonly #bySender = new Map<string, number>();
  #usedBytes = 0;

  constructor(options: ByteBudgetOptions) {
    this.#options = options;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Number of senders with open requests. */
  get trackedSenders(): number {
    return this.#bySender.size;
  }

  /** Starts a request, which takes no bytes yet. */
  open(sender: ByteSender): ByteLease {
    return new ByteLease((bytes) => this.#take(sender, bytes));
  }

  #take({ kind, id }: ByteSender, bytes: number): void {
    const { total, perSender, retryAfterS } = this.#options;
    const senderBytes = (this.#bySender.get(id) ?? 0) + bytes;
    const isFull = this.#usedBytes + bytes > total;
    if (bytes > 0 && (isFull || senderBytes > perSender)) {
      const per = isFull ? 'server' : kind;
      const mebibytes = Math.floor((isFull ? total : perSender) / 2 ** 20);
      throw createError('PS_OTLP_BUSY', { mebibytes, per, seconds: retryAfterS });
    }
    this.#usedBytes += bytes;
    if (senderBytes > 0) this.#bySender.set(id, senderBytes);
    else this.#bySender.delete(id);
  }
}

/** The bytes of one request. */
export class ByteLease {
  readonly #take: (bytes: number) => void;
  #bytes = 0;

  /** @param take changes the used bytes. Throws PS_OTLP_BUSY if they would exceed the budget. */
  constructor(take: (bytes: number) => void) {
    this.#take = take;
  }

  /** Adds bytes. @throws PS_OTLP_BUSY if the budget is exceeded; the bytes are then not added */
  add(bytes: number): void {
    this.#take(bytes);
    this.#bytes += bytes;
  }

  /** Returns all bytes to the budget. Further calls do nothing. */
  release(): void {
    const bytes = this.#bytes;
    this.#bytes = 0;
    this.#take(-bytes);
  }
}
