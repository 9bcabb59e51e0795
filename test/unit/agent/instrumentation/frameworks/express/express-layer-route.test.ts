import { expect, it } from 'vitest';
import {
  type ExpressRequest,
  type Layer,
  LayerRouteField,
  type Router,
} from '../../../../../../src/agent/instrumentation/frameworks/express/express-layer-route.ts';

it('an empty array of paths is middleware without a path', () => {
  const layer: Layer = { match: () => true };
  LayerRouteField.set(layer, { stack: [layer], use: () => {} } as Router, []);
  const request = { url: '/rooms', baseUrl: '' } as ExpressRequest;
  expect(LayerRouteField.get(layer)?.getPath(request, undefined)).toBeUndefined();
});
