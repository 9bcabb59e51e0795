module.exports = {
  path: '/?query=query%20Room%7Broom%7Bid%7D%7D&operationName=Room',
  async listen() {
    const { ApolloServer } = require('@apollo/server');
    const { startStandaloneServer } = require('@apollo/server/standalone');
    const { buildSchema } = require('graphql');
    // Apollo's own builder can load another version of graphql.
    const schema = buildSchema('type Room { id: Int } type Query { room: Room }');
    schema.getQueryType().getFields().room.resolve = () => ({ id: 7 });
    const server = new ApolloServer({ schema, csrfPrevention: false });
    const { url } = await startStandaloneServer(server, { listen: { port: 0, host: '127.0.0.1' } });
    return Number(new URL(url).port);
  },
};
