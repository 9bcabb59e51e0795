import { computeLoad, getHour } from './daily-load.ts';
import { HOTELS, type Hotel } from './hotels.ts';

/** Maximum number of requests per second. */
const MAX_PER_SECOND = 30;
/** Additional requests per second to the hotel of the `demand-peak` scenario. */
const PEAK_PER_SECOND = 45;
const TICK_MS = 50;
const DAY_MS = 86_400_000;
/** Number of users per hotel. */
const USER_COUNT = 60;

interface Action {
  weight: number;
  method: 'GET' | 'POST';
  route: string;
  path: (hotel: Hotel) => string;
}

/** Returns the dates of a stay in the next two years. Users search for many dates. */
function pickStay(): string {
  const arrival = new Date(Date.now() + Math.floor(Math.random() * 700) * DAY_MS);
  const nights = 1 + Math.floor(Math.random() * 7);
  return `arrival=${arrival.toISOString().slice(0, 10)}&nights=${nights}`;
}

const ACTIONS: readonly Action[] = [
  { weight: 60, method: 'GET', route: 'rooms', path: () => `rooms?${pickStay()}` },
  {
    weight: 22,
    method: 'GET',
    route: 'bookings/:id',
    path: () => `bookings/${Math.ceil(Math.random() * 21_000)}`,
  },
  { weight: 15, method: 'POST', route: 'bookings', path: () => 'bookings' },
  {
    weight: 3,
    method: 'GET',
    route: 'reports/occupancy',
    path: () => `reports/occupancy?${pickStay()}`,
  },
];
const TOTAL_WEIGHT = ACTIONS.reduce((sum, { weight }) => sum + weight, 0);

export interface TrafficOptions {
  url: string;
  /** Speed of the demo's day: 1 is real time. */
  speed: number;
  startHour: number;
}

/** Sends the requests of simulated users who search and book rooms. The load depends on the time of day. */
export class Traffic {
  readonly #options: TrafficOptions;
  readonly #startMs = performance.now();
  readonly #pending = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;
  /** Number of requests to send, with fractions. */
  #due = 0;
  #lastMs = performance.now();
  #duePeak = 0;
  /** The hotel that gets additional requests. */
  peakHotel: Hotel | undefined;
  /** Number of responses by `METHOD route organization property status`. */
  readonly responses = new Map<string, number>();

  constructor(options: TrafficOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Stops the traffic and waits for the last response. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#pending);
  }

  #tick(): void {
    const nowMs = performance.now();
    const { startHour, speed } = this.#options;
    const hour = getHour(startHour, nowMs - this.#startMs, speed);
    this.#due += (computeLoad(hour) * MAX_PER_SECOND * (nowMs - this.#lastMs)) / 1000;
    if (this.peakHotel) this.#duePeak += (PEAK_PER_SECOND * (nowMs - this.#lastMs)) / 1000;
    this.#lastMs = nowMs;
    for (; this.#due >= 1; this.#due--) {
      this.#start(HOTELS[Math.floor(Math.random() * HOTELS.length)]!);
    }
    for (; this.peakHotel && this.#duePeak >= 1; this.#duePeak--) this.#start(this.peakHotel);
  }

  #start(hotel: Hotel): void {
    const sending = this.#send(hotel).finally(() => this.#pending.delete(sending));
    this.#pending.add(sending);
  }

  async #send(hotel: Hotel): Promise<void> {
    const { organization, property } = hotel;
    const { method, route, path } = pickAction();
    const headers = {
      'x-organization-id': organization,
      'x-property-id': property,
      'x-user-id': `${property}-${Math.ceil(Math.random() * USER_COUNT)}`,
    };
    const url = `${this.#options.url}/api/properties/${property}/${path(hotel)}`;
    let status = 'no response';
    try {
      const response = await fetch(url, { method, headers });
      await response.arrayBuffer();
      status = String(response.status);
    } catch {
      // The service is down or stopping.
    }
    const key = [method, route, organization, property, status].join(' ');
    this.responses.set(key, (this.responses.get(key) ?? 0) + 1);
  }
}

function pickAction(): Action {
  let remaining = Math.random() * TOTAL_WEIGHT;
  for (const action of ACTIONS) {
    remaining -= action.weight;
    if (remaining < 0) return action;
  }
  return ACTIONS[0]!;
}
