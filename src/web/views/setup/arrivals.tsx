import { useEffect, useState } from 'preact/hooks';
import { refresh, useApi } from '../../api/queries.ts';
import { serverNow } from '../../api/server-clock.ts';
import { client } from '../../api/session.ts';
import { Card } from '../../design/card.tsx';
import { Dot } from '../../design/controls.tsx';
import { formatClock, toZoneName } from '../../format/times.ts';
import { linkTo, zoneChoice } from '../../url/view-state.ts';

const POLL_MS = 3000;
const MAX_SERVICES = 1000;
/** Services with measurements in this time are known already. */
const KNOWN_RANGE = '7d';
const OWN_SERVICE = 'perfscope';

interface Arrival {
  readonly service: string;
  readonly atMs: number;
  readonly hasRequests: boolean;
}

/** Waits for the first request of a new service while the view is open. */
export function Arrivals() {
  const known = useKnownServices();
  const arrivals = useArrivals(known);
  const zone = toZoneName(zoneChoice.value);
  return (
    <Card title="Live check">
      <div role="status" class="arrivals">
        {arrivals.length === 0 ? (
          <p class="waiting">
            <Dot kind="accent" label="Waiting" /> Waiting for the first request…
          </p>
        ) : (
          arrivals.map(({ service, atMs, hasRequests }) => (
            <p key={service}>
              <Dot kind="ok" label="Received" /> <strong>Received:</strong>{' '}
              <a class="name" href={linkTo('/service', { service })}>
                {service}
              </a>{' '}
              sent its first {hasRequests ? 'request' : 'measurements'} at{' '}
              {formatClock(atMs, zone, true)}
              {!hasRequests && '. Send a request to it to see response times'}
            </p>
          ))
        )}
      </div>
      <p class="muted">
        Send a few requests to your service. They arrive within 30 s.
        {known && known.size > 0 && (
          <>
            {' '}
            Already known:{' '}
            {[...known].map((service, index) => (
              <span key={service}>
                {index > 0 && ', '}
                <a class="name" href={linkTo('/service', { service })}>
                  {service}
                </a>
              </span>
            ))}
            .
          </>
        )}
      </p>
    </Card>
  );
}

/** The services with measurements before the view was opened. Undefined until they are loaded. */
function useKnownServices(): ReadonlySet<string> | undefined {
  const [known, setKnown] = useState<ReadonlySet<string>>();
  useEffect(() => {
    let isMounted = true;
    const load = () => {
      client.value
        .get('values', { dimension: 'service', last: KNOWN_RANGE, limit: MAX_SERVICES })
        .then(
          ({ values }) => isMounted && setKnown(toNames(values)),
          () => setTimeout(() => isMounted && load(), POLL_MS),
        );
    };
    load();
    return () => {
      isMounted = false;
    };
  }, []);
  return known;
}

/** Services that appeared since the view was opened, in the order of their appearance. */
function useArrivals(known: ReadonlySet<string> | undefined): readonly Arrival[] {
  const [arrivals, setArrivals] = useState<readonly Arrival[]>([]);
  const query = { dimension: 'service', last: '15m', limit: MAX_SERVICES } as const;
  const all = useApi('values', query, { isLive: true });
  const withRequests = useApi(
    'values',
    { ...query, metricType: 'API_RESPONSE_TIME' },
    { isLive: true },
  );
  useEffect(() => {
    const timer = setInterval(() => void refresh('values'), POLL_MS);
    return () => clearInterval(timer);
  }, []);
  useEffect(() => {
    if (!known || !all.data) return;
    const requests = toNames(withRequests.data?.values ?? []);
    const current = new Map(arrivals.map((arrival) => [arrival.service, arrival]));
    for (const service of toNames(all.data.values)) {
      if (known.has(service)) continue;
      const before = current.get(service);
      const hasRequests = requests.has(service);
      // The time changes once, from the first measurement to the first request.
      if (!before || (hasRequests && !before.hasRequests)) {
        current.set(service, { service, atMs: serverNow(), hasRequests });
      }
    }
    const next = [...current.values()];
    if (next.some((arrival, index) => arrival !== arrivals[index])) setArrivals(next);
  }, [known, all.data, withRequests.data]);
  return arrivals;
}

function toNames(values: readonly { value: string }[]): ReadonlySet<string> {
  return new Set(values.map(({ value }) => value).filter((name) => name !== OWN_SERVICE));
}
