/**
 * Reads Kubernetes objects from the text of a file: YAML with several documents, JSON, and lists of either.
 *
 * YAML is read as kubectl reads it (1.1: `yes` and `on` are booleans, 0777 is octal), so that a file means the same here
 * and there; what kubectl would guess about is refused. Nothing a file holds makes this throw, and aliases, nesting and
 * size are bounded. Which fields a kind may have is not judged here: parse.ts does that for ours.
 */
import type { FieldPath, Problem, Source } from './problem.ts';
import { problemAt } from './problem.ts';
import { type RawDocument, readText } from './text-documents.ts';
import type { KubeObject } from './types.ts';
import { isFields } from './validate.ts';

/** One object, and where it was read from. */
export interface ManifestDocument extends Source {
  object: KubeObject;
}

export interface Manifests {
  documents: ManifestDocument[];
  problems: Problem[];
}

/**
 * Reads every object of one file. Documents that can be read are returned beside the problems of those that cannot.
 *
 * An object that leaves its name to the API server (generateName) gets the prefix as its name. Objects inside a List get its
 * apiVersion and kind where they name none.
 *
 * @param text - the whole file.
 * @param file - its name, for messages; `-` is shown as standard input.
 */
export function parseKubeObjects(text: string, file: string): Manifests {
  const shown = file === '-' ? 'standard input' : file;
  const { documents, problems } = readText(text, shown);
  const result: Manifests = { documents: [], problems: [...problems] };
  for (const document of documents) {
    for (const candidate of itemsOf(document, result.problems)) {
      const object = kubeObject(candidate, result.problems);
      if (object !== undefined) {
        const { value: _, ...source } = candidate;
        result.documents.push({ object, ...source });
      }
    }
  }
  return result;
}

function itemsOf(document: RawDocument, problems: Problem[]): RawDocument[] {
  const { value, lineOf } = document;
  if (!isFields(value) || typeof value['kind'] !== 'string' || !LIST_KIND.test(value['kind']) || !('items' in value)) {
    return [document];
  }
  const { kind, apiVersion } = value;
  const items = value['items'] ?? [];
  if (!Array.isArray(items)) {
    problems.push(problemAt(document, ['items'], { value: items, message: 'must be a list' }));
    return [];
  }
  // A typed list, such as PodList, does not repeat its kind in every item; a plain List does.
  const inherited = kind === 'List' ? {} : { apiVersion, kind: kind.slice(0, -'List'.length) };
  return items.map((item: unknown, position) => {
    const line = lineOf?.(['items', position]);
    return {
      file: document.file,
      index: document.index,
      item: position,
      value: isFields(item) ? { ...inherited, ...item } : item,
      ...(line === undefined ? {} : { line }),
      ...(lineOf === undefined ? {} : { lineOf: (path: FieldPath) => lineOf(['items', position, ...path]) }),
    };
  });
}

function kubeObject(document: RawDocument, problems: Problem[]): KubeObject | undefined {
  const { value } = document;
  const refuse = (path: FieldPath, message: string, found?: unknown): undefined => {
    problems.push(problemAt(document, path, { value: found, message }));
  };
  if (!isFields(value)) {
    return refuse([], 'must be a Kubernetes object: a mapping with apiVersion, kind and metadata', value);
  }
  for (const field of ['apiVersion', 'kind']) {
    if (typeof value[field] !== 'string' || value[field] === '') {
      return refuse([field], 'is required: every Kubernetes object names its apiVersion and kind', value[field]);
    }
  }
  const { metadata } = value;
  if (!isFields(metadata)) {
    return refuse(['metadata'], 'is required: every Kubernetes object has metadata with a name', metadata);
  }
  const name = metadata['name'] ?? metadata['generateName'];
  if (typeof name !== 'string' || name === '') {
    return refuse(['metadata', 'name'], 'is required', metadata['name']);
  }
  return { ...value, metadata: { ...metadata, name } } as unknown as KubeObject;
}

const LIST_KIND = /List$/;
