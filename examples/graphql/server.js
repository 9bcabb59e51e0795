// A small booking service with GraphQL.
import { createServer } from 'node:http';
import { createSchema, createYoga } from 'graphql-yoga';

const schema = createSchema({
  typeDefs: `
    type Room { id: ID!, price: Int }
    type Query { room(id: ID!): Room }
    type Mutation { book(room: ID!): Room }
  `,
  resolvers: {
    Query: { room: (_parent, { id }) => ({ id, price: 80 }) },
    Mutation: {
      book(_parent, { room }) {
        if (room === '13') throw new Error('Room 13 does not exist.');
        return { id: room };
      },
    },
  },
});

const server = createServer(createYoga({ schema, logging: false }));
server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
