// Runs known operations with a Prisma client that uses a driver adapter, and returns what the program itself measured.
const http = require('node:http');

const SLEEP_MS = 40;

module.exports = async function run(PrismaClient, Adapter) {
  const startMs = performance.now();
  const create = (options) => new PrismaClient({ adapter: new Adapter(options) });
  const prisma = create({ connectionString: process.env.DATABASE_URL, max: 2 });
  await prisma.$executeRawUnsafe(
    'CREATE TABLE "Room" (id int PRIMARY KEY, city text, status text)',
  );
  for (const [id, city] of ['Bern', 'Basel', 'Chur'].entries()) {
    await prisma.room.create({ data: { id, city, status: 'secret' } });
  }
  for (const city of ['Bern', 'Basel']) await prisma.room.findMany({ where: { city } });
  for (const ids of [[1], [1, 2]]) await prisma.room.findMany({ where: { id: { in: ids } } });
  await prisma.room.update({ where: { id: 1 }, data: { status: 'free' } });
  await prisma.$extends({ name: 'test' }).room.findMany({ where: { city: 'Chur' } });
  await prisma.$queryRaw`SELECT id FROM "Room" WHERE city = ${'Bern'} AND status = 'secret'`;

  // A batch, an interactive transaction, and one that is rolled back.
  await prisma.$transaction([prisma.room.count(), prisma.room.count()]);
  await prisma.$transaction((transaction) => transaction.room.count());
  const rolledBack = await prisma
    .$transaction(async (transaction) => {
      await transaction.room.count();
      throw new RangeError('stop');
    })
    .catch((error) => error.name);

  const duplicate = await prisma.room
    .create({ data: { id: 1, city: 'secret', status: 'free' } })
    .catch((error) => error.code);
  const missing = await prisma.$queryRawUnsafe('SELECT secret FROM "Room"').catch((e) => e.code);

  // Two connections for six statements: four callers wait.
  const sleepStartMs = performance.now();
  await Promise.all(
    Array.from({ length: 6 }, () =>
      prisma.$executeRawUnsafe(`SELECT pg_sleep(${SLEEP_MS / 1000})`),
    ),
  );
  const sleepMs = performance.now() - sleepStartMs;

  const connections = await holdConnections(prisma);
  const statements = await requestRooms(prisma);
  const refused = create({ connectionString: 'postgresql://eve:secret@127.0.0.1:1/hotel' });
  const connect = await refused.room.count().catch((error) => error.code ?? error.name);
  await refused.$disconnect();
  const wallMs = performance.now() - startMs;
  await prisma.$disconnect();
  const errors = [rolledBack, duplicate, missing, connect];
  return { errors, sleepMs, connections, statements, wallMs };
};

/** Runs one statement for each room in one request, and returns the number of statements. */
async function requestRooms(prisma) {
  const statements = 7;
  const server = http.createServer(async (_request, response) => {
    for (let id = 0; id < statements; id++) await prisma.room.findUnique({ where: { id } });
    response.end();
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  await (await fetch(`http://127.0.0.1:${server.address().port}/`)).text();
  await new Promise((resolve) => server.close(resolve));
  return statements;
}

/** Uses both connections while three callers wait, and returns the values of the pool that the agent then exports. */
async function holdConnections(prisma) {
  let release;
  const released = new Promise((resolve) => {
    release = resolve;
  });
  let using = 0;
  const hold = async (transaction) => {
    await transaction.room.count();
    using += 1;
    await released;
  };
  const transactions = [prisma.$transaction(hold), prisma.$transaction(hold)];
  while (using < 2) await new Promise((resolve) => setImmediate(resolve));
  const waiting = Promise.all(Array.from({ length: 3 }, () => prisma.room.count()));
  let busy = await readConnections();
  while (busy.pending_requests !== 3) busy = await readConnections();
  release();
  await Promise.all([...transactions, waiting]);
  return { busy, idle: await readConnections() };
}

async function readConnections() {
  const url = `http://127.0.0.1:${process.env.OTEL_EXPORTER_PROMETHEUS_PORT}/metrics`;
  const text = await (await fetch(url, { headers: { connection: 'close' } })).text();
  const lines = text.matchAll(/^db_client_connection_(count|max|pending_requests)\{(.*)\} (\d+)/gm);
  return Object.fromEntries(
    [...lines].map(([, name, labels, value]) => {
      const [, state] = /state="(\w+)"/.exec(labels) ?? [];
      return [state ?? name, Number(value)];
    }),
  );
}
