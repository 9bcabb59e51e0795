const graphql = require('graphql');
const yoga = require('graphql-yoga');

require('../../apps/graphql-operations.cjs').run({ graphql, yoga });
