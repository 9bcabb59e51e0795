import 'reflect-metadata';
import * as common from '@nestjs/common';
import * as core from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { serveNest } from '../../apps/nest-server.cjs';

await serveNest({ ...common, ...core, ExpressAdapter, FastifyAdapter });
