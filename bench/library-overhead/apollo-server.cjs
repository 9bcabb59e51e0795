module.exports = {
  path: '/?query=query%20Room%7Broom%7Bid%7D%7D&operationName=Room',
  async listen() {
    const { ApolloServer } = require('@apollo/server');
    const { startStandaloneServer } = require('@apollo/server/standalone');
    const server = new ApolloServer({
      typeDefs: 'type Room { id: Int } type Query { room: Room }',
      resolvers: { Query: { room: () => ({ id: 7 }) } },
      csrfPrevention: false,
    });
    const { url } = await startStandaloneServer(server, { listen: { port: 0, host: '127.0.0.1' } });
    return Number(new URL(url).port);
  },
};
