import { expect, test } from 'vitest';
import { isSearchPath, serviceOf } from './search-path.ts';

test.each([
  ['api.example.com', 'No'],
  ['pypi.org.agents.svc.cluster.local', 'Yes'],
  ['pypi.org.svc.cluster.local', 'Perhaps'],
  ['pypi.org.cluster.local', 'Yes'],
  ['redis.agents.svc.cluster.local', 'No'],
  ['pay.dev.svc.cluster.local', 'Perhaps'],
  ['redis.svc.cluster.local', 'Yes'],
  ['redis.cluster.local', 'Yes'],
  ['pod-0.redis.agents.svc.cluster.local', 'Yes'],
  ['pypi.org.ec2.internal', 'Yes'],
  ['pypi.org.c.project-1.internal', 'Yes'],
  ['ip-10-0-0-1.ec2.internal', 'No'],
  ['metadata.google.internal', 'No'],
  ['cluster.local', 'No'],
  ['', 'No'],
])('%s: %s', (name, verdict) => {
  expect(isSearchPath(name)).toBe(verdict);
});

test.each([
  ['redis.agents.svc.cluster.local', 'redis.agents'],
  ['a.redis.agents.svc.cluster.local', undefined],
  ['redis.svc.cluster.local', undefined],
  ['example.com', undefined],
])('the Service of %s is %s', (name, service) => {
  expect(serviceOf(name)).toBe(service);
});
