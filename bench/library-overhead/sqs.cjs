// One operation sends, receives, and deletes a message.
const {
  CreateQueueCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} = require('@aws-sdk/client-sqs');

module.exports = {
  servers: ['sqs'],
  // The server responds late, so the process would be idle most of the time.
  parallel: 8,
  async setup({ SQS_ENDPOINT }) {
    const client = new SQSClient({
      endpoint: SQS_ENDPOINT,
      region: 'eu-west-1',
      credentials: { accessKeyId: 'key', secretAccessKey: 'secret' },
    });
    const { QueueUrl } = await client.send(
      new CreateQueueCommand({ QueueName: `bench-${process.pid}` }),
    );
    return {
      run: async () => {
        await client.send(new SendMessageCommand({ QueueUrl, MessageBody: 'body' }));
        const { Messages = [] } = await client.send(new ReceiveMessageCommand({ QueueUrl }));
        for (const { ReceiptHandle } of Messages)
          await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      },
      close: async () => client.destroy(),
    };
  },
};
