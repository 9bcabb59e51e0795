import { ApolloServer } from '@apollo/server';
import { expressMiddleware } from '@as-integrations/express5';
import express from 'express';
import * as graphql from 'graphql';
import { run } from '../../apps/graphql-operations.cjs';

await run({ graphql, ApolloServer, expressMiddleware, express });
