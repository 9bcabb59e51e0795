require('reflect-metadata');
const common = require('@nestjs/common');
const core = require('@nestjs/core');
const { ExpressAdapter } = require('@nestjs/platform-express');
const { FastifyAdapter } = require('@nestjs/platform-fastify');
const { serveNest } = require('../../apps/nest-server.cjs');

void serveNest({ ...common, ...core, ExpressAdapter, FastifyAdapter });
