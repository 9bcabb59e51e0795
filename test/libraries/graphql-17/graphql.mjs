import * as graphql from 'graphql';
import * as yoga from 'graphql-yoga';
import { run } from '../../apps/graphql-operations.cjs';

await run({ graphql, yoga });
