/**
 * metav1.ObjectMeta as the offline reader checks it. In a cluster the API server checks metadata by itself, so this is in
 * no CRD.
 *
 * `managedFields` and `selfLink` are not here: the reader takes them away first, for nothing of ours reads them.
 */
import Type from 'typebox';
import { DnsLabel, Labels, ObjectName } from './schema-parts.ts';

const text = (description: string) => Type.Optional(Type.String({ description }));

const OwnerReference = Type.Object({
  apiVersion: Type.String({ minLength: 1, description: 'API version of the owner.' }),
  kind: Type.String({ minLength: 1, description: 'Kind of the owner.' }),
  name: Type.String({ minLength: 1, description: 'Name of the owner.' }),
  uid: Type.String({ minLength: 1, description: 'UID of the owner.' }),
  controller: Type.Optional(Type.Boolean({ description: 'Whether the owner manages the object.' })),
  blockOwnerDeletion: Type.Optional(Type.Boolean({ description: 'Whether the owner waits for the object to go.' })),
});

export const ObjectMetaSchema = Type.Object({
  name: ObjectName('Lower-case letters, digits, - and ., beginning and ending with a letter or digit.'),
  generateName: text('Prefix of a name that the API server makes.'),
  namespace: Type.Optional(DnsLabel('Namespace of the object.')),
  uid: text('Set by the API server.'),
  resourceVersion: text('Set by the API server.'),
  generation: Type.Optional(Type.Integer({ description: 'Set by the API server.' })),
  creationTimestamp: text('Set by the API server.'),
  deletionTimestamp: text('Set by the API server.'),
  deletionGracePeriodSeconds: Type.Optional(Type.Integer({ description: 'Set by the API server.' })),
  labels: Type.Optional({ ...Labels('Labels of the object.'), maxProperties: 1024 }),
  annotations: Type.Optional(Type.Record(Type.String(), Type.String(), { description: 'Annotations.' })),
  ownerReferences: Type.Optional(Type.Array(OwnerReference, { description: 'Owners of the object.' })),
  finalizers: Type.Optional(Type.Array(Type.String(), { description: 'What must be done before it may go.' })),
});
