/**
 * Objects as text, byte for byte the same for the same objects: fixed key order, no folding, no anchors, no time.
 */
import { Document, visit } from 'yaml';
import type { KubeObject } from '../api/v1alpha1/types.ts';

/**
 * YAML documents, each with a `---` before it but the first; empty text for no objects.
 *
 * Quoted for YAML 1.1 and 1.2, since kubectl reads a mixture: a label value `on` or `0o17` must stay text there.
 */
export function toYaml(objects: readonly KubeObject[]): string {
  return objects.map(toDocument).join('---\n');
}

/** One `List`, as `kubectl get -o json` prints it and `kubectl apply` takes it. */
export function toJson(objects: readonly KubeObject[]): string {
  return `${JSON.stringify(ordered({ apiVersion: 'v1', kind: 'List', items: objects }), undefined, 2)}\n`;
}

function toDocument(object: KubeObject): string {
  const document = new Document(ordered(object), { version: '1.1', aliasDuplicateObjects: false });
  visit(document, {
    Scalar: (_, node) => {
      if (typeof node.value === 'string' && OCTAL_OF_1_2.test(node.value)) {
        node.type = 'QUOTE_DOUBLE';
      }
    },
  });
  return document.toString({ lineWidth: 0 });
}

/** Keys sorted, but with those first that say what the object is. Lists keep their order: it has a meaning. */
function ordered(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(ordered);
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  const entries = Object.entries(value).sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, ordered(item)]));
}

function rank(key: string): number {
  const index = FIRST.indexOf(key);
  return index < 0 ? FIRST.length : index;
}

const FIRST = ['apiVersion', 'kind', 'metadata', 'name', 'namespace', 'port'];
const OCTAL_OF_1_2 = /^[-+]?0o[0-7]+$/;
