const { ApolloServer } = require('@apollo/server');
const { expressMiddleware } = require('@apollo/server/express4');
const express = require('express');
const graphql = require('graphql');
const yoga = require('graphql-yoga');

require('../../apps/graphql-operations.cjs').run({
  graphql,
  yoga,
  ApolloServer,
  expressMiddleware,
  express,
});
