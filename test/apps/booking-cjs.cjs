require('./booking.cjs')({
  express: require('express'),
  pg: require('pg'),
  bullmq: require('bullmq'),
});
