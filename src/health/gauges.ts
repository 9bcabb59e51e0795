export type GaugeFunction = () => number | Promise<number>;

const DEADLINE_MS = 5000;

/** Values that only the application knows, such as its active users. */
export class Gauges {
  readonly #functions = new Map<string, GaugeFunction>();

  /** `activeUsers`, `ongoingReservations` and `dbConnections` have columns of their own. */
  register(name: string, fn: GaugeFunction): void {
    this.#functions.set(name, fn);
  }

  /** Asks all of them. One that throws, hangs or gives no finite number has no value. */
  async read(): Promise<Map<string, number>> {
    const values = new Map<string, number>();
    await Promise.all(
      [...this.#functions].map(async ([name, fn]) => {
        const value = await within(fn).catch(() => undefined);
        if (Number.isFinite(value)) values.set(name, value as number);
      }),
    );
    return values;
  }
}

async function within(fn: GaugeFunction): Promise<number | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), DEADLINE_MS);
    timer.unref();
  });
  try {
    return await Promise.race([fn(), late]);
  } finally {
    clearTimeout(timer);
  }
}
