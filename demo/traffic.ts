import { computeLoad, getHour } from './daily-load.ts';
import { HOTELS, type Hotel } from './hotels.ts';

/** Requests per second when it is busiest. */
const MAX_PER_SECOND = 30;
/** More of them, when everybody wants one hotel. */
const PEAK_PER_SECOND = 25;
const TICK_MS = 50;
/** Users of each hotel. */
const USERS = 60;

interface Action {
  weight: number;
  method: 'GET' | 'POST';
  route: string;
  path: (hotel: Hotel) => string;
}

const ACTIONS: readonly Action[] = [
  { weight: 60, method: 'GET', route: 'rooms', path: () => 'rooms' },
  {
    weight: 22,
    method: 'GET',
    route: 'bookings/:id',
    path: () => `bookings/${Math.ceil(Math.random() * 21_000)}`,
  },
  { weight: 15, method: 'POST', route: 'bookings', path: () => 'bookings' },
  { weight: 3, method: 'GET', route: 'reports/occupancy', path: () => 'reports/occupancy' },
];
const TOTAL_WEIGHT = ACTIONS.reduce((sum, { weight }) => sum + weight, 0);

export interface TrafficOptions {
  url: string;
  /** How many times faster than the clock the demo's day runs. */
  speed: number;
  startHour: number;
}

/** People who look for rooms and book them, more of them in the evening than at night. */
export class Traffic {
  readonly #options: TrafficOptions;
  readonly #startMs = performance.now();
  readonly #underway = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;
  #due = 0;
  #lastMs = performance.now();
  #duePeak = 0;
  /** A hotel that many more people want. */
  peakHotel: Hotel | undefined;
  /** Answers by `METHOD route organization property status`. */
  readonly answers = new Map<string, number>();

  constructor(options: TrafficOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Ends it, when the last answer is there. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#underway);
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
    const sending = this.#send(hotel).finally(() => this.#underway.delete(sending));
    this.#underway.add(sending);
  }

  async #send(hotel: Hotel): Promise<void> {
    const { organization, property } = hotel;
    const { method, route, path } = pickAction();
    const headers = {
      'x-organization-id': organization,
      'x-property-id': property,
      'x-user-id': `${property}-${Math.ceil(Math.random() * USERS)}`,
    };
    const url = `${this.#options.url}/api/properties/${property}/${path(hotel)}`;
    let status = 'no answer';
    try {
      const response = await fetch(url, { method, headers });
      await response.arrayBuffer();
      status = String(response.status);
    } catch {
      // The service is away, or being stopped: nobody answered.
    }
    const key = [method, route, organization, property, status].join(' ');
    this.answers.set(key, (this.answers.get(key) ?? 0) + 1);
  }
}

function pickAction(): Action {
  let left = Math.random() * TOTAL_WEIGHT;
  for (const action of ACTIONS) {
    left -= action.weight;
    if (left < 0) return action;
  }
  return ACTIONS[0]!;
}
