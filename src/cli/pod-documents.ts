/**
 * The pods that a set of manifests would make: pods themselves, and the templates of workloads.
 */
import type { ManifestDocument } from '../api/v1alpha1/manifests.ts';
import { type Problem, problemAt } from '../api/v1alpha1/problem.ts';

/** A pod, and where its author wrote it. */
export interface PodDocument {
  kind: string;
  namespace: string;
  /** Of the pod or of the workload. */
  name: string;
  file: string;
  /** Whatever stands there; it may be no pod at all. */
  pod: unknown;
  /** What comes before a field of the pod in the manifest: empty, or such as `spec.template.`. */
  prefix: string;
}

/** Objects of other kinds are passed over; a workload without a template goes to `problems`. */
export function podsOf(
  documents: readonly ManifestDocument[],
  defaultNamespace: string,
  problems: Problem[],
): PodDocument[] {
  return documents.flatMap((document) => {
    const { object, file } = document;
    const { apiVersion, kind, metadata } = object;
    const found = { kind, namespace: metadata.namespace ?? defaultNamespace, name: metadata.name, file };
    if (apiVersion === 'v1' && kind === 'Pod') {
      return [{ ...found, pod: object, prefix: '' }];
    }
    const path = TEMPLATES[`${apiVersion.split('/')[0]} ${kind}`];
    if (path === undefined) {
      return [];
    }
    const pod = below(object, path);
    if (pod === undefined) {
      problems.push(
        problemAt(document, path, { value: pod, message: `is required: a ${kind} makes its pods from it` }),
      );
      return [];
    }
    return [{ ...found, pod, prefix: `${path.join('.')}.` }];
  });
}

function below(object: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (node, key) => (typeof node === 'object' && node !== null ? (node as Record<string, unknown>)[key] : undefined),
    object,
  );
}

const TEMPLATE = ['spec', 'template'];

/** Where the pod template is, by API group and kind. */
const TEMPLATES: Readonly<Record<string, readonly string[]>> = {
  'v1 ReplicationController': TEMPLATE,
  'apps Deployment': TEMPLATE,
  'apps StatefulSet': TEMPLATE,
  'apps DaemonSet': TEMPLATE,
  'apps ReplicaSet': TEMPLATE,
  'batch Job': TEMPLATE,
  'batch CronJob': ['spec', 'jobTemplate', 'spec', 'template'],
};
