// Runs known operations with a Prisma client whose adapter uses a driver that the agent doesn't measure.
module.exports = async function run(PrismaClient, Adapter) {
  const { hostname: host, port, username: user, pathname } = new URL(process.env.DATABASE_URL);
  const create = (options) => new PrismaClient({ adapter: new Adapter(options) });
  const prisma = create({ host, port: Number(port), user, database: pathname.slice(1) });
  const startMs = performance.now();
  await prisma.$executeRawUnsafe(
    'CREATE OR REPLACE TABLE Room (id int PRIMARY KEY, city text, status text)',
  );
  await prisma.room.create({ data: { id: 1, city: 'secret', status: 'free' } });
  for (const city of ['Bern', 'Basel']) await prisma.room.findMany({ where: { city } });
  await prisma.$queryRaw`SELECT id FROM Room WHERE city = ${'Bern'}`;
  await prisma.$queryRawUnsafe('SELECT SLEEP(0.04)');
  const duplicate = await prisma.room
    .create({ data: { id: 1, city: 'secret', status: 'free' } })
    .catch((error) => error.code);
  const refused = create({ host, port: 1, user, connectTimeout: 200, acquireTimeout: 200 });
  const connect = await refused.room.count().catch((error) => error.code ?? error.name);
  await refused.$disconnect();
  const wallMs = performance.now() - startMs;
  await prisma.$disconnect();
  return { errors: [duplicate, connect], wallMs };
};
