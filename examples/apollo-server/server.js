// A small booking service with GraphQL.
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { buildSchema } from 'graphql';

const server = new ApolloServer({
  schema: buildSchema(`
    type Room { id: ID!, price: Int }
    type Query { room(id: ID!): Room }
    type Mutation { book(room: ID!): Room }
  `),
  rootValue: {
    room: ({ id }) => ({ id, price: 80 }),
    book({ room }) {
      if (room === '13') throw new Error('Room 13 does not exist.');
      return { id: room };
    },
  },
});

const { url } = await startStandaloneServer(server, {
  listen: { port: Number(process.env.PORT ?? 3000), host: '127.0.0.1' },
});
console.log(`listening on ${url}`);
