import { ApolloServer } from '@apollo/server';
import { expressMiddleware } from '@apollo/server/express4';
import express from 'express';
import * as graphql from 'graphql';
import * as yoga from 'graphql-yoga';
import { run } from '../../apps/graphql-operations.cjs';

await run({ graphql, yoga, ApolloServer, expressMiddleware, express });
