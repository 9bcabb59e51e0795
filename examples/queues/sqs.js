// Creates invoices with Amazon SQS. After two attempts, SQS moves a message to the queue `invoices-failed`.
import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { addJobs, createInvoice, QUEUE } from './invoices.js';

// The SDK reads the region and the credentials from `AWS_…` variables.
const client = new SQSClient({ endpoint: process.env.SQS_ENDPOINT });

async function createQueue(QueueName, Attributes) {
  const { QueueUrl } = await client.send(new CreateQueueCommand({ QueueName, Attributes }));
  return QueueUrl;
}

async function createQueues() {
  const QueueUrl = await createQueue(`${QUEUE}-failed`);
  const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] });
  const { Attributes } = await client.send(command);
  const policy = { deadLetterTargetArn: Attributes.QueueArn, maxReceiveCount: 2 };
  return createQueue(QUEUE, { RedrivePolicy: JSON.stringify(policy) });
}

const QueueUrl = await createQueues();
await addJobs((booking) =>
  client.send(new SendMessageCommand({ QueueUrl, MessageBody: String(booking) })),
);

async function receive() {
  const MessageSystemAttributeNames = ['ApproximateReceiveCount'];
  const input = { QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 };
  const command = new ReceiveMessageCommand({ ...input, MessageSystemAttributeNames });
  const { Messages = [] } = await client.send(command);
  return Messages;
}

for (let messages = await receive(); messages.length > 0; messages = await receive()) {
  for (const { Body, Attributes, ReceiptHandle } of messages) {
    const message = { QueueUrl, ReceiptHandle };
    try {
      await createInvoice(Number(Body), Number(Attributes.ApproximateReceiveCount));
      await client.send(new DeleteMessageCommand(message));
    } catch {
      // Returns the message to the queue.
      await client.send(new ChangeMessageVisibilityCommand({ ...message, VisibilityTimeout: 0 }));
    }
  }
}
// The process then ends by itself, and the agent sends the last rows.
client.destroy();
