const { ApolloServer } = require('@apollo/server');
const { expressMiddleware } = require('@as-integrations/express5');
const express = require('express');
const graphql = require('graphql');

require('../../apps/graphql-operations.cjs').run({
  graphql,
  ApolloServer,
  expressMiddleware,
  express,
});
