const { Kafka } = require('kafkajs');

exports.TOPIC = 'payments';
exports.kafka = new Kafka({
  brokers: (process.env.KAFKA_BROKERS ?? '127.0.0.1:9092').split(','),
  logLevel: 1,
});
