// The application of `node-sdk-exercise.cjs` as a CommonJS module.
const { exercise } = require('./node-sdk-exercise.cjs');

void exercise({
  api: require('@opentelemetry/api'),
  express: require('express'),
  fastify: require('fastify'),
  http: require('node:http'),
  mysql: require('mysql2/promise'),
  pg: require('pg'),
  Redis: require('ioredis'),
  undici: require('undici'),
});
