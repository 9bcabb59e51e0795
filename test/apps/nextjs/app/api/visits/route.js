import { Redis } from 'ioredis';
import { createClient } from 'redis';

export const dynamic = 'force-dynamic';

/** Uses an external driver, and a driver that is part of the bundle. */
export async function GET() {
  const external = new Redis(process.env.REDIS_URL);
  const visits = await external.incr('visits');
  external.disconnect();
  const bundled = await createClient({ url: process.env.REDIS_URL }).connect();
  await bundled.set('last', visits);
  const last = await bundled.get('last');
  bundled.destroy();
  return Response.json({ isSame: last === String(visits) });
}
