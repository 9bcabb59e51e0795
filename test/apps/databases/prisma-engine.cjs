/** Definition of a client, as `prisma generate` writes it. */
const CONFIG = {
  generator: {
    name: 'client',
    provider: { value: 'prisma-client-js' },
    previewFeatures: [],
    config: { engineType: process.env.ENGINE_TYPE },
  },
  relativeEnvPaths: {},
  relativePath: '.',
  dirname: __dirname,
  clientVersion: '0.0.0',
  engineVersion: '0',
  datasourceNames: ['db'],
  activeProvider: 'postgresql',
  inlineDatasources: { db: { url: { value: 'postgresql://user:secret@localhost:1234/hotel' } } },
  inlineSchema: '',
  inlineSchemaHash: '',
  copyEngine: true,
  runtimeDataModel: {
    models: {
      Room: {
        dbName: null,
        fields: ['id', 'city', 'status'].map((name) => ({
          name,
          kind: 'scalar',
          type: name === 'id' ? 'Int' : 'String',
          isList: false,
          isRequired: true,
          isUnique: false,
          isId: name === 'id',
        })),
        uniqueFields: [],
        uniqueIndexes: [],
      },
    },
    enums: {},
    types: {},
  },
};

const WAIT_MS = 30;

/** Replaces the native engine, which can't be downloaded here. The client calls it for each operation. */
function createEngine(runtime) {
  const answer = async ({ modelName, action }) => {
    await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
    const clientVersion = '0';
    if (action === 'createOne') {
      throw new runtime.PrismaClientKnownRequestError('Unique constraint failed', {
        code: 'P2002',
        clientVersion,
      });
    }
    if (action === 'deleteOne') {
      throw new runtime.PrismaClientInitializationError(
        "Can't reach database server",
        '0',
        'P1001',
      );
    }
    const result = action.endsWith('Raw')
      ? { columns: ['n'], types: ['int'], rows: [[1]] }
      : action === 'findMany'
        ? []
        : { id: 1, city: 'Bern', status: 'free' };
    return { data: { [`${action}${modelName ?? ''}`]: result } };
  };
  return {
    onBeforeExit() {},
    start: async () => {},
    stop: async () => {},
    version: () => '0',
    request: (query) => answer(query),
    requestBatch: (queries) => Promise.all(queries.map((query) => answer(query))),
    transaction: async () => ({ id: 'tx' }),
  };
}

module.exports = async function run(runtime) {
  const PrismaClient = runtime.getPrismaClient(CONFIG);
  const prisma = new PrismaClient();
  // The client has started to load the native library, which doesn't exist.
  prisma._engine.libraryInstantiationPromise?.catch(() => {});
  prisma._engine = createEngine(runtime);
  for (const city of ['Bern', 'Basel'])
    await prisma.room.findMany({ where: { status: 'free', city } });
  await prisma.room.findFirst();
  const extended = prisma.$extends({ name: 'test' });
  await extended.room.findMany({ where: { city: 'Bern' } });
  await prisma.$queryRaw`SELECT id FROM rooms WHERE city = ${'Bern'}`;
  await prisma.$queryRawUnsafe("SELECT id FROM rooms WHERE status = 'free'");
  const duplicate = await prisma.room
    .create({ data: { id: 1, city: 'Bern', status: 'free' } })
    .catch((error) => error);
  const refused = await prisma.room.delete({ where: { id: 1 } }).catch((error) => error);
  return { errors: [duplicate, refused].map((error) => error.code ?? error.name) };
};
