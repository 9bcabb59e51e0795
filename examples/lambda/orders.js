// An AWS Lambda function for an API with the routes GET /orders/{id} and POST /orders, and for messages of SQS.
import { traceFunction } from '@perfscope/agent';

const priceOrder = traceFunction('priceOrder', async (items) => items.length * 120);

export async function handler(event) {
  if (event.Records) {
    for (const { body } of event.Records) await priceOrder(JSON.parse(body).items);
    return undefined;
  }
  if (event.routeKey === 'POST /orders') {
    const { items } = JSON.parse(event.body);
    return { statusCode: 201, body: JSON.stringify({ price: await priceOrder(items) }) };
  }
  const { id } = event.pathParameters;
  if (id === '0') throw new RangeError('There is no order 0');
  return { statusCode: 200, body: JSON.stringify({ id }) };
}
