const { once } = require('node:events');
const { createServer } = require('node:http');
const { setTimeout: delay } = require('node:timers/promises');

/** Returns a schema whose fields succeed and fail in different ways. */
function createSchema(graphql) {
  const { GraphQLError, GraphQLInt, GraphQLList, GraphQLObjectType, GraphQLSchema } = graphql;
  const number = (resolve) => ({ type: GraphQLInt, resolve });
  const fail = (create) =>
    number(() => {
      throw create();
    });
  const Room = new GraphQLObjectType({
    name: 'Room',
    fields: {
      id: number(({ id }) => id),
      price: fail(() => new RangeError('price not found')),
      rating: number(async () => {
        await null;
        throw new TypeError('rating not found');
      }),
      secret: fail(() => new GraphQLError('no', { extensions: { code: 'FORBIDDEN' } })),
    },
  });
  const query = new GraphQLObjectType({
    name: 'Query',
    fields: {
      rooms: { type: new GraphQLList(Room), resolve: () => [{ id: 1 }, { id: 2 }] },
      slow: number(() => delay(40, 5)),
      count: { type: GraphQLInt, args: { max: { type: GraphQLInt } }, resolve: () => 3 },
    },
  });
  const mutation = new GraphQLObjectType({ name: 'Mutation', fields: { book: number(() => 1) } });
  const subscription = new GraphQLObjectType({
    name: 'Subscription',
    fields: {
      ticks: {
        type: GraphQLInt,
        subscribe: async function* () {
          yield { ticks: 1 };
          yield { ticks: 2 };
        },
      },
    },
  });
  return new GraphQLSchema({ query, mutation, subscription });
}

const ROOMS = { query: 'query Rooms { rooms { id } }' };
const PRICE = { query: 'query Price { rooms { cost: price } }' };

/** The bodies of the requests. */
const OPERATIONS = [
  ROOMS,
  ROOMS,
  { query: '{ rooms { id } }' },
  { query: 'query First { slow } query Second { count }', operationName: 'Second' },
  { query: 'query Slow { slow }' },
  { query: 'mutation Book { book }' },
  { query: 'query Count($max: Int) { count(max: $max) }', variables: { max: 5 } },
  PRICE,
  { query: 'query Both { rooms { ...Parts } } fragment Parts on Room { price rating id }' },
  { query: 'query Secret { rooms { secret } }' },
  { query: 'query Broken { rooms {' },
  { query: 'query Unknown { unknown4711 }' },
];
const SUBSCRIPTION = { query: 'subscription Ticks { ticks }' };
const BATCHES = [[ROOMS, PRICE], [ROOMS]];

/** Sends operations to a server, and prints the responses. */
async function sendAll(name, server, operations) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  console.log(name);
  for (const operation of operations) {
    const accept = operation === SUBSCRIPTION ? 'text/event-stream' : 'application/json';
    const response = await fetch(`http://127.0.0.1:${server.address().port}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept },
      body: JSON.stringify(operation),
    });
    const text = await response.text();
    console.log(response.status, text.replaceAll(/"stacktrace":\[[^\]]*\]/g, '"stacktrace"'));
  }
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
}

/** Returns a server that only uses the package `graphql`. */
function createPlainServer({ execute, parse, subscribe, validate }, schema) {
  return createServer(async (request, response) => {
    const chunks = await request.toArray();
    const { query, operationName, variables } = JSON.parse(Buffer.concat(chunks).toString());
    const respond = (status, result) => response.writeHead(status).end(JSON.stringify(result));
    try {
      const document = parse(query);
      const errors = validate(schema, document);
      if (errors.length > 0) return respond(400, { errors });
      const args = { schema, document, operationName, variableValues: variables };
      if (query.startsWith('subscription')) {
        const events = await Array.fromAsync(await subscribe(args));
        return respond(200, events);
      }
      respond(200, await execute(args));
    } catch (error) {
      respond(400, { errors: [error] });
    }
  });
}

/** Runs all operations on each kind of server. */
async function run({ graphql, yoga, ApolloServer, expressMiddleware, express }) {
  const schema = createSchema(graphql);
  if (ApolloServer) {
    const apollo = new ApolloServer({
      schema,
      allowBatchedHttpRequests: true,
      includeStacktraceInErrorResponses: false,
    });
    await apollo.start();
    const app = express();
    app.use('/graphql', express.json(), expressMiddleware(apollo));
    await sendAll('apollo', createServer(app), [...OPERATIONS, ...BATCHES]);
    await apollo.stop();
  }
  if (yoga) {
    const options = { schema, batching: true, logging: false };
    await sendAll('yoga', createServer(yoga.createYoga(options)), [
      ...OPERATIONS,
      ...BATCHES,
      SUBSCRIPTION,
    ]);
  }
  await sendAll('plain', createPlainServer(graphql, schema), [...OPERATIONS, SUBSCRIPTION]);
}

module.exports = { run };
